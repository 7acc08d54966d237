use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use mysql_async::prelude::Queryable;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::compare::TablePair;
use super::tables::{TABLES, Table};
use crate::lab::Endpoint;

/// Bounded, so that a statement stays far below max_allowed_packet.
const STATEMENT_BYTES_MAX: usize = 512 << 10;
const CONNECTIONS: usize = 4;

/// A shop-like data set: three schemas, every common type, tables with composite keys and without any.
#[derive(Clone, Debug)]
pub struct DataSet {
    prefix: String,
    scale: f64,
    seed: u64,
}

impl DataSet {
    /// `prefix` stands before the names of the databases; scale 1 is about 230,000 rows.
    #[must_use]
    pub fn new(prefix: &str, scale: f64, seed: u64) -> Self {
        Self {
            prefix: prefix.to_owned(),
            scale,
            seed,
        }
    }

    /// The names of its databases.
    #[must_use]
    pub fn schemas(&self) -> Vec<String> {
        let mut names: Vec<String> = TABLES.iter().map(|table| self.schema(table)).collect();
        names.dedup();
        names
    }

    /// The database of a table.
    #[must_use]
    pub fn schema(&self, table: &Table) -> String {
        format!("{}{}", self.prefix, table.schema)
    }

    /// `` `schema`.`table` `` of the table that is called so.
    #[must_use]
    pub fn quoted(&self, schema: &str, table: &str) -> String {
        format!("`{}{schema}`.`{table}`", self.prefix)
    }

    /// Rows that the table has at first.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    pub fn rows(&self, table: &Table) -> u64 {
        ((table.rows as f64 * self.scale) as u64).max(4)
    }

    /// All tables, each to be compared with its namesake.
    #[must_use]
    pub fn pairs(&self) -> Vec<TablePair> {
        TABLES
            .iter()
            .map(|table| TablePair::same(&self.schema(table), table.name))
            .collect()
    }

    /// Creates and fills everything; returns the number of rows.
    pub async fn create(&self, server: &Endpoint) -> Result<u64> {
        let mut conn = server.conn().await?;
        for schema in self.schemas() {
            conn.query_drop(format!("DROP DATABASE IF EXISTS `{schema}`"))
                .await?;
            let charset = "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
            conn.query_drop(format!("CREATE DATABASE `{schema}` {charset}"))
                .await?;
        }
        for (place, table) in TABLES.iter().enumerate() {
            let collation = if place % 2 == 0 {
                "utf8mb4_general_ci"
            } else {
                "utf8mb4_bin"
            };
            let name = self.quoted(table.schema, table.name);
            let options = format!("ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={collation}");
            let statement = format!("CREATE TABLE {name} ({}) {options}", table.definition);
            conn.query_drop(&statement)
                .await
                .with_context(|| statement)?;
        }
        conn.disconnect().await?;
        stream::iter(
            TABLES
                .iter()
                .enumerate()
                .map(|(place, table)| self.fill(server, table, place as u64)),
        )
        .buffer_unordered(CONNECTIONS)
        .try_fold(0, |sum, rows| async move { Ok(sum + rows) })
        .await
    }

    async fn fill(&self, server: &Endpoint, table: &Table, place: u64) -> Result<u64> {
        let mut rng = StdRng::seed_from_u64(self.seed.wrapping_add(place));
        let mut conn = server.conn().await?;
        conn.query_drop("SET NAMES utf8mb4").await?;
        conn.query_drop("SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'")
            .await?;
        let head = format!(
            "INSERT INTO {} ({}) VALUES ",
            self.quoted(table.schema, table.name),
            table.columns
        );
        let (mut statement, rows) = (head.clone(), self.rows(table));
        for n in 1..=rows {
            if statement.len() > head.len() {
                statement.push(',');
            }
            statement.push('(');
            statement.push_str(&(table.row)(&mut rng, n));
            statement.push(')');
            if statement.len() > STATEMENT_BYTES_MAX || n == rows {
                let shown: String = statement.chars().take(300).collect();
                conn.query_drop(&statement).await.with_context(|| shown)?;
                statement.truncate(head.len());
            }
        }
        conn.disconnect().await?;
        Ok(rows)
    }
}
