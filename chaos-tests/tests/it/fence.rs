//! P2: no effect of an old owner after the first effect of the new one; and what else the meta rows are there for.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Cluster, Net, Role, Server, Worker, WorkerOptions};
use chaos_tests::skip;
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::history::History;
use crate::load::{Ledger, finish, next_row, populate, running};
use crate::scene::{Plan, Scene, TASK, rounds, seed};
use crate::witness;

const ROWS: u32 = 500;
const TAKE_OVER_MAX: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn r10_a_resumed_zombie_commits_nothing() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    let (ledger, history) = (Ledger::start(&scene), History::start(&scene));
    let mut rng = StdRng::seed_from_u64(seed());
    for round in 1..=rounds(3) {
        sleep(Duration::from_millis(rng.random_range(0..700))).await;
        let zombie = scene.owner().await?;
        scene
            .cluster
            .workers
            .get_mut(zombie)
            .context("no worker")?
            .sigstop()?;
        scene.wait_other_owner(zombie).await?;
        next_row(&scene, TAKE_OVER_MAX).await?;
        sleep(Duration::from_millis(rng.random_range(0..500))).await;
        scene
            .cluster
            .workers
            .get_mut(zombie)
            .context("no worker")?
            .sigcont()?;
        let time = next_row(&scene, TAKE_OVER_MAX).await?;
        println!(
            "round {round}: next row {:.2} s after the zombie woke up",
            time.as_secs_f64()
        );
        sleep(Duration::from_millis(800)).await;
        scene
            .cluster
            .workers
            .get_mut(zombie)
            .context("no worker")?
            .process()?
            .must_run()?;
    }
    finish(&mut scene, load).await?;
    ledger.judge().await?;
    let testimony = witness::judge(&scene, history).await?;
    ensure!(testimony.data_commits.len() > rounds(3), "{testimony:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_dead_hosts_open_transaction_is_killed() -> Result<()> {
    const NAME: &str = "r12_a_dead_hosts_open_transaction_is_killed";
    if Server::given(Role::Target)?.is_some() || Server::given(Role::Source)?.is_some() {
        skip!(NAME, "hosts of their own can't reach a given server");
    }
    let net = match Net::new() {
        Ok(net) => net,
        Err(error) => skip!(NAME, "{error:#}"),
    };
    let hosts = vec![net.host()?, net.host()?];
    let plan = Plan {
        hosts: Some((hosts.clone(), net.gateway())),
        lease_ttl: "3s",
        ..Plan::default()
    };
    let (mut scene, load) = running(plan).await?;
    let history = History::start(&scene);

    // A transaction of the worker waits for this row, with everything before it done.
    let mut blocker = scene.target.conn().await?;
    blocker.query_drop(format!("USE `{}`", scene.db)).await?;
    blocker.query_drop("BEGIN").await?;
    blocker
        .query_drop("SELECT * FROM account WHERE id = 1 FOR UPDATE")
        .await?;
    let waiting =
        "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'";
    let start = Instant::now();
    while scene.number(waiting).await? == 0 {
        ensure!(
            start.elapsed() < TAKE_OVER_MAX,
            "the worker's transaction does not wait"
        );
        // Asked more often, the server answers from its cache.
        sleep(Duration::from_millis(200)).await;
    }
    let dead = scene.owner().await?;
    hosts.get(dead).context("no host")?.unplug()?;
    blocker.query_drop("ROLLBACK").await?;

    let time = next_row(&scene, Duration::from_secs(30)).await?;
    println!(
        "next row {:.2} s after the host died (TTL 3 s)",
        time.as_secs_f64()
    );
    ensure!(
        time < Duration::from_secs(5),
        "the next row came only after {time:?}"
    );
    hosts.get(dead).context("no host")?.plug()?;
    sleep(Duration::from_secs(1)).await;
    finish(&mut scene, load).await?;
    witness::judge(&scene, history).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r30_two_processes_of_one_name_are_two() -> Result<()> {
    let (mut scene, load) = running(Plan {
        workers: 1,
        ..Plan::default()
    })
    .await?;
    let history = History::start(&scene);
    let masters = scene.cluster.dmctl().master_addr().to_owned();
    let mut twin = Worker::new("worker1", &masters, WorkerOptions::default())?;
    twin.start()?;
    twin.wait_ready().await?;
    // Longer than a lease.
    sleep(Duration::from_secs(4)).await;
    let time = next_row(&scene, TAKE_OVER_MAX).await?;
    println!(
        "with two processes: next row after {:.2} s",
        time.as_secs_f64()
    );
    scene
        .cluster
        .workers
        .first_mut()
        .context("no worker")?
        .kill9();
    let time = next_row(&scene, TAKE_OVER_MAX).await?;
    println!(
        "the first killed: next row after {:.2} s",
        time.as_secs_f64()
    );
    finish(&mut scene, load).await?;
    let testimony = witness::judge(&scene, history).await?;
    // A new owner every few heartbeats would also be exact, and useless.
    ensure!(
        testimony.data_commits.len() <= 4,
        "the source went to and fro: {testimony:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r27_remove_meta_deletes_rows_of_older_generations() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    finish(&mut scene, load).await?;
    let generation = scene
        .number("SELECT generation FROM {meta}.dm_head")
        .await?;
    scene.ctl(&["stop-task", TASK]).await?;
    // What an older life could have left.
    let meta = scene.meta.clone();
    scene
        .at_target(&[
            &format!("INSERT INTO `{meta}`.dm_lane SELECT task, source, 7, epoch, incarnation, 99, 0, '', '' FROM `{meta}`.dm_head"),
            &format!("INSERT INTO `{meta}`.dm_table SELECT task, source, 'gone', 'gone', 'joined', '', '', '', 0, 0 FROM `{meta}`.dm_head"),
            "DROP DATABASE `{db}`",
        ])
        .await?;
    scene.start_task(&["--remove-meta"]).await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    ensure!(
        scene
            .number("SELECT generation FROM {meta}.dm_head")
            .await?
            > generation
    );
    ensure!(
        scene
            .number("SELECT COUNT(*) FROM {meta}.dm_lane WHERE lane = 7")
            .await?
            == 0
    );
    ensure!(
        scene
            .number("SELECT COUNT(*) FROM {meta}.dm_table WHERE db = 'gone'")
            .await?
            == 0
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_meta_of_a_foreign_cluster_is_refused() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    let epoch = scene.number("SELECT epoch FROM {meta}.dm_head").await?;
    let other = Cluster::builder(1, 1).start().await?;
    let (source, task) = (
        other.write("source.yaml", &scene.source_yaml())?,
        other.write("task.yaml", &scene.task_yaml())?,
    );
    other
        .dmctl()
        .ok(&["operate-source", "create", &source])
        .await?;
    let started = other.ctl(&["start-task", &task]).await?;
    let refused = Instant::now();
    let mut seen = started.to_string();
    while !seen.contains("60010") && refused.elapsed() < TAKE_OVER_MAX {
        sleep(Duration::from_millis(200)).await;
        seen = other.ctl(&["query-status", TASK]).await?.to_string();
    }
    ensure!(seen.contains("60010"), "not refused by its code: {seen}");
    ensure!(
        scene.number("SELECT epoch FROM {meta}.dm_head").await? == epoch,
        "the foreign cluster raised the head"
    );
    next_row(&scene, TAKE_OVER_MAX).await?;
    finish(&mut scene, load).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_progress_that_the_target_lost_rewinds_the_source() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    // A target that fails over to a copy without its newest commits: all of them go back in one transaction.
    let meta = scene.meta.clone();
    let mut conn = scene.target.conn().await?;
    load.stop().await?;
    scene.wait_synced().await?;
    let saved: Vec<(i32, u64, String)> = conn
        .query(format!("SELECT lane, seq, progress FROM `{meta}`.dm_lane"))
        .await?;
    scene
        .at_source(&[
            "INSERT INTO `{db}`.plain VALUES (1, 'lost', 0, NULL)",
            "INSERT INTO `{db}`.plain VALUES (1, 'lost', 0, NULL)",
        ])
        .await?;
    scene.wait_synced().await?;
    conn.query_drop("BEGIN").await?;
    conn.query_drop(format!("DELETE FROM `{}`.plain WHERE b = 'lost'", scene.db))
        .await?;
    for (lane, seq, progress) in saved {
        conn.exec_drop(
            format!("UPDATE `{meta}`.dm_lane SET seq = ?, progress = ? WHERE lane = ?"),
            (seq, progress, lane),
        )
        .await?;
    }
    conn.query_drop("COMMIT").await?;
    let sessions: Vec<u64> = conn
        .query(format!(
            "SELECT connection FROM `{meta}`.dm_lane WHERE lane < 1000"
        ))
        .await?;
    for session in sessions {
        conn.query_drop(format!("KILL {session}")).await?;
    }
    // The next commit meets it.
    scene
        .at_source(&["INSERT INTO `{db}`.plain VALUES (2, 'after', 0, NULL)"])
        .await?;
    let start = Instant::now();
    while scene
        .number("SELECT COUNT(*) FROM {db}.plain WHERE b IN ('lost', 'after')")
        .await?
        < 3
    {
        ensure!(
            start.elapsed() < TAKE_OVER_MAX,
            "what was lost does not come back: {:?}",
            scene.status().await
        );
        sleep(Duration::from_millis(50)).await;
    }
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_a_cluster_that_was_killed_goes_on_from_the_targets_progress() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    let history = History::start(&scene);
    for worker in &mut scene.cluster.workers {
        worker.kill9();
    }
    for master in &mut scene.cluster.masters {
        master.kill9();
    }
    sleep(Duration::from_millis(500)).await;
    scene.cluster.start_master(0)?;
    scene
        .cluster
        .masters
        .first_mut()
        .context("no master")?
        .wait_ready()
        .await?;
    for place in 0..scene.cluster.workers.len() {
        scene.start_worker(place).await?;
    }
    let time = next_row(&scene, TAKE_OVER_MAX).await?;
    println!(
        "next row {:.2} s after everything was started again",
        time.as_secs_f64()
    );
    finish(&mut scene, load).await?;
    witness::judge(&scene, history).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_everything_at_the_target_is_transactional() -> Result<()> {
    const NAME: &str = "r20_everything_at_the_target_is_transactional";
    if Server::given(Role::Target)?.is_some() {
        skip!(NAME, "needs a target with another default engine");
    }
    let plan = Plan {
        target_args: vec!["--default-storage-engine=MyISAM"],
        ..Plan::default()
    };
    let mut scene = Scene::open(plan).await?;
    populate(&scene, ROWS).await?;
    scene
        .at_source(&[
            "CREATE TABLE `{db}`.loaded (id INT PRIMARY KEY) ENGINE=MyISAM",
            "INSERT INTO `{db}`.loaded VALUES (1)",
        ])
        .await?;
    scene.begin().await?;
    scene.wait_synced().await?;
    scene
        .at_source(&[
            "CREATE TABLE `{db}`.streamed (id INT PRIMARY KEY)",
            "CREATE TABLE `{db}`.streamed_by_name (id INT PRIMARY KEY) ENGINE = MyISAM",
            "CREATE TABLE `{db}`.altered (id INT PRIMARY KEY)",
            "ALTER TABLE `{db}`.altered ENGINE=MyISAM",
            "CREATE TABLE `{db}`.like_it LIKE `{db}`.altered",
            "INSERT INTO `{db}`.streamed VALUES (1)",
        ])
        .await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    let others: Vec<(String, String, String)> = scene
        .rows(
            "SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA IN ('{db}', '{meta}') AND ENGINE <> 'InnoDB'",
        )
        .await?;
    ensure!(others.is_empty(), "not transactional: {others:?}");
    ensure!(
        scene
            .number("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{meta}'")
            .await?
            >= 3
    );
    Ok(())
}
