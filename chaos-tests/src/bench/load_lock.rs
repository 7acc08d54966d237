//! The longest time that a write at the source waited while tables were copied.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::copy::{Ours, Tables};
use super::race::load_average;
use super::{Measured, Options};
use crate::lab::Endpoint;

const RUNS: usize = 5;
const TABLES: u32 = 4;
const ROWS_EACH: u64 = 100_000;
const THREADS: u32 = 4;
/// Pause of a writer between two writes.
const WRITE_EVERY: Duration = Duration::from_millis(2);
/// How long the writers are looked at alone, for comparison.
const ALONE: Duration = Duration::from_secs(4);
const WRITES_MIN: usize = 200;

pub(super) async fn measure(options: &Options) -> Result<Measured> {
    let tables = Tables::fill(TABLES, options.rows.unwrap_or(ROWS_EACH)).await?;
    let mut ours = Ours::start(&tables, THREADS).await?;
    let mut values = Vec::new();
    for run in 1..=options.pairs(RUNS) {
        let alone = Writers::start(&tables);
        sleep(ALONE).await;
        let alone = alone.stop().await?;
        let target = tables.target().await?;
        let writers = Writers::start(&tables);
        let spent = ours.copy(&tables, &target).await?;
        let longest = writers.stop().await?;
        println!(
            "run {run}: longest write {longest:.1} ms, {alone:.1} ms without us; load average {}\n  {spent}",
            load_average()
        );
        values.push(longest);
    }
    Ok(Measured {
        name: "load-lock",
        unit: "ms",
        values,
    })
}

/// One writer per table.
struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Result<Vec<Duration>>>>,
}

impl Writers {
    fn start(tables: &Tables) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = tables
            .names()
            .into_iter()
            .map(|table| {
                let source = tables.server.endpoint().clone();
                tokio::spawn(write(
                    source,
                    table,
                    tables.rows / u64::from(TABLES),
                    Arc::clone(&stop),
                ))
            })
            .collect();
        Self { stop, tasks }
    }

    /// The longest of all writes, in ms.
    async fn stop(self) -> Result<f64> {
        self.stop.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for task in self.tasks {
            times.extend(task.await?.context("a writer at the source")?);
        }
        ensure!(times.len() >= WRITES_MIN, "only {} writes", times.len());
        let longest = times.iter().max().copied().unwrap_or_default();
        Ok(longest.as_secs_f64() * 1e3)
    }
}

async fn write(
    source: Endpoint,
    table: String,
    rows: u64,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    let (mut conn, mut times, mut id) = (source.conn().await?, Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        id = (id + 7_919) % rows;
        let start = Instant::now();
        conn.query_drop(format!(
            "UPDATE {table} SET k = k + 1 WHERE id = {}",
            id + 1
        ))
        .await?;
        times.push(start.elapsed());
        sleep(WRITE_EVERY).await;
    }
    conn.disconnect().await?;
    Ok(times)
}
