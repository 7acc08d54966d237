//! Rows to SQL. Pure.

use std::fmt::Write as _;
use std::sync::Arc;

use dm_ddl::TypeKind;
use dm_model::TableName;

use crate::sync::{
    transform::{RowChange, TablePlan},
    value::{Value, quote_name},
};

/// A multi-row INSERT is closed at this size.
const INSERT_BYTES_MAX: usize = 512 << 10;
/// A multi-row INSERT is closed at this many rows.
const INSERT_ROWS_MAX: usize = 1_000;

/// How many rows a statement has to find.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expect {
    /// The source table, for whoever has to stop it.
    pub(crate) table: TableName,
    pub(crate) rows: u64,
}

/// Turns row changes into statements, in order; runs of inserts into one table become multi-row statements.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    pub(crate) statements: Vec<String>,
    pub(crate) expects: Vec<Expect>,
    /// The plan of the INSERT that can still take rows: it is the last statement.
    open: Option<Arc<TablePlan>>,
    /// The target keeps JSON as text (MariaDB).
    json_is_text: bool,
}

impl Encoder {
    pub(crate) fn new(json_is_text: bool) -> Self {
        Self {
            json_is_text,
            ..Self::default()
        }
    }

    /// Appends a change.
    pub(crate) fn change(&mut self, plan: &Arc<TablePlan>, change: &RowChange) {
        match change {
            RowChange::Insert(row) => self.insert(plan, row),
            RowChange::Update { before, after } => {
                let mut sql = format!("UPDATE {} SET ", plan.target_name());
                for (position, (index, column)) in plan.written().enumerate() {
                    let comma = if position > 0 { ", " } else { "" };
                    let _ = write!(sql, "{comma}{} = ", quote_name(&column.column.name));
                    literal(&mut sql, after.get(index));
                }
                self.find_row(&mut sql, plan, before);
                self.push(plan, sql);
            }
            RowChange::Delete(before) => {
                let mut sql = format!("DELETE FROM {}", plan.target_name());
                self.find_row(&mut sql, plan, before);
                self.push(plan, sql);
            }
        }
    }

    fn insert(&mut self, plan: &Arc<TablePlan>, row: &[Value]) {
        let joins = self
            .open
            .as_ref()
            .is_some_and(|open| Arc::ptr_eq(open, plan));
        if joins
            && let (Some(sql), Some(expect)) = (self.statements.last_mut(), self.expects.last_mut())
            && sql.len() < INSERT_BYTES_MAX
            && expect.rows < INSERT_ROWS_MAX as u64
        {
            sql.push_str(", ");
            write_row(sql, plan, row);
            expect.rows += 1;
            return;
        }
        let mut sql = insert_head("INSERT", plan);
        write_row(&mut sql, plan, row);
        self.push(plan, sql);
        self.open = Some(plan.clone());
    }

    /// The WHERE that finds exactly the row of an image: by its key, or by every column of it (R17).
    fn find_row(&self, sql: &mut String, plan: &TablePlan, row: &[Value]) {
        sql.push_str(" WHERE ");
        if plan.key.is_empty() {
            for (position, (index, column)) in plan.written().enumerate() {
                if position > 0 {
                    sql.push_str(" AND ");
                }
                same_bytes(
                    sql,
                    &quote_name(&column.column.name),
                    column.column.ty.kind,
                    row.get(index),
                    self.json_is_text,
                );
            }
        } else {
            for (position, index) in plan.key.iter().enumerate() {
                let name = plan
                    .columns
                    .get(*index)
                    .map_or("", |column| column.column.name.as_str());
                let _ = write!(
                    sql,
                    "{}{} = ",
                    if position > 0 { " AND " } else { "" },
                    quote_name(name)
                );
                literal(sql, row.get(*index));
            }
        }
        sql.push_str(" LIMIT 1");
    }

    fn push(&mut self, plan: &TablePlan, sql: String) {
        self.open = None;
        self.statements.push(sql);
        self.expects.push(Expect {
            table: plan.source.clone(),
            rows: 1,
        });
    }
}

/// Multi-row INSERTs of a loaded chunk.
pub(crate) fn insert_rows(plan: &Arc<TablePlan>, rows: &[Vec<Value>]) -> Vec<String> {
    let mut encoder = Encoder::default();
    rows.iter().for_each(|row| encoder.insert(plan, row));
    encoder.statements
}

fn insert_head(verb: &str, plan: &TablePlan) -> String {
    let names: Vec<String> = plan
        .written()
        .map(|(_, column)| quote_name(&column.column.name))
        .collect();
    format!(
        "{verb} INTO {} ({}) VALUES ",
        plan.target_name(),
        names.join(", ")
    )
}

fn write_row(sql: &mut String, plan: &TablePlan, row: &[Value]) {
    sql.push('(');
    for (position, (index, _)) in plan.written().enumerate() {
        if position > 0 {
            sql.push(',');
        }
        literal(sql, row.get(index));
    }
    sql.push(')');
}

fn literal(sql: &mut String, value: Option<&Value>) {
    value.unwrap_or(&Value::Null).write_literal(sql);
}

/// NULL-safe and bytewise equality: the collation of the column must not confuse two rows.
fn same_bytes(
    sql: &mut String,
    name: &str,
    kind: TypeKind,
    value: Option<&Value>,
    json_is_text: bool,
) {
    match value.unwrap_or(&Value::Null) {
        Value::Null => {
            let _ = write!(sql, "{name} IS NULL");
        }
        Value::Json(text) if kind == TypeKind::Json && !json_is_text => {
            let _ = write!(sql, "{name} = CAST(");
            Value::Text(text.clone()).write_literal(sql);
            sql.push_str(" AS JSON)");
        }
        // Their texts have several spellings; the server compares values.
        Value::Text(_) if matches!(kind, TypeKind::Uuid | TypeKind::Inet4 | TypeKind::Inet6) => {
            let _ = write!(sql, "{name} = ");
            value.unwrap_or(&Value::Null).write_literal(sql);
        }
        Value::Bytes(_) if kind == TypeKind::Vector => {
            let _ = write!(sql, "TO_BASE64({name}) = TO_BASE64(");
            value.unwrap_or(&Value::Null).write_literal(sql);
            sql.push(')');
        }
        Value::Text(text) | Value::Json(text) => {
            let _ = write!(sql, "CAST(CONVERT({name} USING utf8mb4) AS BINARY) = ");
            Value::Bytes(text.as_bytes().to_vec()).write_literal(sql);
        }
        // Plain arithmetic would take the 64th bit for a sign.
        Value::UInt(bits) if matches!(kind, TypeKind::Enum | TypeKind::Set | TypeKind::Bit) => {
            let _ = write!(sql, "CAST({name} AS UNSIGNED) = {bits}");
        }
        value => {
            let _ = write!(sql, "{name} = ");
            value.write_literal(sql);
        }
    }
}

#[cfg(test)]
#[path = "encode_test.rs"]
mod tests;
