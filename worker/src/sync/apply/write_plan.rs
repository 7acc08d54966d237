//! How the rows of one source table are written into its target table, worked out once per structure of either side.

use std::fmt::Write as _;
use std::sync::Arc;

use dm_ddl::{Column, Key, Table, TypeKind};
use dm_model::{DmError, TableName, codes};

use crate::sync::{
    schedule::KeyPlan,
    transform::TablePlan,
    value::{Value, quote_name, write_quoted},
};

/// A table as its rows are hashed and written.
#[derive(Debug)]
pub(crate) struct WritePlan {
    pub(crate) table: Arc<TablePlan>,
    pub(crate) keys: KeyPlan,
    pub(super) columns: Vec<WriteColumn>,
    /// Positions in `columns` of the key that finds a row; empty: rows are found by all columns.
    pub(super) finder: Vec<usize>,
    /// `` `schema`.`table` `` of the target.
    pub(super) name: String,
    /// `(a, b) VALUES `, after the table's name.
    pub(super) insert_head: String,
    /// ` ON DUPLICATE KEY UPDATE …`.
    pub(super) upsert_tail: String,
    pub(super) shape: Shape,
    /// Where the values of ENUM columns that stay numbers are in a row.
    enums: Vec<usize>,
}

/// What may be done to the changes of a batch without changing what they come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Changes of one key become one; different keys may change places. Else changes stay in upstream's order.
    pub(crate) folds: bool,
    /// The key that finds rows is unique at the target: it needs no LIMIT, and several rows may be deleted at once.
    pub(crate) key_is_unique: bool,
    /// An upsert hits the row with the same key and no other, because every unique key of the target is one upstream as well.
    pub(crate) upserts: bool,
    /// The target has columns of its own: a row that was deleted and inserted again gets their defaults.
    pub(crate) has_own_columns: bool,
}

/// A column that is written.
#[derive(Debug)]
pub(super) struct WriteColumn {
    /// Where its value is in a row.
    pub(super) index: usize,
    /// Quoted.
    pub(super) name: String,
    pub(super) kind: TypeKind,
    labels: Labels,
}

/// ENUM and SET travel as numbers; a target column of another type gets their labels.
#[derive(Debug)]
enum Labels {
    None,
    Enum(Vec<String>),
    Set(Vec<String>),
}

impl WritePlan {
    /// `target` is the structure of the target table; `None`: unknown, so changes keep their order and the server judges. `group`:
    /// the foreign-key group that has to be applied in order.
    ///
    /// Fails when rows can't be written: a column of the source is missing at the target, or the target has one that needs a value.
    pub(crate) fn new(
        table: Arc<TablePlan>,
        target: Option<&Table>,
        group: Option<&TableName>,
    ) -> Result<Arc<Self>, DmError> {
        let mut columns = Vec::new();
        if let Some(target) = target {
            refuse_difference(&table, target)?;
        }
        for (index, planned) in table.written() {
            let theirs = target.and_then(|target| target.column(&planned.column.name));
            // The target computes it.
            if theirs.is_some_and(|column| column.generated.is_some()) {
                continue;
            }
            columns.push(WriteColumn {
                index,
                name: quote_name(&planned.column.name),
                kind: planned.column.ty.kind,
                labels: labels(&planned.column, theirs),
            });
        }
        let finder: Vec<usize> = table
            .find_by
            .iter()
            .filter_map(|index| columns.iter().position(|column| column.index == *index))
            .collect();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let sets: Vec<String> = names
            .iter()
            .map(|name| format!("{name}=VALUES({name})"))
            .collect();
        let keys = KeyPlan::new(&table, target, group);
        let key_is_unique = target.is_some_and(|target| has_key(&table, target));
        let shape = Shape {
            folds: key_is_unique && !keys.is_serial() && !table.replaces,
            key_is_unique,
            upserts: key_is_unique
                && table.own_rows.is_none()
                && target.is_some_and(|target| upserts(&table, target)),
            has_own_columns: target.is_none_or(|target| target.columns.len() > columns.len()),
        };
        Ok(Arc::new(Self {
            name: table.target_name(),
            insert_head: format!("({}) VALUES ", names.join(",")),
            upsert_tail: format!(" ON DUPLICATE KEY UPDATE {}", sets.join(",")),
            enums: columns
                .iter()
                .filter(|column| {
                    column.kind == TypeKind::Enum && matches!(column.labels, Labels::None)
                })
                .map(|column| column.index)
                .collect(),
            finder,
            keys,
            columns,
            shape,
            table,
        }))
    }

