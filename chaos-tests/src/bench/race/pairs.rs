use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;

use super::native::{self, Mode};
use super::{Ours, Spent, SyncCost, Upstream, Workload, load_average};
use crate::bench::{Measured, Options};
use crate::lab::{Database, Medium};

const PAIRS: usize = 5;
/// What decides about the cost of a commit and of a row.
const VARIABLES: [&str; 9] = [
    "version",
    "innodb_flush_log_at_trx_commit",
    "sync_binlog",
    "log_bin",
    "log_slave_updates",
    "innodb_buffer_pool_size",
    "innodb_log_file_size",
    "binlog_row_image",
    "binlog_annotate_row_events",
];

/// What a race is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Settings {
    /// The name of the benchmark.
    pub(in crate::bench) name: &'static str,
    pub(in crate::bench) workload: Workload,
    /// Where the targets keep their data.
    pub(in crate::bench) medium: Medium,
}

/// Ratios of our speed to that of the best of the native modes, which a first round finds.
pub(in crate::bench) async fn race(settings: Settings, options: &Options) -> Result<Measured> {
    let (upstream, mut ours) = open(&settings, options).await?;
    let medium = settings.medium;
    let best = if options.alone {
        None
    } else {
        Some(best_mode(&upstream, medium).await?)
    };
    let mut values = Vec::new();
    for pair in 1..=options.pairs(PAIRS) {
        let before = load_average();
        // Who begins changes, so that neither always finds the machine warm.
        let (reference, us) = match best {
            None => (None, ours.run(&upstream, medium).await?),
            Some(mode) if pair % 2 == 1 => {
                let reference = native::run(&upstream, medium, mode).await?;
                (Some(reference), ours.run(&upstream, medium).await?)
            }
            Some(mode) => {
                let us = ours.run(&upstream, medium).await?;
                (Some(native::run(&upstream, medium, mode).await?), us)
            }
        };
        println!(
            "pair {pair}: load average {before} before, {} after",
            load_average()
        );
        println!("  ours            {us}");
        match (&reference, best) {
            (Some(reference), Some(mode)) => {
                let ratio = us.rate() / reference.rate();
                println!("  {mode} {reference}\n  equal; ratio {ratio:.2}");
                values.push(ratio);
            }
            _ => values.push(us.rate()),
        }
    }
    println!("{}", SyncCost::measure(medium)?);
    Ok(Measured {
        name: settings.name,
        unit: if best.is_some() { "x" } else { "rows/s" },
        values,
    })
}

/// Only we, several times.
pub(in crate::bench) async fn alone(settings: Settings, options: &Options) -> Result<Vec<Spent>> {
    let (upstream, mut ours) = open(&settings, options).await?;
    let mut spent = Vec::new();
    for run in 1..=options.pairs(PAIRS) {
        let one = ours.run(&upstream, settings.medium).await?;
        println!("run {run}: {one}");
        spent.push(one);
    }
    Ok(spent)
}

async fn open(settings: &Settings, options: &Options) -> Result<(Upstream, Ours)> {
    let workload = &settings.workload;
    let rows = options.rows.unwrap_or(match settings.medium {
        Medium::Memory => workload.rows,
        Medium::Disk => workload.rows_on_disk,
    });
    let (upstream, mut ours) = tokio::try_join!(
        Upstream::prepare(workload, rows),
        Ours::start(options.lanes)
    )?;
    ours.create_source(&upstream).await?;
    println!(
        "binlog: {} row changes in transactions of {}; table of {} rows before",
        upstream.rows, workload.rows_per_transaction, workload.seed_rows
    );
    println!(
        "targets: {:?}; {}",
        settings.medium,
        SyncCost::measure(settings.medium)?
    );
    show("source", &upstream.server).await?;
    show("target", &upstream.target(settings.medium, &[]).await?).await?;
    for master in &mut ours.cluster.masters {
        println!("{}", master.process()?.command_line());
    }
    for worker in &mut ours.cluster.workers {
        println!("{}", worker.process()?.command_line());
    }
    Ok((upstream, ours))
}

/// Command line and variables of a server.
pub(in crate::bench) async fn show(what: &str, server: &Database) -> Result<()> {
    let process = server.process().context("the server is not running")?;
    println!("{what}: {}", process.command_line());
    let mut conn = server.conn().await?;
    for name in VARIABLES {
        let row: Option<(String, String)> = conn
            .query_first(format!("SHOW VARIABLES LIKE '{name}'"))
            .await?;
        println!("  {name} = {}", row.map_or_else(String::new, |row| row.1));
    }
    Ok(conn.disconnect().await?)
}

async fn best_mode(upstream: &Upstream, medium: Medium) -> Result<Mode> {
    let mut best: Option<(Mode, f64)> = None;
    for mode in Mode::ALL {
        let spent = native::run(upstream, medium, mode).await?;
        println!("{mode}: {spent}");
        if best.is_none_or(|(_, rate)| spent.rate() > rate) {
            best = Some((mode, spent.rate()));
        }
    }
    let (mode, _) = best.context("no native mode")?;
    println!("the reference is {mode}, the best of these");
    Ok(mode)
}
