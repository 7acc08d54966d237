//! Rows to SQL. Pure.
//!
//! Changes of one table are folded per key and written as few statements over many rows: deletes, then updates, then inserts. What
//! can't be folded (no key, a key that moves, order that counts) is one statement per change, in upstream's order. Tables are
//! independent of each other unless a foreign-key group says otherwise.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{
    Careful, Encoded, Place, WritePlan,
    encoded::Expect,
    fold::{Fold, Row, Slot},
};
use crate::sync::{
    schedule::{Keyed, RowKey},
    transform::{RowChange, TablePlan},
    value::Value,
};

/// A statement over many rows is closed at this size.
const STATEMENT_BYTES_MAX: usize = 512 << 10;
/// A statement over many rows is closed at this many rows.
const STATEMENT_ROWS_MAX: u64 = 1_000;
/// A DELETE by a key of several columns is closed at this many rows: planning its OR of ANDs costs more than linearly.
const DELETE_PAIRS_MAX: u64 = 100;
/// A key is one column, so that its values can be listed.
const ONE_COLUMN: usize = 1;

/// The mode of a statement that stores an ENUM's number 0, the value that servers keep for what was no member.
const LOOSE_MODE: &str = "ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO";

/// What the encoding of a batch depends on besides its rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The target is a MariaDB: it keeps JSON as text, and has its own way to set a variable for one statement.
    pub(crate) is_mariadb: bool,
    /// Inserts of careful tables replace what is there.
    pub(crate) repair: bool,
}

/// The statements that bring a batch into the target.
pub(crate) fn encode(batch: &[Keyed], options: &Options, careful: &Careful) -> Encoded {
    let mut encoder = Encoder {
        out: Encoded::default(),
        options,
        careful,
        open: None,
        tables: Vec::new(),
        by_plan: HashMap::new(),
    };
    for (transaction, keyed) in batch.iter().enumerate() {
        for (item, rows) in keyed.items.iter().enumerate() {
            let table = encoder.table(&rows.plan);
            for (row, (change, found)) in rows.rows.iter().zip(rows.found.iter()).enumerate() {
                let place = Place {
                    transaction: transaction as u32,
                    item: item as u32,
                    row: row as u32,
                };
                if table.is_some_and(|table| encoder.fold(table, change, *found, place)) {
                    continue;
                }
                encoder.change(&rows.plan, change, place);
            }
        }
    }
    for table in 0..encoder.tables.len() {
        encoder.flush(table);
    }
    encoder.out
}

/// Multi-row INSERTs of a loaded chunk.
pub(crate) fn insert_rows(
    plan: &Arc<TablePlan>,
    rows: &[Vec<Value>],
    is_mariadb: bool,
) -> Vec<String> {
    let Ok(plan) = WritePlan::new(plan.clone(), None, None) else {
        return Vec::new();
    };
    let options = Options {
        is_mariadb,
        repair: false,
    };
    let careful = Careful::default();
    let mut encoder = Encoder {
        out: Encoded::default(),
        options: &options,
        careful: &careful,
        open: None,
        tables: Vec::new(),
        by_plan: HashMap::new(),
    };
    for row in rows {
        encoder.insert(&plan, row, Place::FIRST);
    }
    encoder.out.texts().into_iter().map(str::to_owned).collect()
}

struct Encoder<'a> {
    out: Encoded,
    options: &'a Options,
    careful: &'a Careful,
    /// The last statement is an INSERT into this table that can take more rows; it has so many.
    open: Option<(Arc<WritePlan>, u64)>,
    tables: Vec<Folding<'a>>,
    /// Plans by address, with the table's index; `None` for tables whose changes stay in order.
    by_plan: HashMap<*const WritePlan, Option<usize>>,
}

struct Folding<'a> {
    plan: Arc<WritePlan>,
    fold: Fold<'a>,
}

impl<'a> Encoder<'a> {
    /// Where the changes of a table fold; `None` if they don't.
    fn table(&mut self, plan: &Arc<WritePlan>) -> Option<usize> {
        if let Some(known) = self.by_plan.get(&Arc::as_ptr(plan)) {
            return *known;
        }
        let folds = plan.shape.folds && !self.careful.tables.contains(plan.source());
        let table = folds.then(|| {
            self.tables.push(Folding {
                plan: plan.clone(),
                fold: Fold::default(),
            });
            self.tables.len() - 1
        });
        self.by_plan.insert(Arc::as_ptr(plan), table);
        table
    }

