//! P1: exactly once, whatever is killed and when.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Mode, Role, Server};
use chaos_tests::skip;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::load::{Ledger, Load, next_row, populate};
use crate::scene::{Plan, Scene, rounds, seed};

const ROWS: u32 = 6_000;
/// Enough for a full migration that takes a second.
const ROWS_TO_LOAD: u32 = 30_000;
const RATE: u32 = 150;
const TAKE_OVER_MAX: Duration = Duration::from_secs(15);

async fn finish(scene: &mut Scene, load: Load, transactions_min: u64) -> Result<()> {
    let transactions = load.stop().await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    let status = scene.status().await?;
    ensure!(
        status.errors.is_empty() && status.stage == "Running",
        "{status:?}"
    );
    ensure!(
        transactions >= transactions_min,
        "only {transactions} transactions"
    );
    println!("{transactions} transactions");
    Ok(())
}

async fn owner_is_killed(gtid: bool) -> Result<()> {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = Scene::open(Plan {
        gtid,
        ..Plan::default()
    })
    .await?;
    populate(&scene, ROWS_TO_LOAD).await?;
    let load = Load::start(&scene, seed, RATE);
    scene.begin().await?;
    // The first kill hits the full migration.
    sleep(Duration::from_millis(rng.random_range(0..500))).await;
    println!(
        "first kill in unit {:?}",
        scene.status().await.map(|status| status.unit)
    );
    let killed = scene.kill_owner().await?;
    scene.wait_other_owner(killed).await?;
    scene.start_worker(killed).await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    next_row(&scene, TAKE_OVER_MAX).await?;
    let ledger = Ledger::start(&scene);
    for round in 1..=rounds(4) {
        sleep(Duration::from_millis(rng.random_range(0..1_500))).await;
        let killed = scene.kill_owner().await?;
        let time = next_row(&scene, TAKE_OVER_MAX).await?;
        println!("round {round}: next row after {:.2} s", time.as_secs_f64());
        scene.start_worker(killed).await?;
    }
    finish(&mut scene, load, 300).await?;
    ledger.judge().await
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_once_under_kills_of_the_owner_with_gtid() -> Result<()> {
    owner_is_killed(true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_once_under_kills_of_the_owner_without_gtid() -> Result<()> {
    if Server::given(Role::Source)?.is_some() {
        skip!(
            "exactly_once_under_kills_of_the_owner_without_gtid",
            "the source is given, its gtid_mode is what it is"
        );
    }
    owner_is_killed(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_once_when_the_target_is_killed() -> Result<()> {
    if Server::given(Role::Target)?.is_some() {
        skip!(
            "exactly_once_when_the_target_is_killed",
            "the target is given and not ours to kill"
        );
    }
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = Scene::open(Plan::default()).await?;
    populate(&scene, ROWS_TO_LOAD).await?;
    let load = Load::start(&scene, seed, RATE);
    scene.begin().await?;
    // The first kill hits the full migration.
    for round in 0..rounds(4) {
        sleep(Duration::from_millis(rng.random_range(100..1_000))).await;
        let target = scene.target.database_mut().context("not ours")?;
        target.kill9();
        sleep(Duration::from_millis(rng.random_range(0..1_500))).await;
        target.restart().await?;
        if round > 0 {
            let time = next_row(&scene, TAKE_OVER_MAX).await?;
            println!(
                "round {round}: next row {:.2} s after the target was back",
                time.as_secs_f64()
            );
        } else {
            scene
                .wait_status("changes are applied", |status| status.unit == "Sync")
                .await?;
            next_row(&scene, TAKE_OVER_MAX).await?;
        }
    }
    finish(&mut scene, load, 200).await
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_once_when_target_connections_are_cut() -> Result<()> {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = Scene::open(Plan {
        target_proxy: true,
        ..Plan::default()
    })
    .await?;
    populate(&scene, ROWS).await?;
    let load = Load::start(&scene, seed, RATE);
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    next_row(&scene, TAKE_OVER_MAX).await?;
    let ledger = Ledger::start(&scene);
    let (start, mut cuts) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(rounds(15) as u64) {
        let proxy = scene.proxy.as_ref().context("no proxy")?;
        let before = proxy.connections();
        // Within the answers of the next commits: before, in or after the one to COMMIT.
        proxy.cut_after(rng.random_range(1..600));
        sleep(Duration::from_millis(rng.random_range(50..300))).await;
        proxy.set(Mode::Cut);
        sleep(Duration::from_millis(rng.random_range(0..30))).await;
        // Not reached yet, it would cut for good later.
        proxy.cut_after(u64::MAX);
        proxy.set(Mode::Pass);
        cuts += 1;
        let resumed = Instant::now();
        while proxy.connections() == before && resumed.elapsed() < Duration::from_secs(5) {
            sleep(Duration::from_millis(20)).await;
        }
        ensure!(
            proxy.connections() > before,
            "the worker did not connect again"
        );
        sleep(Duration::from_millis(rng.random_range(20..250))).await;
    }
    println!(
        "{cuts} cuts, {} connections",
        scene.proxy.as_ref().map_or(0, |proxy| proxy.connections())
    );
    ensure!(cuts >= 10, "only {cuts} cuts");
    next_row(&scene, TAKE_OVER_MAX).await?;
    finish(&mut scene, load, 500).await?;
    ledger.judge().await
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_once_when_the_source_restarts() -> Result<()> {
    if Server::given(Role::Source)?.is_some() {
        skip!(
            "exactly_once_when_the_source_restarts",
            "the source is given and not ours to stop"
        );
    }
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = Scene::open(Plan::default()).await?;
    populate(&scene, ROWS).await?;
    let load = Load::start(&scene, seed, RATE);
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    next_row(&scene, TAKE_OVER_MAX).await?;
    for round in 0..rounds(4) {
        sleep(Duration::from_millis(rng.random_range(100..1_200))).await;
        let source = scene.source.database_mut().context("not ours")?;
        if round % 2 == 0 {
            source.stop().await?;
        } else {
            source.kill9();
        }
        source.restart().await?;
        let time = next_row(&scene, TAKE_OVER_MAX).await?;
        println!(
            "round {round}: next row {:.2} s after the source was back",
            time.as_secs_f64()
        );
    }
    finish(&mut scene, load, 200).await
}
