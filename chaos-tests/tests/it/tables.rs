//! P5: one table never stops the others. P7: what stops it is said. R23: a DDL happens once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Role, Server, eventually};
use chaos_tests::skip;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::load::{Ledger, Load, finish, next_row, populate, running};
use crate::scene::{Plan, Scene, TASK, rounds, seed};

const NEXT_MAX: Duration = Duration::from_secs(15);
const NARROW: &str = "ALTER TABLE `{db}`.keyed MODIFY code VARCHAR(12) NOT NULL";
/// What then does not fit any more.
const LONG: &str =
    "INSERT INTO `{db}`.keyed (id, code, n) VALUES (777777, 'longer than twelve characters', 1)";
const REPAIR: &str = "ALTER TABLE `{db}`.keyed MODIFY code VARCHAR(40) NOT NULL";

/// Waits until exactly this table is in error, with the subtask running, and everything else goes on.
async fn wait_stopped(scene: &Scene, table: &str, cause: &str) -> Result<()> {
    let status = scene
        .wait_status(&format!("{table} is in error ({cause})"), |status| {
            status
                .errors
                .iter()
                .any(|error| error.contains(table) && error.contains(cause))
        })
        .await?;
    ensure!(
        status.stage == "Running" && status.errors.len() == 1,
        "{status:?}"
    );
    next_row(scene, NEXT_MAX).await?;
    Ok(())
}

async fn resume(scene: &Scene) -> Result<()> {
    scene.ctl(&["pause-task", TASK]).await?;
    scene.ctl(&["resume-task", TASK]).await?;
    Ok(())
}

