//! P4 and P5: tables are copied without a global lock and without files, go on after a crash, and never stop the others.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::load::{Load, populate};
use crate::scene::{Plan, Scene, rounds, seed};

/// A writer of a table that we want to lock waits at most about so long for us; the machine may be busy.
const BLOCKED_MAX: Duration = Duration::from_millis(700);

/// Doubles the rows of a table of which `insert` makes the first ones.
async fn fill(scene: &Scene, insert: &str, double: &str, times: usize) -> Result<()> {
    scene.at_source(&[insert]).await?;
    for _ in 0..times {
        scene.at_source(&[double]).await?;
    }
    Ok(())
}

/// An open write transaction on a table holds up its copy, and nothing else.
async fn open_transaction(keyed: bool) -> Result<()> {
    let mut scene = Scene::open(Plan {
        workers: 1,
        ..Plan::default()
    })
    .await?;
    let key = if keyed { "PRIMARY KEY" } else { "" };
    let held = format!("CREATE TABLE `{{db}}`.held (id INT {key}, v INT)");
    scene
        .at_source(&[
            "CREATE DATABASE `{db}`",
            &held,
            "INSERT INTO `{db}`.held VALUES (1, 1), (2, 2), (3, 3)",
            "CREATE TABLE `{db}`.free (id INT PRIMARY KEY, v INT)",
            "INSERT INTO `{db}`.free VALUES (1, 1)",
        ])
        .await?;
    let mut open = scene.source.conn().await?;
    open.query_drop(format!("USE `{}`", scene.db)).await?;
    open.query_drop("BEGIN").await?;
    open.query_drop("INSERT INTO held VALUES (4, 4)").await?;
    scene.begin().await?;

    // The other table is copied and followed meanwhile.
    let mut other = scene.source.conn().await?;
    other.query_drop(format!("USE `{}`", scene.db)).await?;
    let mut longest = [Duration::ZERO; 2];
    let start = Instant::now();
    let mut n = 10;
    let seen = "SELECT MAX(id) FROM {db}.free";
    while start.elapsed() < Duration::from_secs(25) {
        n += 1;
        for (table, longest) in ["free", "held"].into_iter().zip(&mut longest) {
            let asked = Instant::now();
            other
                .query_drop(format!("INSERT INTO {table} VALUES ({n}, {n})"))
                .await?;
            *longest = asked.elapsed().max(*longest);
        }
        sleep(Duration::from_millis(10)).await;
        if scene.number(seen).await.unwrap_or(0) > 20 && start.elapsed() > Duration::from_secs(5) {
            break;
        }
    }
    ensure!(
        scene.number(seen).await? > 20,
        "the other table is not followed: {:?}",
        scene.status().await
    );
    println!(
        "longest waits: free {:?}, held {:?}",
        longest[0], longest[1]
    );
    ensure!(longest[1] < BLOCKED_MAX, "a writer waited {:?}", longest[1]);
    if !keyed {
        let note = scene.note().await?;
        ensure!(
            note.contains("held"),
            "who waits for what is not shown: {note:?}"
        );
        ensure!(
            scene
                .number(
                    "SELECT COUNT(*) FROM {meta}.dm_table WHERE tbl = 'held' AND state = 'waiting'"
                )
                .await?
                == 1,
            "a table without a key was copied without a lock"
        );
    }
    open.query_drop("COMMIT").await?;
    other.query_drop("DELETE FROM held WHERE id = 3").await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn r21_a_table_without_a_key_waits_for_its_lock_alone() -> Result<()> {
    open_transaction(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r21_a_keyed_table_is_copied_by_a_window_when_its_lock_does_not_come() -> Result<()> {
    open_transaction(true).await
}

/// Kills at random during a copy with writes going on: finished ranges stay, and the end is the same.
#[tokio::test(flavor = "multi_thread")]
async fn r07_finished_ranges_survive_kills_while_rows_move() -> Result<()> {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = Scene::open(Plan::default()).await?;
    populate(&scene, 3_000).await?;
    scene
        .at_source(&[
            "CREATE TABLE `{db}`.big (id BIGINT AUTO_INCREMENT PRIMARY KEY, u INT, v VARCHAR(100))",
        ])
        .await?;
    fill(
        &scene,
        "INSERT INTO `{db}`.big (u, v) VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')",
        "INSERT INTO `{db}`.big (u, v) SELECT u + 1, CONCAT(LEFT(v, 50), 'x', id) FROM `{db}`.big",
        15,
    )
    .await?;
    let load = Load::start(&scene, seed, 100);
    let mover = Mover::start(&scene, seed);
    scene.begin().await?;
    let mut kept = 0;
    for round in 1..=rounds(5) {
        sleep(Duration::from_millis(rng.random_range(300..1_500))).await;
        let killed = scene.kill_owner().await?;
        let rows = scene
            .number("SELECT COALESCE(SUM(copied_rows), 0) FROM {meta}.dm_chunk WHERE tbl = 'big'")
            .await
            .unwrap_or(0);
        println!("round {round}: {rows} rows of finished ranges");
        kept = kept.max(rows);
        scene.wait_other_owner(killed).await?;
        let after = scene
            .number("SELECT COUNT(*) FROM {db}.big")
            .await
            .unwrap_or(0);
        ensure!(
            after >= rows / 2,
            "finished ranges were deleted: {after} of {rows} rows are left"
        );
        scene.start_worker(killed).await?;
    }
    ensure!(kept > 0, "no kill hit the copy");
    mover.stop().await?;
    load.stop().await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

/// Moves rows of `big` from one end of its keys to the other.
struct Mover {
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl Mover {
    fn start(scene: &Scene, seed: u64) -> Self {
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (stopped, endpoint, db) = (
            stop.clone(),
            scene.source.endpoint().clone(),
            scene.db.clone(),
        );
        let task = tokio::spawn(async move {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut conn = endpoint.conn().await?;
            conn.query_drop(format!("USE `{db}`")).await?;
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                let (from, to) = (rng.random_range(1..150_000), rng.random_range(1..150_000));
                let statement = match rng.random_range(0..3) {
                    0 => format!("UPDATE IGNORE big SET id = {to} WHERE id = {from}"),
                    1 => format!("DELETE FROM big WHERE id = {from}"),
                    _ => format!("REPLACE INTO big VALUES ({to}, {from}, 'moved')"),
                };
                conn.query_drop(statement).await.context("the mover")?;
                sleep(Duration::from_millis(2)).await;
            }
            Ok(())
        });
        Self { stop, task }
    }

    async fn stop(self) -> Result<()> {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.task.await?
    }
}

/// Keys of every kind are read in ranges; each table is large enough for several readers.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_key_is_copied_in_ranges() -> Result<()> {
    let mut scene = Scene::open(Plan {
        workers: 1,
        ..Plan::default()
    })
    .await?;
    scene.at_source(&["CREATE DATABASE `{db}`"]).await?;
    let seeds = "CREATE TABLE `{db}`.seeds (n INT AUTO_INCREMENT PRIMARY KEY)";
    scene.at_source(&[seeds]).await?;
    fill(
        &scene,
        "INSERT INTO `{db}`.seeds VALUES (), (), (), (), (), ()",
        "INSERT INTO `{db}`.seeds SELECT NULL FROM `{db}`.seeds",
        13,
    )
    .await?;
    for (name, columns, row) in [
        (
            "negative",
            "k BIGINT PRIMARY KEY",
            "(CAST(n AS SIGNED) - 20000) * 1000003",
        ),
        (
            "large",
            "k BIGINT UNSIGNED PRIMARY KEY",
            "18446744073709551615 - n * 7",
        ),
        (
            "skewed",
            "k BIGINT PRIMARY KEY",
            "IF(n = 1, 9223372036854775807, n)",
        ),
        (
            "composite",
            "a INT, b VARCHAR(20) COLLATE utf8mb4_bin, PRIMARY KEY (a, b)",
            "n % 3, CONCAT('k', n)",
        ),
        (
            "texts",
            "k VARCHAR(40) PRIMARY KEY",
            "CONCAT(HEX(n * 7919 % 65536), '-', n, 'ä😀')",
        ),
        (
            "bytes",
            "k BINARY(16) PRIMARY KEY",
            "UNHEX(LEFT(SHA2(n, 256), 32))",
        ),
        (
            "varbytes",
            "k VARBINARY(20) PRIMARY KEY",
            "UNHEX(LEFT(SHA2(n, 256), 20 + n % 20 DIV 2 * 2))",
        ),
        (
            "times",
            "k DATETIME(3) PRIMARY KEY",
            "'2000-01-01 00:00:00' + INTERVAL n * 3 SECOND",
        ),
        (
            "unique_only",
            "k INT NOT NULL, UNIQUE KEY `odd ``name` (k)",
            "n * 5",
        ),
        ("decimals", "k DECIMAL(20,4) PRIMARY KEY", "n * 1.5"),
        ("no_key", "k INT", "n % 100"),
    ] {
        let create = format!("CREATE TABLE `{{db}}`.{name} ({columns}, filler VARCHAR(60))");
        let insert = format!(
            "INSERT INTO `{{db}}`.{name} SELECT {row}, REPEAT('f', n % 60) FROM `{{db}}`.seeds"
        );
        scene.at_source(&[&create, &insert]).await?;
    }
    scene.begin().await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    let left: Vec<(String, String)> = scene
        .rows("SELECT tbl, state FROM {meta}.dm_table WHERE state NOT IN ('joined', 'joining')")
        .await?;
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}

/// A table is paused, resumed, loaded again and added while the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn one_table_is_paused_resumed_loaded_again_and_added_live() -> Result<()> {
    let seed = seed();
    let mut scene = Scene::open(Plan {
        workers: 1,
        ..Plan::default()
    })
    .await?;
    populate(&scene, 1_000).await?;
    let load = Load::start(&scene, seed, 100);
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    let keyed = format!("{}.keyed", scene.db);
    let table = |op: &'static str, table: String| {
        let scene = &scene;
        async move {
            let args = ["table", op, "--task", crate::scene::TASK, "--table", &table];
            scene.ctl(&args).await
        }
    };
    table("pause", keyed.clone()).await?;
    let count = "SELECT COUNT(*) FROM {db}.keyed WHERE id > 1000000";
    let before = scene.number(count).await?;
    crate::load::next_row(&scene, Duration::from_secs(15)).await?;
    sleep(Duration::from_millis(500)).await;
    ensure!(
        scene.number(count).await? == before,
        "a paused table goes on"
    );
    table("resume", keyed.clone()).await?;
    let state = |state: &'static str| {
        format!("SELECT COUNT(*) FROM {{meta}}.dm_table WHERE tbl = 'keyed' AND state = '{state}'")
    };
    let joined = state("joined");
    let wait_joined = || async {
        let start = Instant::now();
        while scene.number(&joined).await? == 0 {
            ensure!(
                start.elapsed() < Duration::from_secs(30),
                "keyed does not join: {:?}",
                scene
                    .rows::<(String, String)>("SELECT tbl, state FROM {meta}.dm_table")
                    .await
            );
            sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    wait_joined().await?;
    // Somebody has spoilt it at the target.
    scene
        .at_target(&["DELETE FROM `{db}`.keyed WHERE id < 300"])
        .await?;
    table("reload", keyed.clone()).await?;
    wait_joined().await?;
    let refused = scene
        .cluster
        .dmctl()
        .run(&[
            "table",
            "add",
            "--task",
            crate::scene::TASK,
            "--table",
            &keyed,
        ])
        .await?;
    ensure!(
        refused.stdout.contains("part of the task already"),
        "{refused}"
    );
    load.stop().await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

/// Without LOCK TABLES and RELOAD: tables with a key are copied, those without are refused by name, and the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn r21_an_account_that_may_not_lock_copies_tables_with_keys() -> Result<()> {
    let seed = seed();
    let mut scene = Scene::open(Plan {
        workers: 1,
        task: "ignore-checking-items: [all]\n".to_owned(),
        ..Plan::default()
    })
    .await?;
    populate(&scene, 2_000).await?;
    scene
        .at_source(&[
            "CREATE USER 'reader'@'%' IDENTIFIED BY ''",
            "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'reader'@'%'",
        ])
        .await?;
    scene.source_login.user = "reader".to_owned();
    scene.source_login.password = String::new();
    let load = Load::start(&scene, seed, 150);
    scene.begin().await?;
    let status = scene
        .wait_status("the table without a key is refused", |status| {
            !status.errors.is_empty()
        })
        .await?;
    ensure!(
        status.errors.iter().all(|error| error.contains("plain")),
        "{status:?}"
    );
    sleep(Duration::from_secs(2)).await;
    load.stop().await?;
    scene.wait_synced().await?;
    scene.must_be_identical_except(&["plain"]).await
}

/// Rows that are at the target before the copy, under each setting.
async fn rows_before(setting: &str) -> Result<Scene> {
    let scene = Scene::open(Plan {
        workers: 1,
        task: format!("loaders:\n  l: {{on-duplicate-logical: {setting}}}\n"),
        ..Plan::default()
    })
    .await?;
    let create = "CREATE TABLE `{db}`.t (id INT PRIMARY KEY, v VARCHAR(20))";
    scene
        .at_source(&[
            "CREATE DATABASE `{db}`",
            create,
            "INSERT INTO `{db}`.t VALUES (1, 'source'), (2, 'source')",
        ])
        .await?;
    scene
        .at_target(&[
            "CREATE DATABASE `{db}`",
            create,
            "INSERT INTO `{db}`.t VALUES (2, 'target'), (3, 'target')",
        ])
        .await?;
    let task = scene.task_yaml().replace(
        "block-allow-list: ours\n",
        "block-allow-list: ours\n    loader-config-name: l\n",
    );
    scene
        .cluster
        .dmctl()
        .ok(&[
            "operate-source",
            "create",
            &scene.cluster.write("source.yaml", &scene.source_yaml())?,
        ])
        .await?;
    scene
        .cluster
        .dmctl()
        .ok(&["start-task", &scene.cluster.write("task.yaml", &task)?])
        .await?;
    scene
        .wait_status("the copy has ended", |status| status.unit == "Sync")
        .await?;
    Ok(scene)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_duplicate_logical_decides_about_rows_of_the_target() -> Result<()> {
    let rows = "SELECT id, v FROM {db}.t ORDER BY id";
    let row = |id: u32, v: &str| (id, v.to_owned());
    let scene = rows_before("replace").await?;
    ensure!(
        scene.rows::<(u32, String)>(rows).await?
            == [row(1, "source"), row(2, "source"), row(3, "target")]
    );
    let scene = rows_before("ignore").await?;
    ensure!(
        scene.rows::<(u32, String)>(rows).await?
            == [row(1, "source"), row(2, "target"), row(3, "target")]
    );
    let scene = rows_before("error").await?;
    let status = scene.status().await?;
    ensure!(
        status
            .errors
            .iter()
            .any(|error| error.contains("on-duplicate-logical is error")),
        "{status:?}"
    );
    ensure!(scene.rows::<(u32, String)>(rows).await? == [row(2, "target"), row(3, "target")]);
    Ok(())
}