    /// ENUM values of a row that are no member: number 0.
    pub(super) fn zero_enums(&self, row: &[Value]) -> usize {
        let zero = |index: &&usize| row.get(**index) == Some(&Value::UInt(0));
        self.enums.iter().filter(zero).count()
    }

    /// The source table.
    pub(crate) fn source(&self) -> &TableName {
        &self.table.source
    }
}

impl WriteColumn {
    /// Appends the literal for this column of a row.
    pub(super) fn write(&self, row: &[Value], sql: &mut String) {
        let value = row.get(self.index).unwrap_or(&Value::Null);
        match (&self.labels, value) {
            (Labels::Enum(labels), Value::UInt(number)) => {
                let label = usize::try_from(*number)
                    .ok()
                    .and_then(|number| labels.get(number.checked_sub(1)?));
                write_quoted(sql, label.map_or("", String::as_str));
            }
            (Labels::Set(labels), Value::UInt(bits)) => {
                let chosen: Vec<&str> = labels
                    .iter()
                    .take(64)
                    .enumerate()
                    .filter(|(bit, _)| bits >> bit & 1 == 1)
                    .map(|(_, label)| label.as_str())
                    .collect();
                write_quoted(sql, &chosen.join(","));
            }
            _ => value.write_literal(sql),
        }
    }

    /// Appends NULL-safe and bytewise equality with this column of a row: the collation of the column must not confuse two rows.
    pub(super) fn write_same(&self, row: &[Value], json_is_text: bool, sql: &mut String) {
        let (name, value) = (&self.name, row.get(self.index).unwrap_or(&Value::Null));
        // Writing to a String cannot fail.
        let _ = match value {
            Value::Null => write!(sql, "{name} IS NULL"),
            _ if !matches!(self.labels, Labels::None) => {
                let _ = write!(sql, "{name} = ");
                self.write(row, sql);
                Ok(())
            }
            Value::Json(_) if self.kind == TypeKind::Json && !json_is_text => {
                let _ = write!(sql, "{name} = CAST(");
                value.write_literal(sql);
                write!(sql, " AS JSON)")
            }
            // Their texts have several spellings; the server compares values.
            Value::Text(_)
                if matches!(
                    self.kind,
                    TypeKind::Uuid | TypeKind::Inet4 | TypeKind::Inet6
                ) =>
            {
                let _ = write!(sql, "{name} = ");
                value.write_literal(sql);
                Ok(())
            }
            Value::Bytes(_) if self.kind == TypeKind::Vector => {
                let _ = write!(sql, "TO_BASE64({name}) = TO_BASE64(");
                value.write_literal(sql);
                write!(sql, ")")
            }
            Value::Text(text) | Value::Json(text) => {
                let _ = write!(sql, "CAST(CONVERT({name} USING utf8mb4) AS BINARY) = ");
                crate::sync::value::write_hex(sql, text.as_bytes());
                Ok(())
            }
            // Plain arithmetic would take the 64th bit for a sign.
            Value::UInt(bits)
                if matches!(self.kind, TypeKind::Enum | TypeKind::Set | TypeKind::Bit) =>
            {
                write!(sql, "CAST({name} AS UNSIGNED) = {bits}")
            }
            value => {
                let _ = write!(sql, "{name} = ");
                value.write_literal(sql);
                Ok(())
            }
        };
    }
}

