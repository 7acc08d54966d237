use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use xxhash_rust::xxh3::xxh3_128;

use super::canonical;
use super::columns::{Column, Plan};
use super::report::TableSum;
use crate::lab::Endpoint;

/// One of the two databases, in one snapshot from beginning to end.
pub(super) struct Side {
    conn: Conn,
    addr: String,
}

impl Side {
    pub(super) async fn open(server: &Endpoint) -> Result<Self> {
        let mut conn = server.conn().await?;
        conn.query_drop("SET NAMES utf8mb4").await?;
        conn.query_drop("SET time_zone = '+00:00', sql_mode = '', sql_select_limit = DEFAULT")
            .await?;
        conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            .await?;
        conn.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            .await?;
        Ok(Self {
            conn,
            addr: server.addr(),
        })
    }

    pub(super) async fn close(mut self) -> Result<()> {
        self.conn.query_drop("ROLLBACK").await?;
        Ok(self.conn.disconnect().await?)
    }

    /// All columns, generated and invisible ones too; none when there is no such table.
    pub(super) async fn columns(&mut self, table: &(String, String)) -> Result<Vec<Column>> {
        let rows: Vec<(String, String, String)> = self
            .conn
            .exec(
                "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_KEY FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
                (&table.0, &table.1),
            )
            .await?;
        let column = |(name, data_type, key): (String, String, String)| Column {
            name,
            data_type: data_type.to_lowercase(),
            in_primary_key: key == "PRI",
        };
        Ok(rows.into_iter().map(column).collect())
    }

    pub(super) async fn sum(&mut self, table: &(String, String), plan: &Plan) -> Result<TableSum> {
        let mut sum = TableSum::default();
        self.rows(table, plan, |hash, _| sum.add(hash)).await?;
        Ok(sum)
    }

    /// Calls `visit` with the hash of each row; the row itself is there to be shown.
    pub(super) async fn rows(
        &mut self,
        table: &(String, String),
        plan: &Plan,
        mut visit: impl FnMut(u128, &Row),
    ) -> Result<()> {
        let [schema, name] = [&table.0, &table.1].map(|name| name.replace('`', "``"));
        let query = format!("SELECT {} FROM `{schema}`.`{name}`", plan.list());
        let mut result = self
            .conn
            .exec_iter(&query, ())
            .await
            .with_context(|| format!("{}: {query}", self.addr))?;
        let mut form = Vec::new();
        while let Some(row) = result.next().await? {
            form.clear();
            for (place, is_json) in plan.json.iter().enumerate() {
                let value = row
                    .as_ref(place)
                    .context("a row has fewer values than columns")?;
                canonical::append(&mut form, value, *is_json);
            }
            visit(xxh3_128(&form), &row);
        }
        Ok(())
    }
}
