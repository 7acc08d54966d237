//! Commit at the source to visible at the target, while 3,000 transactions per second are written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use tokio::time::{Instant, sleep, sleep_until};

use super::race::{Ours, SyncCost, Upstream, load_average};
use super::{Measured, Options};
use crate::lab::{Endpoint, Medium};

const RUNS: usize = 5;
const WRITERS: u32 = 3;
/// Of each writer, so that all together make 3,000 a second.
const WRITE_EVERY: Duration = Duration::from_millis(1);
/// A writer that is late catches up, but not more than this.
const LATE_MAX: Duration = Duration::from_millis(20);
const RUN: Duration = Duration::from_secs(10);
/// The target is looked at this often; the figures are that much too high at most.
const LOOK_EVERY: Duration = Duration::from_millis(1);
const ARRIVE_MAX: Duration = Duration::from_secs(30);

/// When the INSERT of an id was sent: that the source needs time to commit counts against us.
type Sent = Arc<Mutex<BTreeMap<u64, Instant>>>;

pub(super) async fn measure(options: &Options) -> Result<Measured> {
    let (upstream, mut ours) =
        tokio::try_join!(Upstream::empty(1_000), Ours::start(options.lanes))?;
    ours.create_source(&upstream).await?;
    println!("{}", SyncCost::measure(Medium::Memory)?);
    let target = upstream.target(Medium::Memory, &[]).await?;
    let processes = ours.processes(&upstream, &target)?;
    ours.start_task(&upstream, target.endpoint()).await?;
    let mut values = Vec::new();
    for run in 1..=options.pairs(RUNS) {
        let before = super::race::Meter::start(&processes)?;
        let mut lags = once(upstream.server.endpoint(), target.endpoint(), run as u64).await?;
        let spent = before.stop(lags.len() as u64)?;
        lags.sort();
        let at = |share: usize| {
            lags.get((lags.len() - 1) * share / 100)
                .map_or(f64::NAN, |lag| lag.as_secs_f64() * 1e3)
        };
        println!(
            "run {run}: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms; load average {}\n  {spent}",
            at(50),
            at(99),
            at(100),
            load_average()
        );
        values.push(at(99));
    }
    Ok(Measured {
        name: "apply-lag",
        unit: "ms",
        values,
    })
}

async fn once(source: &Endpoint, target: &Endpoint, run: u64) -> Result<Vec<Duration>> {
    let sent: Sent = Arc::default();
    let first = run * 10_000_000;
    let end = Instant::now() + RUN;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let first = first + u64::from(writer) * 1_000_000;
            tokio::spawn(write(source.clone(), Arc::clone(&sent), first, end))
        })
        .collect();
    let mut conn = target.conn().await?;
    let (mut seen, mut lags) = (vec![0_u64; WRITERS as usize], Vec::new());
    let begun = Instant::now();
    loop {
        let mut counts = Vec::new();
        for (writer, seen) in (0_u64..).zip(&seen) {
            let (from, to) = (first + writer * 1_000_000, first + (writer + 1) * 1_000_000);
            counts.push(format!(
                "SELECT id FROM bench.sbtest1 WHERE id >= {} AND id < {to}",
                from + seen
            ));
        }
        let ids: Vec<u64> = conn.query(counts.join(" UNION ALL ")).await?;
        let now = Instant::now();
        note(&sent, &ids, now, &mut lags);
        advance(&ids, first, &mut seen);
        if now > end
            && sent
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_empty()
        {
            break;
        }
        ensure!(
            begun.elapsed() < RUN + ARRIVE_MAX,
            "rows do not arrive at the target"
        );
        sleep(LOOK_EVERY).await;
    }
    for writer in writers {
        writer.await?.context("a writer at the source")?;
    }
    conn.disconnect().await?;
    let (wanted, got) = (RUN.as_millis() as usize * WRITERS as usize, lags.len());
    ensure!(
        got > wanted * 9 / 10,
        "only {got} of {wanted} transactions were written: the machine is too slow for this"
    );
    Ok(lags)
}

/// What is seen for the first time leaves `sent`.
fn note(sent: &Sent, ids: &[u64], now: Instant, lags: &mut Vec<Duration>) {
    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    for id in ids {
        if let Some(at) = sent.remove(id) {
            lags.push(now - at);
        }
    }
}

/// Rows of a writer arrive in any order; what is complete from its first one on is not read again.
fn advance(ids: &[u64], first: u64, seen: &mut [u64]) {
    let ids: std::collections::BTreeSet<u64> = ids.iter().copied().collect();
    for (writer, seen) in (0_u64..).zip(seen) {
        while ids.contains(&(first + writer * 1_000_000 + *seen)) {
            *seen += 1;
        }
    }
}

async fn write(source: Endpoint, sent: Sent, first: u64, end: Instant) -> Result<()> {
    let mut conn = source.conn().await?;
    let (mut id, mut due) = (first, Instant::now());
    while due < end {
        sleep_until(due).await;
        sent.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, Instant::now());
        conn.query_drop(format!(
            "INSERT INTO bench.sbtest1 VALUES ({id}, {id}, REPEAT('x', 119), REPEAT('y', 59))"
        ))
        .await?;
        id += 1;
        due = (due + WRITE_EVERY).max(Instant::now() - LATE_MAX);
    }
    Ok(conn.disconnect().await?)
}
