//! The control plane under loss: of its leader, a minority, a majority, and all.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Cluster, Ctl};
use tokio::time::sleep;

use crate::plane_scene::{Arrivals, Trickle, refused, says};
use crate::scene::{Plan, SOURCE, Scene, TASK};

/// The issue: within 10 s. The command's own start is part of it.
const NO_QUORUM_MAX: Duration = Duration::from_secs(10);
const EXIT_MAX: Duration = Duration::from_secs(20);

async fn scene(masters: usize, lease_ttl: &'static str) -> Result<Scene> {
    let scene = Scene::open(Plan {
        masters,
        workers: 1,
        lease_ttl,
        ..Plan::default()
    })
    .await?;
    scene
        .at_source(&[
            "CREATE DATABASE {db}",
            "CREATE TABLE {db}.ticks (id BIGINT PRIMARY KEY AUTO_INCREMENT, at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))",
            "INSERT INTO {db}.ticks () VALUES ()",
        ])
        .await?;
    Ok(scene)
}

fn kill(cluster: &mut Cluster, place: usize) -> Result<()> {
    cluster
        .masters
        .get_mut(place)
        .context("no such master")?
        .kill9();
    Ok(())
}

async fn ready(cluster: &mut Cluster, place: usize) -> Result<()> {
    let master = cluster.masters.get_mut(place).context("no such master")?;
    master.wait_ready().await
}

