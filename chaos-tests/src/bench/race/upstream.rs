use std::path::Path;
use std::{fmt, fs};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use super::Workload;
use super::workload::{C, PAD, TABLE, WIDE};
use crate::lab::{Database, Kind, Medium};

/// Rows of one INSERT that fills the seed.
const SEED_CHUNK: u64 = 5_000;
/// Transactions of one compound statement.
const COMPOUND: u64 = 20_000;
/// All servers have them, so that neither memory nor the redo log decides.
const ARGS: [&str; 4] = [
    "--innodb-buffer-pool-size=1G",
    "--innodb-log-file-size=256M",
    "--max-binlog-size=1G",
    "--sync-binlog=0",
];

/// A source whose binlog holds the workload.
#[derive(Debug)]
pub(in crate::bench) struct Upstream {
    pub(in crate::bench) server: Database,
    /// Stopped; its data is what every target begins with.
    seed: Database,
    /// Where the workload begins.
    pub(super) from: Place,
    /// Where it ends.
    pub(super) to: Place,
    /// Row changes between the two.
    pub(in crate::bench) rows: u64,
}

/// A place in the binlog.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) offset: u64,
    pub(super) gtid: String,
}

/// As a worker shows it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.file, self.offset)
    }
}

impl Upstream {
    /// Makes the seed and the source, and lets the workload run at the source.
    pub(in crate::bench) async fn prepare(workload: &Workload, rows: u64) -> Result<Self> {
        let mut upstream = Self::empty(workload.seed_rows).await?;
        let mut conn = upstream.server.conn().await?;
        let mut left = rows.div_ceil(workload.rows_per_transaction);
        upstream.rows = left * workload.rows_per_transaction;
        while left > 0 {
            let now = left.min(COMPOUND);
            conn.query_drop(workload.compound(now)).await?;
            left -= now;
        }
        conn.disconnect().await?;
        upstream.to = place(&upstream.server).await?;
        Ok(upstream)
    }

    /// Another workload than a [`Workload`]: what these statements write.
    pub(in crate::bench) async fn write(&mut self, statements: &[String], rows: u64) -> Result<()> {
        let mut conn = self.server.conn().await?;
        conn.query_drop("USE bench").await?;
        for statement in statements {
            conn.query_drop(statement).await?;
        }
        conn.disconnect().await?;
        self.rows += rows;
        self.to = place(&self.server).await?;
        Ok(())
    }

    /// The same without a workload: `seed_rows` rows, and nothing else in the binlog.
    pub(in crate::bench) async fn empty(seed_rows: u64) -> Result<Self> {
        let mut seed = builder(Medium::Memory).start().await?;
        let mut conn = seed.conn().await?;
        conn.query_drop("CREATE DATABASE bench").await?;
        // Sequence tables belong to the database that is in use.
        conn.query_drop("USE bench").await?;
        conn.query_drop(TABLE).await?;
        conn.query_drop(WIDE).await?;
        for first in (1..=seed_rows).step_by(SEED_CHUNK as usize) {
            let last = (first + SEED_CHUNK - 1).min(seed_rows);
            conn.query_drop(format!(
                "INSERT INTO bench.sbtest1 (id, k, c, pad) SELECT seq, FLOOR(RAND() * {seed_rows}), {C}, {PAD} FROM seq_{first}_to_{last}"
            ))
            .await?;
        }
        conn.disconnect().await?;
        seed.stop().await?;
        forget_binlog(&seed.data())?;
        let server = builder(Medium::Memory)
            .data_of(seed.data())
            .arg("--innodb-flush-log-at-trx-commit=0")
            .start()
            .await?;
        // A place by GTID needs one transaction before it.
        server.exec(&["CREATE DATABASE before_all"]).await?;
        let from = place(&server).await?;
        Ok(Self {
            server,
            seed,
            to: from.clone(),
            from,
            rows: 0,
        })
    }

    /// A target with the seed's data.
    pub(in crate::bench) async fn target(
        &self,
        medium: Medium,
        more: &[String],
    ) -> Result<Database> {
        let mut target = builder(medium)
            .data_of(self.seed.data())
            // Durable at every commit; in memory that is free.
            .arg("--innodb-flush-log-at-trx-commit=1")
            .arg("--skip-slave-start");
        for arg in more {
            target = target.arg(arg.as_str());
        }
        target.start().await
    }

    /// Fails unless source and target hold the same rows. Both servers are of one version, so their own checksums compare.
    pub(in crate::bench) async fn must_be_equal(&self, target: &Database) -> Result<()> {
        let (here, there) = tokio::try_join!(checksum(&self.server), checksum(target))?;
        ensure!(
            here == there,
            "source and target differ: rows and checksum {here:?} and {there:?}"
        );
        Ok(())
    }
}

fn builder(medium: Medium) -> crate::lab::DatabaseBuilder {
    ARGS.iter().fold(
        Database::builder(Kind::Mariadb118).medium(medium),
        |builder, arg| builder.arg(*arg),
    )
}

async fn checksum(server: &Database) -> Result<(u64, Vec<u64>)> {
    let mut conn = server.conn().await?;
    let rows: Option<u64> = conn
        .query_first(
            "SELECT (SELECT COUNT(*) FROM bench.sbtest1) + (SELECT COUNT(*) FROM bench.wide)",
        )
        .await?;
    let sums: Vec<(String, u64)> = conn
        .query("CHECKSUM TABLE bench.sbtest1, bench.wide EXTENDED")
        .await?;
    conn.disconnect().await?;
    let sums = sums.into_iter().map(|(_, sum)| sum).collect();
    Ok((rows.context("no count")?, sums))
}

pub(super) async fn place(server: &Database) -> Result<Place> {
    let mut conn = server.conn().await?;
    let (file, offset): (String, u64) = conn
        .query_first::<mysql_async::Row, _>("SHOW MASTER STATUS")
        .await?
        .and_then(|mut row| Some((row.take("File")?, row.take("Position")?)))
        .context("no binlog")?;
    let gtid: Option<String> = conn.query_first("SELECT @@gtid_binlog_pos").await?;
    conn.disconnect().await?;
    Ok(Place {
        file,
        offset,
        gtid: gtid.unwrap_or_default(),
    })
}

/// Copies begin binlogs of their own.
fn forget_binlog(data: &Path) -> Result<()> {
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        let is_binlog = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("binlog."));
        if is_binlog {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