async fn wait_no_errors(scene: &Scene) -> Result<()> {
    scene
        .wait_status("no table is in error", |status| {
            status.errors.is_empty() && status.stage == "Running"
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_stops_its_table_only() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    let ledger = Ledger::start(&scene);
    scene.at_target(&[NARROW]).await?;
    scene.at_source(&[LONG]).await?;
    wait_stopped(&scene, "keyed", "1406").await?;
    scene.at_target(&[REPAIR]).await?;
    resume(&scene).await?;
    wait_no_errors(&scene).await?;
    finish(&mut scene, load).await?;
    ledger.judge().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_table_survives_kills() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    let ledger = Ledger::start(&scene);
    scene.at_target(&[NARROW]).await?;
    scene.at_source(&[LONG]).await?;
    wait_stopped(&scene, "keyed", "1406").await?;
    // The next owner tries it, and stops it again.
    let killed = scene.kill_owner().await?;
    next_row(&scene, NEXT_MAX).await?;
    scene.start_worker(killed).await?;
    wait_stopped(&scene, "keyed", "1406").await?;
    scene.at_target(&[REPAIR]).await?;
    resume(&scene).await?;
    // While it catches up.
    sleep(Duration::from_millis(
        StdRng::seed_from_u64(seed()).random_range(0..300),
    ))
    .await;
    let killed = scene.kill_owner().await?;
    next_row(&scene, NEXT_MAX).await?;
    scene.start_worker(killed).await?;
    wait_no_errors(&scene).await?;
    finish(&mut scene, load).await?;
    ledger.judge().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_ddl_stops_its_table_only() -> Result<()> {
    let (mut scene, load) = running(Plan::default()).await?;
    scene
        .at_target(&["ALTER TABLE `{db}`.pair ADD COLUMN extra INT"])
        .await?;
    scene
        .at_source(&["ALTER TABLE `{db}`.pair ADD COLUMN extra VARCHAR(20) DEFAULT 'x'"])
        .await?;
    wait_stopped(&scene, "pair", "1060").await?;
    scene
        .at_target(&["ALTER TABLE `{db}`.pair DROP COLUMN extra"])
        .await?;
    let killed = scene.kill_owner().await?;
    next_row(&scene, NEXT_MAX).await?;
    scene.start_worker(killed).await?;
    wait_no_errors(&scene).await?;
    finish(&mut scene, load).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_error_task_pauses_the_subtask() -> Result<()> {
    let plan = Plan {
        task: "on-error: task\n".to_owned(),
        ..Plan::default()
    };
    let (mut scene, load) = running(plan).await?;
    scene.at_target(&[NARROW]).await?;
    scene.at_source(&[LONG]).await?;
    let status = scene
        .wait_status("the subtask is paused", |status| status.stage == "Paused")
        .await?;
    ensure!(
        status
            .errors
            .iter()
            .any(|error| error.contains("1406") && error.contains("keyed")),
        "{status:?}"
    );
    scene.at_target(&[REPAIR]).await?;
    scene.ctl(&["resume-task", TASK]).await?;
    finish(&mut scene, load).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_table_with_rows_is_refused() -> Result<()> {
    let mut scene = Scene::open(Plan::default()).await?;
    populate(&scene, 500).await?;
    scene
        .at_target(&[
            "CREATE DATABASE `{db}`",
            "CREATE TABLE `{db}`.plain (a INT, b VARCHAR(40), f FLOAT, t TIMESTAMP(3) NULL)",
            "INSERT INTO `{db}`.plain VALUES (5, 'of somebody else', 1, NULL)",
        ])
        .await?;
    let load = Load::start(&scene, seed(), 100);
    scene.begin().await?;
    wait_stopped(&scene, "plain", "has rows").await?;
    ensure!(
        scene.number("SELECT COUNT(*) FROM {db}.plain").await? == 1,
        "the rows that were there were touched"
    );
    scene.at_target(&["DELETE FROM `{db}`.plain"]).await?;
    resume(&scene).await?;
    wait_no_errors(&scene).await?;
    finish(&mut scene, load).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsupported_charset_is_refused_by_name() -> Result<()> {
    let mut scene = Scene::open(Plan::default()).await?;
    populate(&scene, 500).await?;
    scene
        .at_source(&[
            "CREATE TABLE `{db}`.japanese (id INT PRIMARY KEY, title VARCHAR(20) CHARACTER SET sjis)",
            "INSERT INTO `{db}`.japanese VALUES (1, 'x')",
        ])
        .await?;
    let load = Load::start(&scene, seed(), 100);
    scene.begin().await?;
    wait_stopped(&scene, "japanese", "sjis").await?;
    let status = scene.status().await?;
    ensure!(
        status.errors.iter().any(|error| error.contains("title")),
        "the column is not named: {status:?}"
    );
    load.stop().await?;
    scene.wait_synced().await?;
    scene
        .at_target(&["CREATE TABLE IF NOT EXISTS `{db}`.japanese (id INT)"])
        .await?;
    scene.must_be_identical_except(&["japanese"]).await
}

/// SHOW CREATE TABLE of all tables, without counters.
async fn structures(server: &Server, db: &str) -> Result<Vec<(String, String)>> {
    use mysql_async::prelude::Queryable;
    let mut conn = server.conn().await?;
    let tables: Vec<String> = conn.query(format!("SHOW TABLES FROM `{db}`")).await?;
    let mut found = Vec::new();
    for table in tables {
        let row: Option<(String, String)> = conn
            .query_first(format!("SHOW CREATE TABLE `{db}`.`{table}`"))
            .await?;
        let text = row.context("no table")?.1;
        let kept: Vec<&str> = text
            .split(' ')
            .filter(|word| !word.starts_with("AUTO_INCREMENT="))
            .collect();
        found.push((table, kept.join(" ")));
    }
    conn.disconnect().await?;
    Ok(found)
}

/// Statements of one round; `{n}` is its number, `{o}` the one before.
const DDL: [&str; 16] = [
    "CREATE TABLE `{db}`.r{n} (id INT PRIMARY KEY, v VARCHAR(20))",
    "INSERT INTO `{db}`.r{n} VALUES (1, 'a'), (2, 'b')",
    "ALTER TABLE `{db}`.r{n} ADD COLUMN w INT NOT NULL DEFAULT {n} AFTER id, ADD UNIQUE KEY v (v)",
    "INSERT INTO `{db}`.r{n} (id, v) VALUES (3, 'c')",
    "ALTER TABLE `{db}`.keyed ADD COLUMN x{n} INT NOT NULL DEFAULT 7, ALGORITHM=COPY",
    "RENAME TABLE `{db}`.r{n} TO `{db}`.s{n}",
    "INSERT INTO `{db}`.s{n} (id, v) VALUES (4, 'd')",
    "CREATE TABLE `{db}`.t{n} LIKE `{db}`.s{n}",
    "INSERT INTO `{db}`.t{n} (id, w, v) VALUES (9, 9, 'z')",
    "RENAME TABLE `{db}`.t{n} TO `{db}`.u{n}, `{db}`.s{n} TO `{db}`.t{n}",
    "UPDATE `{db}`.t{n} SET w = w + 1",
    "ALTER TABLE `{db}`.keyed DROP COLUMN x{n}, ALGORITHM=COPY",
    "TRUNCATE TABLE `{db}`.u{n}",
    "INSERT INTO `{db}`.u{n} (id, w, v) VALUES (1, 1, 'y')",
    "CREATE INDEX w ON `{db}`.u{n} (w)",
    "DROP TABLE IF EXISTS `{db}`.t{o}",
];

#[tokio::test(flavor = "multi_thread")]
async fn r23_ddl_happens_once_under_kills() -> Result<()> {
    if Server::given(Role::Target)?.is_some() || Server::given(Role::Source)?.is_some() {
        skip!(
            "r23_ddl_happens_once_under_kills",
            "compares SHOW CREATE TABLE, which needs two servers of one kind"
        );
    }
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = Scene::open(Plan {
        lease_ttl: "1s",
        ..Plan::default()
    })
    .await?;
    // Enough for an ALTER that takes a while.
    populate(&scene, 20_000).await?;
    let load = Load::start(&scene, seed, 100);
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    next_row(&scene, NEXT_MAX).await?;
    for round in 1..=rounds(6) {
        let (n, o) = (round.to_string(), (round - 1).to_string());
        let statements: Vec<String> = DDL
            .iter()
            .map(|text| text.replace("{n}", &n).replace("{o}", &o))
            .collect();
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        let moment = Duration::from_millis(rng.random_range(0..900));
        let owner = scene.owner().await?;
        let pid = scene
            .cluster
            .workers
            .get_mut(owner)
            .context("no worker")?
            .process()?
            .pid();
        let kill = async {
            sleep(moment).await;
            // By the kernel, as `at_source` borrows the scene; it is reaped below.
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(i32::try_from(pid)?),
                nix::sys::signal::Signal::SIGKILL,
            )?;
            Ok(())
        };
        tokio::try_join!(scene.at_source(&statements), kill)?;
        let time = next_row(&scene, NEXT_MAX).await?;
        println!(
            "round {round}: killed after {} ms, next row after {:.2} s",
            moment.as_millis(),
            time.as_secs_f64()
        );
        scene
            .cluster
            .workers
            .get_mut(owner)
            .context("no worker")?
            .kill9();
        scene.start_worker(owner).await?;
    }
    load.stop().await?;
    scene.wait_synced().await?;
    let status = scene.status().await?;
    ensure!(
        status.errors.is_empty() && status.stage == "Running",
        "{status:?}"
    );
    scene.must_be_identical().await?;
    let (here, there) = (
        structures(&scene.source, &scene.db).await?,
        structures(&scene.target, &scene.db).await?,
    );
    ensure!(here == there, "structures differ: {here:#?}\n{there:#?}");
    Ok(())
}

/// A DDL that waits at the target when its owner dies: the next owner ends it, looks, and carries it out once.
#[tokio::test(flavor = "multi_thread")]
async fn r23_a_waiting_ddl_of_a_dead_owner_is_ended_first() -> Result<()> {
    use mysql_async::prelude::Queryable;
    let (mut scene, load) = running(Plan::default()).await?;
    let mut blocker = scene.target.conn().await?;
    blocker.query_drop("BEGIN").await?;
    let _: Vec<mysql_async::Row> = blocker
        .query(format!("SELECT * FROM `{}`.pair", scene.db))
        .await?;
    scene
        .at_source(&["ALTER TABLE `{db}`.pair ADD COLUMN extra INT NOT NULL DEFAULT 5"])
        .await?;
    let waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata lock%'";
    eventually("the DDL waits at the target", || async {
        Ok((scene.number(waiting).await? > 0).then_some(()))
    })
    .await?;
    let killed = scene.kill_owner().await?;
    scene.wait_other_owner(killed).await?;
    sleep(Duration::from_secs(1)).await;
    ensure!(
        scene.number(waiting).await? <= 1,
        "the DDL of the dead owner still waits beside the new one"
    );
    blocker.query_drop("ROLLBACK").await?;
    next_row(&scene, NEXT_MAX).await?;
    scene.start_worker(killed).await?;
    finish(&mut scene, load).await?;
    let (here, there) = (
        structures(&scene.source, &scene.db).await?,
        structures(&scene.target, &scene.db).await?,
    );
    if scene.source.product() == scene.target.product() {
        ensure!(here == there, "structures differ: {here:#?}\n{there:#?}");
    }
    Ok(())
}