/// Columns that only one side has: by name; one that only the target has needs a default.
fn refuse_difference(plan: &TablePlan, target: &Table) -> Result<(), DmError> {
    let missing: Vec<&str> = plan
        .written()
        .map(|(_, column)| column.column.name.as_str())
        .filter(|name| target.column(name).is_none())
        .collect();
    let is_written = |column: &Column| {
        plan.columns
            .iter()
            .any(|ours| ours.written && column.is_named(&ours.column.name))
    };
    let unfilled: Vec<&str> = target
        .columns
        .iter()
        .filter(|column| {
            !column.nullable
                && !column.has_default
                && !column.auto_increment
                && column.generated.is_none()
                && !is_written(column)
        })
        .map(|column| column.name.as_str())
        .collect();
    if missing.is_empty() && unfilled.is_empty() {
        return Ok(());
    }
    let message = format!(
        "rows of {} can't be written into {}: it lacks the columns [{}], and its columns [{}] have no default and get no value",
        plan.source,
        plan.target,
        missing.join(", "),
        unfilled.join(", ")
    );
    Err(
        DmError::new(&codes::TARGET_STRUCTURE_DIFFERS, message).with_workaround(
            "add the missing columns at the target, give its own columns a default, then resume the task",
        ),
    )
}

fn labels(source: &Column, target: Option<&Column>) -> Labels {
    let Some(target) = target.filter(|target| target.ty.kind != source.ty.kind) else {
        return Labels::None;
    };
    if !target.ty.kind.is_text() {
        return Labels::None;
    }
    match source.ty.kind {
        TypeKind::Enum => Labels::Enum(source.ty.elements.clone()),
        TypeKind::Set => Labels::Set(source.ty.elements.clone()),
        _ => Labels::None,
    }
}

/// Whether the key that finds rows is a unique key of the target, by whole columns.
fn has_key(plan: &TablePlan, target: &Table) -> bool {
    let ours: Vec<&Column> = plan
        .find_by
        .iter()
        .filter_map(|index| Some(&plan.columns.get(*index)?.column))
        .collect();
    let is_ours = |key: &Key| {
        key.parts.len() == ours.len()
            && key.parts.iter().all(|part| {
                part.prefix.is_none()
                    && part
                        .column
                        .as_deref()
                        .is_some_and(|name| ours.iter().any(|column| column.is_named(name)))
            })
    };
    !ours.is_empty()
        && target
            .keys
            .iter()
            .any(|key| key.is_unique() && is_ours(key))
}

/// Whether two different rows of the source can never meet in a unique key of the target.
fn upserts(plan: &TablePlan, target: &Table) -> bool {
    let of_target = target.keys.iter().filter(|key| key.is_unique());
    of_target.into_iter().all(|theirs| {
        plan.unique.iter().any(|ours| {
            ours.parts.iter().all(|part| {
                theirs.parts.iter().any(|other| {
                    let (Some(name), Some(same)) =
                        (part.column.as_deref(), other.column.as_deref())
                    else {
                        return false;
                    };
                    let source = plan
                        .columns
                        .iter()
                        .map(|planned| &planned.column)
                        .find(|column| column.is_named(name));
                    let column = target.column(same);
                    source.zip(column).is_some_and(|(source, column)| {
                        source.is_named(same)
                            && (other.prefix.is_none() || other.prefix == part.prefix)
                            && tells_apart(source, column)
                    })
                })
            })
        })
    })
}

/// Whether values that the source takes for different are different at the target.
fn tells_apart(source: &Column, target: &Column) -> bool {
    let (from, to) = (&source.ty, &target.ty);
    if from.kind.is_integer() {
        return to.kind.is_integer();
    }
    from.kind == to.kind
        && from.decimals == to.decimals
        && (!from.kind.is_text() || from.collation.is_some() && from.collation == to.collation)
}
