//! Tables at the target are transactional, or progress could not commit with their rows (R20).

use dm_model::{DmError, TableName};
use mysql_async::{Conn, prelude::Queryable};
use tracing::warn;

use crate::sync::errors;

/// The engine that tables get instead of one without transactions.
const ENGINE: &str = "InnoDB";

/// Moves a table to a transactional engine if it is in another one. Safe to repeat.
pub(crate) async fn ensure_transactional(
    conn: &mut Conn,
    table: &TableName,
) -> Result<(), DmError> {
    let select = "SELECT t.ENGINE FROM information_schema.TABLES t \
                  JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE \
                  WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ? AND e.TRANSACTIONS = 'NO'";
    let found: Option<String> = conn
        .exec_first(select, (&table.schema, &table.table))
        .await
        .map_err(errors::target)?;
    let Some(engine) = found else { return Ok(()) };
    warn!(%table, engine, "the engine has no transactions; the target table becomes {ENGINE}");
    conn.query_drop(format!("ALTER TABLE {table} ENGINE = {ENGINE}"))
        .await
        .map_err(|error| {
            errors::target(error)
                .annotate(format!("{table} is {engine}, which has no transactions"))
        })
}
