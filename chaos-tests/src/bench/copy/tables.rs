use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use crate::lab::{Database, Kind};

pub(in crate::bench) const SCHEMA: &str = "bench";
/// Rows of one INSERT that fills a table.
const CHUNK: u64 = 20_000;
/// Source and targets have them, so that neither memory nor the redo log decides.
const ARGS: [&str; 2] = [
    "--innodb-buffer-pool-size=1G",
    "--innodb-redo-log-capacity=512M",
];

/// A source with tables `t1` … of sysbench's shape.
#[derive(Debug)]
pub(in crate::bench) struct Tables {
    pub(in crate::bench) server: Database,
    tables: u32,
    /// In all tables.
    pub(in crate::bench) rows: u64,
}

impl Tables {
    /// Starts the source and fills it.
    pub(in crate::bench) async fn fill(tables: u32, rows_each: u64) -> Result<Self> {
        // What is written here is of no interest to anybody.
        let server = with_args(Database::builder(Kind::Mysql97))
            .arg("--sync-binlog=0")
            .arg("--innodb-flush-log-at-trx-commit=0")
            .start()
            .await?;
        let mut conn = server.conn().await?;
        conn.query_drop(format!("CREATE DATABASE {SCHEMA}")).await?;
        conn.query_drop(format!(
            "SET SESSION sql_log_bin = 0, SESSION cte_max_recursion_depth = {CHUNK}"
        ))
        .await?;
        for table in 1..=tables {
            conn.query_drop(format!(
                "CREATE TABLE {SCHEMA}.t{table} (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0, \
                 c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY k_1 (k))"
            ))
            .await?;
            for first in (1..=rows_each).step_by(CHUNK as usize) {
                let last = (first + CHUNK - 1).min(rows_each);
                conn.query_drop(format!(
                    "INSERT INTO {SCHEMA}.t{table} WITH RECURSIVE n(id) AS \
                     (SELECT {first} UNION ALL SELECT id + 1 FROM n WHERE id < {last}) \
                     SELECT id, FLOOR(RAND() * {rows_each}), REPEAT(CONCAT(LPAD(FLOOR(RAND() * 99999999999), 11, '0'), '-'), 10), \
                     REPEAT(CONCAT(LPAD(FLOOR(RAND() * 99999999999), 11, '0'), '-'), 5) FROM n"
                ))
                .await?;
            }
        }
        conn.disconnect().await?;
        Ok(Self {
            server,
            tables,
            rows: rows_each * u64::from(tables),
        })
    }

    /// An empty target, durable at every commit (which costs nothing in memory).
    pub(in crate::bench) async fn target(&self) -> Result<Database> {
        with_args(Database::builder(Kind::Mysql97))
            .arg("--local-infile=ON")
            .start()
            .await
    }

    /// `t1` …
    pub(in crate::bench) fn names(&self) -> Vec<String> {
        (1..=self.tables)
            .map(|table| format!("{SCHEMA}.t{table}"))
            .collect()
    }

    /// Fails unless source and target hold the same rows. Both servers are of one version, so their own checksums compare.
    pub(in crate::bench) async fn must_be_equal(&self, target: &Database) -> Result<()> {
        let (here, there) = tokio::try_join!(self.sums(&self.server), self.sums(target))?;
        ensure!(
            here == there,
            "source and target differ: {here:?}, {there:?}"
        );
        Ok(())
    }

    async fn sums(&self, server: &Database) -> Result<Vec<(String, Option<u64>)>> {
        let mut conn = server.conn().await?;
        let statement = format!("CHECKSUM TABLE {} EXTENDED", self.names().join(", "));
        let sums = conn.query(statement).await?;
        conn.disconnect().await?;
        Ok(sums)
    }
}

fn with_args(builder: crate::lab::DatabaseBuilder) -> crate::lab::DatabaseBuilder {
    ARGS.iter().fold(builder, |builder, arg| builder.arg(*arg))
}
