//! P1, P2 and P3 under faults of every kind: a shop that is written to, keys whose versions only grow, a target that is read
//! all the time, and one comparison in the end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

use super::Options;
use super::faults::{Faults, Hits};
use super::versions::{Judge, Versions};
use crate::demo::configuration::{TASK, source_yaml, task_yaml};
use crate::demo::watch::Watch;
use crate::demo::{DataSet, Recorded, TablePair, TaskStatus, Writer, WriterOptions, compare};
use crate::lab::{Cluster, Database, Endpoint, Kind, Proxy, Server};

const SCALE: f64 = 0.02;
/// Transactions per second on the shop; the versions come on top.
const RATE: u32 = 100;
const LEASE_TTL: &str = "--lease-ttl=2s";
const SYNC_MAX: Duration = Duration::from_secs(120);
/// A machine that is used by others still has to do so many transactions a second.
const TRANSACTIONS_PER_S_MIN: f64 = 40.0;
/// Worker faults come every 10 s at the soonest, and each takes a lease or two.
const WORKER_FAULTS_PER_MINUTE_MIN: f64 = 1.5;
const CUTS_PER_MINUTE_MIN: f64 = 6.0;
/// In a short soak chance may leave this kind out.
const TARGET_KILLS_PER_MINUTE_MIN: f64 = 0.5;

pub(super) async fn soak(options: &Options, seed: u64) -> Result<()> {
    let (source, target, mut cluster) = tokio::try_join!(
        Database::start(Kind::Mysql97),
        Database::start(Kind::Mysql97),
        Cluster::builder(1, 2).master_args(&[LEASE_TTL]).start()
    )?;
    let (source, mut target) = (Server::own(source).await?, Server::own(target).await?);
    let proxy = Proxy::start(target.endpoint().addr()).await?;
    let data = DataSet::new("", SCALE, seed);
    data.create(source.endpoint()).await?;
    let versions = data.quoted("shop_ops", "versions");
    Versions::create(source.endpoint(), &versions).await?;
    let (source_watch, target_watch) = (
        Watch::new(source.endpoint(), &data),
        Watch::new(target.endpoint(), &data),
    );
    let balance = Watch::new(source.endpoint(), &data)
        .balance()
        .await
        .context("no accounts")?;
    let through_proxy = Endpoint {
        host: "127.0.0.1".to_owned(),
        port: proxy.addr().port(),
        ..target.endpoint().clone()
    };
    start_task(
        &cluster,
        source.endpoint(),
        &through_proxy,
        &data,
        options.lanes,
    )
    .await?;
    let length = Duration::from_secs_f64(options.minutes * 60.0);
    let writer_options = WriterOptions {
        rate: RATE,
        time_max: length + SYNC_MAX,
        seed,
        scale: SCALE,
        ddl: false,
    };
    let writer = Writer::start(source.endpoint(), &data, writer_options).await?;
    let growing = Versions::start(source.endpoint(), &versions, seed).await?;
    reached(&cluster, &source).await?;

    let accounts = data.quoted("shop_sales", "accounts");
    let judge = Judge::start(
        target.endpoint(),
        &versions,
        &accounts,
        i64::try_from(balance)?,
    );
    let begun = Instant::now();
    let mut faults = Faults {
        cluster: &mut cluster,
        target: &mut target,
        proxy: &proxy,
        source_watch,
        target_watch,
        rng: Faults::rng(seed),
        hits: Hits::default(),
    };
    let result = faults.until(begun + length).await;
    let hits = faults.hits;
    println!("{hits}");
    if let Err(error) = result {
        eprintln!("{}", cluster.logs());
        return Err(error);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let transactions = writer.stop().await?.transactions + growing.stop().await?;
    reached(&cluster, &source).await?;
    let snapshots = judge.end().await?;
    let mut pairs = data.pairs();
    pairs.push(TablePair::same("shop_ops", "versions"));
    let report = compare(source.endpoint(), target.endpoint(), &pairs).await?;
    println!(
        "{transactions} transactions and {snapshots} snapshots in {seconds:.0} s: {}",
        report.verdict()
    );
    ensure!(report.identical(), "{report}");
    enough(hits, transactions, snapshots, seconds)
}

/// What happened must be able to show something.
fn enough(hits: Hits, transactions: u64, snapshots: u64, seconds: f64) -> Result<()> {
    let at_least = |what: &str, count: f64, min: f64| {
        ensure!(
            count >= min.floor(),
            "only {count} {what}, at least {min:.0} are wanted"
        );
        Ok(())
    };
    let minutes = seconds / 60.0;
    at_least(
        "transactions",
        transactions as f64,
        TRANSACTIONS_PER_S_MIN * seconds,
    )?;
    at_least("snapshots", snapshots as f64, seconds)?;
    let workers = f64::from(hits.killed + hits.frozen);
    at_least(
        "faults of workers",
        workers,
        WORKER_FAULTS_PER_MINUTE_MIN * minutes,
    )?;
    at_least("cuts", f64::from(hits.cut), CUTS_PER_MINUTE_MIN * minutes)?;
    let kills = f64::from(hits.target);
    at_least(
        "kills of the target",
        kills,
        TARGET_KILLS_PER_MINUTE_MIN * minutes,
    )
}

async fn start_task(
    cluster: &Cluster,
    source: &Endpoint,
    target: &Endpoint,
    data: &DataSet,
    lanes: Option<u32>,
) -> Result<()> {
    let mut task = task_yaml(target, data, "dm_meta");
    if let Some(lanes) = lanes {
        task = task.replace(
            "    block-allow-list: shop\n",
            "    block-allow-list: shop\n    syncer-config-name: soak\n",
        ) + &format!("syncers:\n  soak: {{ worker-count: {lanes} }}\n");
    }
    let (source, task) = (
        cluster.write("source.yaml", &source_yaml(source))?,
        cluster.write("task.yaml", &task)?,
    );
    cluster
        .dmctl()
        .ok(&["operate-source", "create", &source])
        .await?;
    cluster.dmctl().ok(&["start-task", &task]).await?;
    Ok(())
}

/// Waits until the target has what the source has now.
async fn reached(cluster: &Cluster, source: &Server) -> Result<()> {
    let recorded = Recorded::read(source.endpoint(), source.product()).await?;
    let start = Instant::now();
    loop {
        let status = TaskStatus::query(cluster.dmctl(), TASK).await;
        // While the load goes on there is always something newer, so only the position counts.
        if let Ok(status) = &status
            && status.unit == "Sync"
            && recorded
                .reached_by(
                    &TaskStatus {
                        synced: true,
                        ..status.clone()
                    },
                    source.endpoint(),
                )
                .await?
        {
            return Ok(());
        }
        ensure!(
            start.elapsed() < SYNC_MAX,
            "the target did not reach the source within {SYNC_MAX:?}: {status:?}"
        );
        sleep(Duration::from_millis(200)).await;
    }
}
