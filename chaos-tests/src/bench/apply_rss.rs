//! The most memory that a worker ever has: at full speed, and with one transaction of a gigabyte.

use anyhow::{Context, Result};

use super::apply_insert::WORKLOAD;
use super::race::{Ours, Upstream};
use super::stage::show_memory;
use super::{Measured, Options};
use crate::lab::Medium;

const RUNS: usize = 3;
/// Rows of 1 MiB in the large transaction.
const LARGE_ROWS: u64 = 1_024;
/// Rows of one statement of it: far below the source's packet limit.
const STATEMENT_ROWS: u64 = 8;

/// `--rows` is the size of the large transaction in MiB.
pub(super) async fn measure(options: &Options) -> Result<Measured> {
    let mut values = Vec::new();
    for run in 1..=options.pairs(RUNS) {
        let fast = Upstream::prepare(&WORKLOAD, WORKLOAD.rows).await?;
        let at_speed = peak(&fast, options, &format!("run {run} at full speed")).await?;
        drop(fast);
        let mut large = Upstream::empty(WORKLOAD.seed_rows).await?;
        let rows = options.rows.unwrap_or(LARGE_ROWS);
        large.write(&large_transaction(rows), rows).await?;
        let what = format!("run {run} with a transaction of {rows} MiB");
        values.push(peak(&large, options, &what).await?.max(at_speed));
    }
    Ok(Measured {
        name: "apply-rss",
        unit: "MiB",
        values,
    })
}

async fn peak(upstream: &Upstream, options: &Options, what: &str) -> Result<f64> {
    let mut ours = Ours::start(options.lanes).await?;
    ours.create_source(upstream).await?;
    let spent = ours.run(upstream, Medium::Memory).await?;
    println!("{what}: {spent}");
    let worker = ours.cluster.workers.first_mut().context("no worker")?;
    Ok(show_memory(what, worker.process()?)?.1)
}

fn large_transaction(rows: u64) -> Vec<String> {
    let mut statements = vec!["BEGIN".to_owned()];
    for first in (1..=rows).step_by(STATEMENT_ROWS as usize) {
        let last = (first + STATEMENT_ROWS - 1).min(rows);
        statements.push(format!(
            "INSERT INTO bench.wide SELECT seq, REPEAT(MD5(seq), 32768) FROM seq_{first}_to_{last}"
        ));
    }
    statements.push("COMMIT".to_owned());
    statements
}