/// dmctl that knows only this master.
fn only(cluster: &Cluster, place: usize) -> Result<Ctl> {
    let master = cluster.masters.get(place).context("no such master")?;
    Ok(Ctl::new(master.addr()))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_leader_delays_writes_shortly_and_rows_not_at_all() -> Result<()> {
    let mut scene = scene(3, "5s").await?;
    scene.begin().await?;
    scene.wait_synced().await?;
    let trickle = Trickle::start(&scene, Duration::from_millis(40));
    let arrivals = Arrivals::start(&scene);
    arrivals.wait_some().await?;

    let leader = scene.cluster.leader().await?;
    kill(&mut scene.cluster, leader)?;
    let killed = Instant::now();
    // Pausing a second, idle task would do; a source is the cheaper write that changes nothing for the first one.
    let other = scene
        .source_yaml()
        .replace(&format!("source-id: {SOURCE}"), "source-id: other");
    let file = scene.cluster.write("other.yaml", &other)?;
    scene.ctl(&["operate-source", "create", &file]).await?;
    let acknowledged = killed.elapsed();
    sleep(Duration::from_secs(4)).await;

    let gap = arrivals.longest_gap().await?;
    println!("next acknowledged write after {acknowledged:?}; longest pause of rows {gap:?}");
    ensure!(acknowledged < Duration::from_secs(5), "{acknowledged:?}");
    ensure!(
        gap < Duration::from_millis(1_500),
        "rows paused for {gap:?}"
    );
    trickle.stop().await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_with_two_of_three_masters() -> Result<()> {
    let mut scene = scene(3, "5s").await?;
    let leader = scene.cluster.leader().await?;
    let follower = (leader + 1) % 3;
    kill(&mut scene.cluster, follower)?;
    scene.begin().await?;
    scene.wait_synced().await?;
    scene.cluster.start_master(follower)?;
    ready(&mut scene.cluster, follower).await?;

    let leader = scene.cluster.leader().await?;
    kill(&mut scene.cluster, leader)?;
    scene.ctl(&["pause-task", TASK]).await?;
    scene
        .wait_status("the task is paused", |status| status.stage == "Paused")
        .await?;
    scene
        .at_source(&["INSERT INTO {db}.ticks () VALUES (), ()"])
        .await?;
    scene.ctl(&["resume-task", TASK]).await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    scene.ctl(&["stop-task", TASK]).await?;
    scene.ctl(&["operate-source", "stop", SOURCE]).await?;
    let shown = scene.ctl(&["operate-source", "show"]).await?;
    ensure!(shown["sources"] == serde_json::json!([]), "{shown}");
    Ok(())
}

/// A mutating call with one master of three left.
async fn without_quorum(scene: &Scene, survivor: usize) -> Result<()> {
    for ctl in [
        scene.cluster.dmctl().clone(),
        only(&scene.cluster, survivor)?,
    ] {
        let begun = Instant::now();
        let output = ctl.run(&["pause-task", TASK]).await?;
        let took = begun.elapsed();
        println!("pause-task without quorum: {took:?}: {output}");
        ensure!(took < NO_QUORUM_MAX, "{took:?}: {output}");
        says(&output, &["no quorum"])?;
        ensure!(!output.stdout.contains("\"result\": true"), "{output}");
    }
    Ok(())
}

async fn majority_lost(leader_survives: bool) -> Result<()> {
    let mut scene = scene(3, "5s").await?;
    scene.begin().await?;
    scene.wait_synced().await?;
    let trickle = Trickle::start(&scene, Duration::from_millis(100));
    let arrivals = Arrivals::start(&scene);
    arrivals.wait_some().await?;

    let leader = scene.cluster.leader().await?;
    let survivor = if leader_survives {
        leader
    } else {
        (leader + 1) % 3
    };
    let lost: Vec<usize> = (0..3).filter(|place| *place != survivor).collect();
    for place in &lost {
        kill(&mut scene.cluster, *place)?;
    }
    let killed = Instant::now();
    without_quorum(&scene, survivor).await?;

    // The lease is 5 s: nobody may own the source longer than that without a master to say so.
    let lasted = arrivals.ended_after(killed).await?;
    println!("rows went on for {lasted:?} without quorum");
    ensure!(
        lasted > Duration::from_secs(2) && lasted < Duration::from_secs(7),
        "rows went on for {lasted:?}"
    );

    let back = *lost.first().context("nobody was lost")?;
    scene.cluster.start_master(back)?;
    ready(&mut scene.cluster, back).await?;
    let begun = Instant::now();
    arrivals.wait_some().await?;
    println!("rows again {:?} after a master came back", begun.elapsed());
    trickle.stop().await?;
    scene.wait_synced().await?;
    // The refused command was not carried out late: the request said that nothing was changed, or left it open.
    let stage = scene.status().await?.stage;
    println!("stage afterwards: {stage}");
    if stage == "Paused" {
        scene.ctl(&["resume-task", TASK]).await?;
        scene.wait_synced().await?;
    }
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_majority_with_the_leader_refuses_and_comes_back() -> Result<()> {
    majority_lost(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn leader_without_followers_refuses_and_comes_back() -> Result<()> {
    majority_lost(true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_keep_their_sources_when_all_masters_restart() -> Result<()> {
    let mut scene = scene(3, "5s").await?;
    scene.begin().await?;
    scene.wait_synced().await?;
    let epoch = "SELECT CAST(epoch AS SIGNED) FROM `{meta}`.dm_head";
    let before = scene.number(epoch).await?;
    let trickle = Trickle::start(&scene, Duration::from_millis(100));
    let arrivals = Arrivals::start(&scene);
    arrivals.wait_some().await?;

    for place in 0..3 {
        kill(&mut scene.cluster, place)?;
    }
    for place in 0..3 {
        scene.cluster.start_master(place)?;
    }
    for place in 0..3 {
        ready(&mut scene.cluster, place).await?;
    }
    // Longer than the TTL that a new leader waits before it takes leases away.
    sleep(Duration::from_secs(7)).await;
    let gap = arrivals.longest_gap().await?;
    println!("longest pause of rows {gap:?}");
    trickle.stop().await?;
    scene.wait_synced().await?;
    ensure!(
        scene.number(epoch).await? == before,
        "the source was granted again"
    );
    ensure!(
        gap < Duration::from_millis(1_500),
        "rows paused for {gap:?}"
    );
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_at_a_follower() -> Result<()> {
    let mut scene = scene(3, "5s").await?;
    let leader = scene.cluster.leader().await?;
    let ctl = only(&scene.cluster, (leader + 1) % 3)?;
    let source = scene.cluster.write("source.yaml", &scene.source_yaml())?;
    let task = scene.cluster.write("task.yaml", &scene.task_yaml())?;
    for args in [
        vec!["operate-source", "create", &source],
        vec!["operate-source", "show"],
        vec!["check-task", &task],
        vec!["start-task", &task],
        vec!["query-status"],
        vec!["query-status", TASK],
        vec!["list-member"],
        vec!["config", "task", TASK],
        vec!["config", "source", SOURCE],
        vec!["get-config", "task", TASK],
        vec!["transfer-source", SOURCE, "worker1"],
        vec!["pause-task", TASK],
        vec!["operate-source", "update", &source],
        vec!["resume-task", TASK],
    ] {
        ctl.ok(&args).await?;
    }
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    ctl.ok(&["stop-task", TASK]).await?;
    ctl.ok(&["operate-source", "stop", SOURCE]).await?;
    Ok(())
}

/// R28: a command whose master dies before it answers is carried out once, and acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn r28_a_command_outlives_the_leader_that_took_it() -> Result<()> {
    let mut scene = scene(3, "5s").await?;
    let source = scene.cluster.write("source.yaml", &scene.source_yaml())?;
    scene.ctl(&["operate-source", "create", &source]).await?;
    let task = scene.cluster.write("task.yaml", &scene.task_yaml())?;
    let mut generations = Vec::new();
    for delay in [60, 180, 400] {
        let leader = scene.cluster.leader().await?;
        let ctl = scene.cluster.dmctl().clone();
        let file = task.clone();
        let started = tokio::spawn(async move { ctl.ok(&["start-task", &file]).await });
        sleep(Duration::from_millis(delay)).await;
        kill(&mut scene.cluster, leader)?;
        let answer = started.await??;
        ensure!(answer["sources"][0]["source"] == SOURCE, "{answer}");
        scene.wait_synced().await?;
        let generation = "SELECT CAST(generation AS SIGNED) FROM `{meta}`.dm_head";
        generations.push(scene.number(generation).await?);
        scene.cluster.start_master(leader)?;
        ready(&mut scene.cluster, leader).await?;
        scene.ctl(&["stop-task", TASK]).await?;
    }
    println!("generations {generations:?}");
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_leader_hands_over() -> Result<()> {
    let mut scene = scene(3, "5s").await?;
    scene.begin().await?;
    scene.wait_synced().await?;
    let trickle = Trickle::start(&scene, Duration::from_millis(40));
    let arrivals = Arrivals::start(&scene);
    arrivals.wait_some().await?;
    for _ in 0..3 {
        let leader = scene.cluster.leader().await?;
        let master = scene.cluster.masters.get_mut(leader);
        let begun = Instant::now();
        master.context("no such master")?.stop(EXIT_MAX).await?;
        scene.ctl(&["transfer-source", SOURCE, "worker1"]).await?;
        println!("stopped, and the next answer, in {:?}", begun.elapsed());
        ensure!(begun.elapsed() < Duration::from_secs(5));
        scene.cluster.start_master(leader)?;
        ready(&mut scene.cluster, leader).await?;
    }
    let gap = arrivals.longest_gap().await?;
    println!("longest pause of rows {gap:?}");
    ensure!(
        gap < Duration::from_millis(1_500),
        "rows paused for {gap:?}"
    );
    trickle.stop().await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

/// R32: what nobody confirmed is not called done, and it happens when the worker hears of it.
#[tokio::test(flavor = "multi_thread")]
async fn r32_a_pause_that_nobody_confirms_says_so() -> Result<()> {
    let mut scene = scene(1, "5s").await?;
    scene.begin().await?;
    scene.wait_synced().await?;
    scene.kill_owner().await?;
    let output = scene.cluster.ctl(&["pause-task", TASK]).await?;
    refused(&output, &["recorded; writes may continue"])?;
    scene
        .at_source(&["INSERT INTO {db}.ticks () VALUES ()"])
        .await?;
    scene.start_worker(0).await?;
    scene
        .wait_status("the task is paused", |status| status.stage == "Paused")
        .await?;
    sleep(Duration::from_secs(1)).await;
    let rows = scene.number("SELECT COUNT(*) FROM `{db}`.ticks").await?;
    ensure!(rows == 1, "a paused task wrote");
    scene.ctl(&["resume-task", TASK]).await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

/// R32: the owner is frozen and can't be asked. Another worker ends its writes at the target, so the pause is acknowledged, and it holds
/// when the owner wakes up.
#[tokio::test(flavor = "multi_thread")]
async fn r32_a_pause_with_a_frozen_owner_is_enforced_at_the_target() -> Result<()> {
    let mut scene = Scene::open(Plan {
        masters: 1,
        workers: 2,
        // Long, so that nobody takes the source over meanwhile.
        lease_ttl: "60s",
        ..Plan::default()
    })
    .await?;
    scene
        .at_source(&[
            "CREATE DATABASE {db}",
            "CREATE TABLE {db}.ticks (id BIGINT PRIMARY KEY AUTO_INCREMENT, at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))",
            "INSERT INTO {db}.ticks () VALUES ()",
        ])
        .await?;
    scene.begin().await?;
    scene.wait_synced().await?;
    let owner = scene.cluster.owner(SOURCE).await?;
    let frozen = scene
        .cluster
        .workers
        .get_mut(owner)
        .context("no such worker")?;
    frozen
        .process()?
        .signal(nix::sys::signal::Signal::SIGSTOP)?;
    let begun = Instant::now();
    scene.ctl(&["pause-task", TASK]).await?;
    println!("paused without the owner in {:?}", begun.elapsed());
    scene
        .at_source(&["INSERT INTO {db}.ticks () VALUES ()"])
        .await?;
    let woken = scene
        .cluster
        .workers
        .get_mut(owner)
        .context("no such worker")?;
    woken.process()?.signal(nix::sys::signal::Signal::SIGCONT)?;
    sleep(Duration::from_secs(3)).await;
    let rows = scene.number("SELECT COUNT(*) FROM `{db}`.ticks").await?;
    ensure!(rows == 1, "a paused task wrote");
    scene.ctl(&["resume-task", TASK]).await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}
