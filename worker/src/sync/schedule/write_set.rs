//! Which rows of the target a change touches, as hashes: what the scheduler orders transactions by. Pure.
//!
//! A change touches every unique key of its old and its new image under the *target* table (R16, R17). Two changes that the target
//! could confuse must share a hash; two that it can't may share one, at the price of being applied one after the other.

use dm_ddl::{Column, Key, Table};
use dm_model::TableName;
use xxhash_rust::xxh3::xxh3_128;

use super::{Comparison, Kept};
use crate::sync::{
    transform::{RowChange, TablePlan},
    value::Value,
};

/// A key value, or a table as a whole, of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyHash(pub(crate) u128);

/// What a transaction touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WriteSet {
    /// Conflicts with every transaction that has one of these among its own `keys`.
    pub(crate) keys: Vec<KeyHash>,
    /// Follows every earlier transaction that has one of these among its `keys`, without being one itself.
    pub(crate) after: Vec<KeyHash>,
    /// Follows every earlier transaction, whatever that touches.
    pub(crate) barrier: bool,
}

impl WriteSet {
    /// Sorts, and drops what is there twice.
    pub(crate) fn finish(&mut self) {
        for hashes in [&mut self.keys, &mut self.after] {
            hashes.sort_unstable();
            hashes.dedup();
        }
    }
}

/// How the key that finds a row stands in a change: what folding goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowKey {
    /// Both images have this key. Different keys may share a hash.
    Same(KeyHash),
    /// The change moves a row from one value of a unique key to another, or has no key to go by: it stays where it is.
    Unfoldable,
}

/// How the changes of one source table hash. Made again with each [`TablePlan`].
#[derive(Debug)]
pub(crate) struct KeyPlan {
    keys: Vec<PlannedKey>,
    /// The whole target table.
    table: KeyHash,
    /// Whoever could be confused with any row of the table.
    wild: KeyHash,
    /// Every change also touches this: its table or foreign-key group is serial.
    serial: Option<KeyHash>,
    /// Some keys may be wild.
    may_be_wild: bool,
}

#[derive(Debug)]
struct PlannedKey {
    salt: KeyHash,
    parts: Vec<(usize, Comparison)>,
    /// It is the key by which rows are found.
    finds: bool,
}

impl KeyPlan {
    /// `target` is the structure of the target table, for its keys and types only; `None`, or one that has a key which we can't
    /// compute from a row, makes the table serial. `group` names the foreign-key group that must be serial as a whole (R18).
    pub(crate) fn new(plan: &TablePlan, target: Option<&Table>, group: Option<&TableName>) -> Self {
        // Some targets fold the case of names (R39).
        let name = plan.target.to_string().to_lowercase();
        let table = salted(&[b"table", name.as_bytes()]);
        let mut this = Self {
            keys: Vec::new(),
            table,
            wild: salted(&[b"wild", name.as_bytes()]),
            serial: group
                .map(|group| salted(&[b"group", group.to_string().to_lowercase().as_bytes()])),
            may_be_wild: false,
        };
        let Some(target) = target else {
            this.serial.get_or_insert(table);
            return this;
        };
        let finder: Vec<&str> = plan
            .find_by
            .iter()
            .filter_map(|index| Some(plan.columns.get(*index)?.column.name.as_str()))
            .collect();
        if !finder.is_empty() {
            let parts: Vec<(&str, Option<u32>)> = finder.iter().map(|name| (*name, None)).collect();
            this.add_key(plan, target, &name, &parts, true);
        }
        let of_target = target.keys.iter().filter(|key| key.is_unique());
        for key in of_target {
            match part_names(key) {
                Some(parts) if written(plan, &parts) => {
                    this.add_key(plan, target, &name, &parts, false);
                }
                // Over an expression, or a column that the target computes or fills by itself.
                _ => {
                    this.serial.get_or_insert(table);
                }
            }
        }
        // What is unique upstream only: nobody at the target sees two such rows at once.
        for key in &plan.unique {
            if let Some(parts) = part_names(key)
                && written(plan, &parts)
            {
                this.add_key(plan, target, &name, &parts, false);
            }
        }
        this.may_be_wild = this
            .keys
            .iter()
            .any(|key| key.parts.iter().any(|(_, part)| part.may_be_wild()));
        this
    }

