//! Handing over, pausing, stopping, and waiting for a target: from the outside, with clocks.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chaos_tests::lab::{Mode, eventually};
use nix::sys::signal::Signal;
use tokio::time::sleep;

use crate::load::{Load, finish, next_row, populate, running};
use crate::scene::{Plan, SOURCE, Scene, TASK, rounds, seed};

const NEXT_MAX: Duration = Duration::from_secs(15);
/// Promised is one second; the machine of a test may be busy.
const HANDOVER_MAX: Duration = Duration::from_secs(2);
const STOP_MAX: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_hands_over_within_a_second() -> Result<()> {
    let (mut scene, load) = running(Plan {
        lease_ttl: "5s",
        ..Plan::default()
    })
    .await?;
    for round in 1..=rounds(3) {
        let owner = scene.owner().await?;
        scene
            .cluster
            .workers
            .get_mut(owner)
            .context("no worker")?
            .process()?
            .signal(Signal::SIGTERM)?;
        // What the old owner had on its way is not the new one's work.
        let other = async {
            let start = Instant::now();
            scene.wait_other_owner(owner).await?;
            next_row(&scene, NEXT_MAX).await?;
            Ok::<Duration, anyhow::Error>(start.elapsed())
        };
        let time = other.await?;
        println!(
            "round {round}: SIGTERM to the next row of the other worker {:.2} s",
            time.as_secs_f64()
        );
        ensure!(time < HANDOVER_MAX, "took {time:?}");
        scene
            .cluster
            .workers
            .get_mut(owner)
            .context("no worker")?
            .stop(STOP_MAX)
            .await?;
        scene.start_worker(owner).await?;
        sleep(Duration::from_millis(300)).await;
    }
    finish(&mut scene, load).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn transfer_source_hands_over_within_a_second() -> Result<()> {
    let (mut scene, load) = running(Plan {
        lease_ttl: "5s",
        ..Plan::default()
    })
    .await?;
    for round in 1..=rounds(3) {
        let owner = scene.owner().await?;
        let to = (owner + 1) % scene.cluster.workers.len();
        let name = scene
            .cluster
            .workers
            .get(to)
            .context("no worker")?
            .name()
            .to_owned();
        let start = Instant::now();
        scene.ctl(&["transfer-source", SOURCE, &name]).await?;
        ensure!(
            scene.wait_other_owner(owner).await? == to,
            "another worker than asked for has it"
        );
        next_row(&scene, NEXT_MAX).await?;
        let time = start.elapsed();
        println!(
            "round {round}: transfer-source to the next row {:.2} s",
            time.as_secs_f64()
        );
        ensure!(time < HANDOVER_MAX, "took {time:?}");
    }
    finish(&mut scene, load).await?;
    Ok(())
}

/// Everything that a commit of the task would move.
async fn marks(scene: &Scene) -> Result<(u64, u64, u64)> {
    let rows = "SELECT (SELECT COUNT(*) FROM {db}.tick) + (SELECT COUNT(*) FROM {db}.plain) + (SELECT COUNT(*) FROM {db}.keyed)";
    Ok((
        scene
            .number("SELECT CAST(SUM(seq) AS UNSIGNED) FROM {meta}.dm_lane")
            .await?,
        scene.number(rows).await?,
        scene
            .number("SELECT COALESCE(MAX(id), 0) FROM {db}.tick")
            .await?,
    ))
}

async fn must_stand_still(scene: &Scene, after: &str) -> Result<()> {
    let before = marks(scene).await?;
    sleep(Duration::from_millis(1_500)).await;
    let now = marks(scene).await?;
    ensure!(
        before == now,
        "after {after} was acknowledged the target went from {before:?} to {now:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_acknowledged_pause_nothing_commits() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    for _ in 0..rounds(3) {
        scene.ctl(&["pause-task", TASK]).await?;
        must_stand_still(&scene, "pause-task").await?;
        ensure!(
            scene.status().await?.stage == "Paused",
            "{:?}",
            scene.status().await
        );
        scene.ctl(&["resume-task", TASK]).await?;
        let time = next_row(&scene, NEXT_MAX).await?;
        println!("next row {:.2} s after resume-task", time.as_secs_f64());
    }
    // A worker that dies while the task is paused changes nothing about that.
    scene.ctl(&["pause-task", TASK]).await?;
    let killed = scene.kill_owner().await?;
    scene.wait_other_owner(killed).await?;
    scene.start_worker(killed).await?;
    must_stand_still(&scene, "pause-task").await?;
    scene.ctl(&["resume-task", TASK]).await?;
    next_row(&scene, NEXT_MAX).await?;
    finish(&mut scene, load).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_task_goes_on_from_where_it_was() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    let generation = scene
        .number("SELECT generation FROM {meta}.dm_head")
        .await?;
    scene.ctl(&["stop-task", TASK]).await?;
    must_stand_still(&scene, "stop-task").await?;
    scene.start_task(&[]).await?;
    next_row(&scene, NEXT_MAX).await?;
    finish(&mut scene, load).await?;
    println!(
        "generation {generation} and {}",
        scene
            .number("SELECT generation FROM {meta}.dm_head")
            .await?
    );
    Ok(())
}

/// A scene whose full migration takes some seconds, because the target is far away.
async fn slow_load(rows: u32) -> Result<(Scene, Load)> {
    let scene = Scene::open(Plan {
        target_proxy: true,
        ..Plan::default()
    })
    .await?;
    populate(&scene, rows).await?;
    let load = Load::start(&scene, seed(), 50);
    scene.begin().await?;
    proxy(&scene)?.set(Mode::Delay(Duration::from_millis(40)));
    eventually("rows are being copied", || async {
        let some = scene.number("SELECT COUNT(*) FROM {db}.plain").await? > 0;
        Ok(some.then_some(()))
    })
    .await?;
    Ok((scene, load))
}

fn proxy(scene: &Scene) -> Result<&chaos_tests::lab::Proxy> {
    scene.proxy.as_ref().context("no proxy")
}

async fn unit(scene: &Scene) -> String {
    scene
        .status()
        .await
        .map_or_else(|error| format!("{error:#}"), |status| status.unit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_migration_can_be_paused_and_handed_over() -> Result<()> {
    let (mut scene, load) = slow_load(40_000).await?;
    println!("paused in unit {}", unit(&scene).await);
    scene.ctl(&["pause-task", TASK]).await?;
    let seq = "SELECT CAST(SUM(seq) AS UNSIGNED) FROM {meta}.dm_lane";
    let (before, rows) = (
        scene.number(seq).await?,
        scene.number("SELECT COUNT(*) FROM {db}.plain").await?,
    );
    sleep(Duration::from_millis(1_500)).await;
    ensure!(
        before == scene.number(seq).await?
            && rows == scene.number("SELECT COUNT(*) FROM {db}.plain").await?
    );
    // Setting up takes many round trips, more than the bounded wait of resume-task has time for.
    proxy(&scene)?.set(Mode::Pass);
    scene.ctl(&["resume-task", TASK]).await?;
    proxy(&scene)?.set(Mode::Delay(Duration::from_millis(40)));
    sleep(Duration::from_millis(400)).await;
    println!("SIGTERM in unit {}", unit(&scene).await);
    let owner = scene.owner().await?;
    scene
        .cluster
        .workers
        .get_mut(owner)
        .context("no worker")?
        .stop(STOP_MAX)
        .await?;
    let start = Instant::now();
    scene.wait_other_owner(owner).await?;
    println!(
        "the other worker has it {:.2} s after the end of the first",
        start.elapsed().as_secs_f64()
    );
    scene.start_worker(owner).await?;
    proxy(&scene)?.set(Mode::Pass);
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    finish(&mut scene, load).await?;
    Ok(())
}

/// Breaks the way to the target for a while; the subtask runs on, says what it waits for, and goes on by itself.
async fn outage(scene: &Scene, how: Mode, time: Duration) -> Result<()> {
    proxy(scene)?.set(how);
    let start = Instant::now();
    let mut noted = String::new();
    while start.elapsed() < time {
        sleep(Duration::from_millis(250)).await;
        let status = scene.status().await?;
        if status.stage != "Running" {
            bail!(
                "{how:?}: the stage is {}, errors {:?}",
                status.stage,
                status.errors
            );
        }
        let note = scene.note().await?;
        if !note.is_empty() {
            noted = note;
        }
    }
    println!("{how:?}: {noted}");
    ensure!(
        !noted.is_empty() || how == Mode::Stall,
        "nothing says that the target is waited for"
    );
    proxy(scene)?.set(Mode::Pass);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_target_is_waited_for() -> Result<()> {
    let (mut scene, load) = running(Plan {
        target_proxy: true,
        ..Plan::default()
    })
    .await?;
    for (how, seconds) in [(Mode::Cut, 5), (Mode::Stall, 4), (Mode::Blackhole, 4)] {
        outage(&scene, how, Duration::from_secs(seconds)).await?;
        let time = next_row(&scene, Duration::from_secs(20)).await?;
        println!(
            "{how:?}: next row {:.2} s after it was over",
            time.as_secs_f64()
        );
        scene
            .wait_status("the note is gone", |status| status.errors.is_empty())
            .await?;
    }
    finish(&mut scene, load).await?;
    ensure!(
        scene.note().await?.is_empty(),
        "an old note stays: {}",
        scene.note().await?
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_target_is_waited_for_in_the_full_migration() -> Result<()> {
    let (mut scene, load) = slow_load(40_000).await?;
    println!("cut in unit {}", unit(&scene).await);
    outage(&scene, Mode::Cut, Duration::from_secs(4)).await?;
    proxy(&scene)?.set(Mode::Delay(Duration::from_millis(40)));
    sleep(Duration::from_millis(800)).await;
    println!("stalled in unit {}", unit(&scene).await);
    outage(&scene, Mode::Stall, Duration::from_secs(4)).await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    finish(&mut scene, load).await?;
    Ok(())
}