    /// Takes a change into the fold of its table. What does not fit into a slot ends the fold, and may begin the next one.
    fn fold(&mut self, table: usize, change: &'a RowChange, found: RowKey, place: Place) -> bool {
        for _ in 0..2 {
            let Some(folding) = self.tables.get_mut(table) else {
                return false;
            };
            let key = &folding.plan.table.find_by;
            if folding.fold.take(change, found, key, place) {
                return true;
            }
            self.flush(table);
        }
        false
    }

    /// Writes what has been folded.
    fn flush(&mut self, table: usize) {
        let Some(folding) = self.tables.get_mut(table) else {
            return;
        };
        let (plan, slots) = (folding.plan.clone(), folding.fold.drain());
        let moves = |slot: &Slot<'_>| match (slot.before, slot.after) {
            (Some(before), Some(after)) => {
                slot.reborn && plan.shape.has_own_columns || !plan.keys.same_keys(before, after)
            }
            _ => false,
        };
        // A row that came and went leaves nothing; that nothing was there before is seen by the count.
        let (mut gone, mut never) = (Vec::new(), Vec::new());
        let (mut changed, mut new) = (Vec::new(), Vec::new());
        for slot in &slots {
            match (slot.before, slot.after) {
                (None, None) => never.push(*slot),
                (Some(_), None) => gone.push(*slot),
                (None, Some(_)) => new.push(*slot),
                (Some(_), Some(_)) if moves(slot) => {
                    gone.push(*slot);
                    new.push(*slot);
                }
                (Some(_), Some(_)) => changed.push(*slot),
            }
        }
        self.delete_all(&plan, &gone, 1);
        self.delete_all(&plan, &never, 0);
        self.update_all(&plan, &changed);
        for slot in &new {
            if let Some(after) = slot.after {
                self.insert(&plan, after, slot.place);
            }
        }
        self.open = None;
    }

    /// One change as it came from upstream.
    fn change(&mut self, plan: &Arc<WritePlan>, change: &RowChange, place: Place) {
        let is_careful = self.careful.tables.contains(plan.source());
        let repaired = self.careful.repaired.contains(&place);
        match change {
            // A filter may have kept the row that comes again.
            RowChange::Insert(row) if plan.table.replaces => self.replace(plan, row, place),
            RowChange::Update { before, after } if plan.table.replaces && !repaired => {
                self.make_room(plan, before, after, place);
                self.update(plan, before, after, place);
            }
            RowChange::Insert(row) if is_careful && self.options.repair || repaired => {
                self.replace(plan, row, place);
            }
            RowChange::Insert(row) if is_careful => {
                self.open = None;
                self.insert(plan, row, place);
                self.open = None;
            }
            RowChange::Insert(row) => self.insert(plan, row, place),
            RowChange::Update { before, after } if repaired => {
                self.delete(plan, before, place);
                self.replace(plan, after, place);
            }
            RowChange::Update { before, after } => self.update(plan, before, after, place),
            RowChange::Delete(before) => self.delete(plan, before, place),
        }
    }

    fn insert(&mut self, plan: &Arc<WritePlan>, row: Row<'_>, place: Place) {
        let loose = plan.zero_enums(row);
        let joins = match &self.open {
            Some((open, rows)) => {
                loose == 0
                    && Arc::ptr_eq(open, plan)
                    && *rows < STATEMENT_ROWS_MAX
                    && self.out.last_bytes() < STATEMENT_BYTES_MAX
            }
            None => false,
        };
        if joins {
            self.out.sql.push(',');
            self.out.expect_more(1);
        } else {
            self.begin("INSERT", " INTO ", plan, place, Expect::Rows(1), loose);
            self.out.sql.push_str(&plan.insert_head);
            self.open = Some((plan.clone(), 0));
        }
        write_row(&mut self.out.sql, plan, row);
        self.out.seal();
        if let Some((_, rows)) = &mut self.open {
            *rows += 1;
        }
        self.refuse_warnings(plan, place, loose);
    }

    fn replace(&mut self, plan: &Arc<WritePlan>, row: Row<'_>, place: Place) {
        let loose = plan.zero_enums(row);
        self.begin("REPLACE", " INTO ", plan, place, Expect::Rows(1), loose);
        self.out.sql.push_str(&plan.insert_head);
        write_row(&mut self.out.sql, plan, row);
        self.out.seal();
        self.refuse_warnings(plan, place, loose);
    }

    fn update(&mut self, plan: &Arc<WritePlan>, before: Row<'_>, after: Row<'_>, place: Place) {
        let loose = plan.zero_enums(after);
        self.begin("UPDATE", " ", plan, place, Expect::Rows(1), loose);
        for (position, column) in plan.columns.iter().enumerate() {
            self.out
                .sql
                .push_str(if position > 0 { "," } else { " SET " });
            self.out.sql.push_str(&column.name);
            self.out.sql.push('=');
            column.write(after, &mut self.out.sql);
        }
        self.find_row(plan, before);
        self.out.seal();
        self.refuse_warnings(plan, place, loose);
    }

    /// Takes away the row that a filter has kept under the key that another one moves to.
    fn make_room(&mut self, plan: &Arc<WritePlan>, before: Row<'_>, after: Row<'_>, place: Place) {
        let moves = |index: &usize| before.get(*index) != after.get(*index);
        if plan.table.find_by.iter().any(moves) {
            self.begin("DELETE", " FROM ", plan, place, Expect::Rows(0), 0);
            self.find_row(plan, after);
            self.out.seal();
        }
    }

    fn delete(&mut self, plan: &Arc<WritePlan>, before: Row<'_>, place: Place) {
        self.begin("DELETE", " FROM ", plan, place, Expect::Rows(1), 0);
        self.find_row(plan, before);
        self.out.seal();
    }

    /// Changes that keep all unique keys where they are.
    fn update_all(&mut self, plan: &Arc<WritePlan>, slots: &[Slot<'_>]) {
        // The count of an upsert does not tell a row that stays as it is from one that was missing.
        let differs = |slot: &&Slot<'_>| {
            plan.columns.iter().any(|column| {
                slot.before.and_then(|row| row.get(column.index))
                    != slot.after.and_then(|row| row.get(column.index))
            })
        };
        let (many, alone): (Vec<&Slot<'_>>, Vec<&Slot<'_>>) = slots.iter().partition(|slot| {
            let loose = slot.after.is_some_and(|row| plan.zero_enums(row) > 0);
            plan.shape.upserts && slots.len() > 1 && differs(slot) && !loose
        });
        for slot in alone {
            if let (Some(before), Some(after)) = (slot.before, slot.after) {
                self.update(plan, before, after, slot.place);
                self.out.set_single(slot.changes == 1);
            }
        }
        let mut rows = 0;
        for slot in many {
            let Some(after) = slot.after else { continue };
            if rows == 0 {
                self.begin("INSERT", " INTO ", plan, slot.place, Expect::Upserted(1), 0);
                self.out.sql.push_str(&plan.insert_head);
                self.out.set_single(false);
            } else {
                self.out.sql.push(',');
                self.out.expect_more(1);
            }
            write_row(&mut self.out.sql, plan, after);
            self.out.seal();
            rows += 1;
            if rows >= STATEMENT_ROWS_MAX || self.out.last_bytes() >= STATEMENT_BYTES_MAX {
                self.append(&plan.upsert_tail);
                rows = 0;
            }
        }
        if rows > 0 {
            self.append(&plan.upsert_tail);
        }
    }

    /// Rows by their keys, of which each is there `each` times.
    fn delete_all(&mut self, plan: &Arc<WritePlan>, slots: &[Slot<'_>], each: u64) {
        let listed = plan.finder.len() == ONE_COLUMN;
        let (rows_max, tail) = if listed {
            (STATEMENT_ROWS_MAX, ")")
        } else {
            (DELETE_PAIRS_MAX, "")
        };
        let mut rows = 0;
        for slot in slots {
            if rows == 0 {
                self.begin("DELETE", " FROM ", plan, slot.place, Expect::Rows(each), 0);
                self.out.sql.push_str(" WHERE ");
                if listed {
                    self.key_names(plan);
                    self.out.sql.push_str(" IN (");
                }
                self.out.set_single(slot.changes == 1 && slots.len() == 1);
            } else {
                self.out.sql.push_str(if listed { "," } else { " OR " });
                self.out.expect_more(each);
            }
            if listed {
                self.key_value(plan, slot.key);
            } else {
                self.out.sql.push('(');
                self.key_equals(plan, slot.key);
                self.out.sql.push(')');
            }
            self.out.seal();
            rows += 1;
            if rows >= rows_max || self.out.last_bytes() >= STATEMENT_BYTES_MAX {
                self.append(tail);
                rows = 0;
            }
        }
        if rows > 0 {
            self.append(tail);
        }
    }

    /// Ends the last statement with this.
    fn append(&mut self, tail: &str) {
        self.out.sql.push_str(tail);
        self.out.seal();
    }

    fn key_names(&mut self, plan: &WritePlan) {
        for column in plan.finder.iter().filter_map(|at| plan.columns.get(*at)) {
            self.out.sql.push_str(&column.name);
        }
    }

    fn key_value(&mut self, plan: &WritePlan, row: Row<'_>) {
        for column in plan.finder.iter().filter_map(|at| plan.columns.get(*at)) {
            column.write(row, &mut self.out.sql);
        }
    }

    fn key_equals(&mut self, plan: &WritePlan, row: Row<'_>) {
        let columns = plan.finder.iter().filter_map(|at| plan.columns.get(*at));
        for (position, column) in columns.enumerate() {
            if position > 0 {
                self.out.sql.push_str(" AND ");
            }
            self.out.sql.push_str(&column.name);
            self.out.sql.push('=');
            column.write(row, &mut self.out.sql);
        }
    }

    /// The WHERE that finds exactly the row of an image: by its key, or by every column of it (R17).
    fn find_row(&mut self, plan: &WritePlan, row: Row<'_>) {
        self.out.sql.push_str(" WHERE ");
        if plan.finder.is_empty() {
            for (position, column) in plan.columns.iter().enumerate() {
                if position > 0 {
                    self.out.sql.push_str(" AND ");
                }
                column.write_same(row, self.options.is_mariadb, &mut self.out.sql);
            }
        } else {
            self.key_equals(plan, row);
        }
        if !plan.shape.key_is_unique {
            self.out.sql.push_str(" LIMIT 1");
        }
    }

    /// Begins a statement. `loose`: so many of its values are ones that a strict mode refuses although they can be stored.
    fn begin(
        &mut self,
        verb: &str,
        preposition: &str,
        plan: &Arc<WritePlan>,
        place: Place,
        expect: Expect,
        loose: usize,
    ) {
        self.open = None;
        self.out.begin(plan, place, expect);
        let sql = &mut self.out.sql;
        if loose > 0 && self.options.is_mariadb {
            let _ = write!(sql, "SET STATEMENT sql_mode='{LOOSE_MODE}' FOR ");
        }
        sql.push_str(verb);
        if loose > 0 && !self.options.is_mariadb {
            let _ = write!(sql, " /*+ SET_VAR(sql_mode='{LOOSE_MODE}') */");
        }
        sql.push_str(preposition);
        sql.push_str(&plan.name);
    }

    /// After a statement in the loose mode: it may have warned of so many values, and of nothing else, which would be data lost.
    fn refuse_warnings(&mut self, plan: &Arc<WritePlan>, place: Place, loose: usize) {
        if loose == 0 {
            return;
        }
        self.open = None;
        self.out.begin(plan, place, Expect::Rows(0));
        let _ = write!(
            self.out.sql,
            "SELECT EXP(IF(@@warning_count<={loose},1,10000))"
        );
        self.out.seal();
    }
}

fn write_row(sql: &mut String, plan: &WritePlan, row: Row<'_>) {
    sql.push('(');
    for (position, column) in plan.columns.iter().enumerate() {
        if position > 0 {
            sql.push(',');
        }
        column.write(row, sql);
    }
    sql.push(')');
}

#[cfg(test)]
#[path = "encode_test.rs"]
mod tests;