    fn add_key(
        &mut self,
        plan: &TablePlan,
        target: &Table,
        name: &str,
        parts: &[(&str, Option<u32>)],
        finds: bool,
    ) {
        let mut labels: Vec<String> = parts
            .iter()
            .map(|(name, prefix)| format!("{}({})", name.to_lowercase(), prefix.unwrap_or(0)))
            .collect();
        let mut parts: Vec<(usize, Comparison)> = parts
            .iter()
            .filter_map(|(name, prefix)| {
                let index = column_index(plan, name)?;
                let source = &plan.columns.get(index)?.column;
                let comparison = target.column(name).map_or(Comparison::OPAQUE, |column| {
                    Comparison::new(source, column, *prefix)
                });
                Some((index, comparison))
            })
            .collect();
        parts.sort_unstable_by_key(|(index, _)| *index);
        labels.sort_unstable();
        let salt = salted(&[b"key", name.as_bytes(), labels.join(",").as_bytes()]);
        if self.keys.iter().all(|key| key.salt != salt) {
            self.keys.push(PlannedKey { salt, parts, finds });
        }
    }

    /// Whether all changes of the table follow each other.
    pub(crate) fn is_serial(&self) -> bool {
        self.serial.is_some()
    }

    /// Adds what a change touches.
    pub(crate) fn add(&self, change: &RowChange, set: &mut WriteSet) -> RowKey {
        set.keys.extend(self.serial);
        if self.may_be_wild {
            set.after.push(self.wild);
        }
        let mut scratch = Vec::with_capacity(64);
        match change {
            RowChange::Insert(row) | RowChange::Delete(row) => self.image(row, set, &mut scratch),
            RowChange::Update { before, after } => {
                let found = self.image(before, set, &mut scratch);
                if self.same_keys(before, after) {
                    return found;
                }
                self.image(after, set, &mut scratch);
                RowKey::Unfoldable
            }
        }
    }

    /// Whether two images agree, byte for byte, in every column of every key.
    pub(crate) fn same_keys(&self, one: &[Value], other: &[Value]) -> bool {
        self.keys
            .iter()
            .flat_map(|key| &key.parts)
            .all(|(index, _)| one.get(*index) == other.get(*index))
    }

    fn image(&self, row: &[Value], set: &mut WriteSet, scratch: &mut Vec<u8>) -> RowKey {
        let mut found = RowKey::Unfoldable;
        // A row without a complete key can only be told from others by all its values (R17).
        let mut complete = false;
        for key in &self.keys {
            scratch.clear();
            scratch.extend_from_slice(&key.salt.0.to_le_bytes());
            let mut null = false;
            for (index, part) in &key.parts {
                let Some(value) = row.get(*index) else {
                    set.keys.push(self.table);
                    return RowKey::Unfoldable;
                };
                if *value == Value::Null {
                    null = true;
                    break;
                }
                let before = scratch.len();
                if part.keep(value, scratch) == Kept::Wild {
                    set.keys.push(self.wild);
                    set.barrier = true;
                }
                let length = scratch.len() - before;
                scratch.extend_from_slice(&length.to_le_bytes());
            }
            // NULL equals nothing: such a row is not in this key.
            if null {
                continue;
            }
            complete = true;
            let hash = KeyHash(xxh3_128(scratch));
            set.keys.push(hash);
            if key.finds {
                found = RowKey::Same(hash);
            }
        }
        if !complete {
            set.keys.push(self.table);
        }
        found
    }
}

/// Names of a key's parts; `None` if one is an expression.
fn part_names(key: &Key) -> Option<Vec<(&str, Option<u32>)>> {
    key.parts
        .iter()
        .map(|part| Some((part.column.as_deref()?, part.prefix)))
        .collect()
}

/// Whether we write all these columns.
fn written(plan: &TablePlan, parts: &[(&str, Option<u32>)]) -> bool {
    parts.iter().all(|(name, _)| {
        column_index(plan, name)
            .and_then(|index| plan.columns.get(index))
            .is_some_and(|column| column.written)
    })
}

fn column_index(plan: &TablePlan, name: &str) -> Option<usize> {
    plan.columns
        .iter()
        .position(|planned| Column::is_named(&planned.column, name))
}

/// Each part with its length, so that no two lists run together.
fn salted(parts: &[&[u8]]) -> KeyHash {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&part.len().to_le_bytes());
        bytes.extend_from_slice(part);
    }
    KeyHash(xxh3_128(&bytes))
}

#[cfg(test)]
#[path = "write_set_test.rs"]
mod tests;
