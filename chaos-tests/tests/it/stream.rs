//! The binlog stream: broken lines, moved addresses, sources that lost something.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Database, Kind, Mode, Role, Server};
use chaos_tests::skip;
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::load::{finish, next_row, running};
use crate::scene::{Plan, Scene, rounds, seed};

const ARRIVES_WITHIN: Duration = Duration::from_secs(25);
/// Two heartbeats of three seconds, and time to connect.
const DEAD_WITHIN: Duration = Duration::from_secs(20);

fn copy_folder(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A small table that is being followed.
async fn followed(plan: Plan) -> Result<Scene> {
    let scene = Scene::open(plan).await?;
    scene
        .at_source(&[
            "CREATE DATABASE `{db}`",
            "CREATE TABLE `{db}`.t (id INT PRIMARY KEY, v LONGTEXT)",
            "INSERT INTO `{db}`.t VALUES (1, 'one')",
        ])
        .await?;
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    Ok(scene)
}

async fn r02(gtid: bool) -> Result<()> {
    let mut scene = followed(Plan {
        gtid,
        ..Plan::default()
    })
    .await?;
    let source = scene.source.database_mut().context("not ours")?;
    let (data, kept) = (source.folder().join("data"), source.folder().join("kept"));
    source.stop().await?;
    copy_folder(&data, &kept)?;
    source.restart().await?;
    scene
        .at_source(&["INSERT INTO `{db}`.t VALUES (2, 'lost in a crash')"])
        .await?;
    scene.wait_synced().await?;
    let source = scene.source.database_mut().context("not ours")?;
    source.kill9();
    std::fs::remove_dir_all(&data)?;
    std::fs::rename(&kept, &data)?;
    source.restart().await?;
    // As long as the lost one, so that even its place is the same.
    scene
        .at_source(&["INSERT INTO `{db}`.t VALUES (3, 'another of its ')"])
        .await?;
    let status = scene
        .wait_status("the source is stopped", |status| {
            status.stage == "Paused" && status.errors.iter().any(|error| error.contains("60004"))
        })
        .await?;
    println!("{:?}", status.errors);
    ensure!(
        scene
            .number("SELECT COUNT(*) FROM `{db}`.t WHERE id = 3")
            .await?
            == 0,
        "a change of the other history was applied"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r02_a_transaction_that_took_a_lost_ones_gtid_stops_the_source() -> Result<()> {
    if Server::given(Role::Source)?.is_some() {
        skip!(
            "r02_a_transaction_that_took_a_lost_ones_gtid_stops_the_source",
            "the source is given and not ours to damage"
        );
    }
    r02(true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r02_a_transaction_that_took_a_lost_ones_place_stops_the_source() -> Result<()> {
    if Server::given(Role::Source)?.is_some() {
        skip!(
            "r02_a_transaction_that_took_a_lost_ones_place_stops_the_source",
            "the source is given and not ours to damage"
        );
    }
    r02(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r01_another_server_of_the_topology_goes_on_and_one_that_is_behind_stops() -> Result<()> {
    if Server::given(Role::Source)?.is_some() {
        skip!(
            "r01_another_server_of_the_topology_goes_on_and_one_that_is_behind_stops",
            "the source is given"
        );
    }
    let second = Database::start(Kind::Mysql97).await?;
    let mut scene = followed(Plan {
        source_proxy: true,
        ..Plan::default()
    })
    .await?;
    let first = scene.source.endpoint().clone();
    second
        .exec(&[
            &format!("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {}, SOURCE_USER = 'root', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1", first.port),
            "START REPLICA",
        ])
        .await?;
    scene
        .at_source(&["INSERT INTO `{db}`.t VALUES (2, 'two')"])
        .await?;
    scene.wait_synced().await?;
    let mut conn = second.conn().await?;
    let rows = format!("SELECT COUNT(*) FROM `{}`.t", scene.db);
    let start = Instant::now();
    while conn.query_first::<u64, _>(&rows).await.ok().flatten() != Some(2) {
        ensure!(
            start.elapsed() < ARRIVES_WITHIN,
            "the replica does not follow"
        );
        sleep(Duration::from_millis(100)).await;
    }
    conn.query_drop("STOP REPLICA").await?;
    scene.move_source_to(second.endpoint()).await?;
    conn.query_drop(format!(
        "INSERT INTO `{}`.t VALUES (3, 'of the second')",
        scene.db
    ))
    .await?;
    let start = Instant::now();
    while scene
        .number("SELECT COUNT(*) FROM `{db}`.t WHERE id = 3")
        .await?
        != 1
    {
        ensure!(
            start.elapsed() < ARRIVES_WITHIN,
            "nothing comes from the second server: {:?}",
            scene.status().await
        );
        sleep(Duration::from_millis(100)).await;
    }
    // The first one has not got that change: going on there would be going back.
    scene.move_source_to(&first).await?;
    let status = scene
        .wait_status("the source is stopped", |status| status.stage == "Paused")
        .await?;
    let error = status.errors.join(" ");
    let uuid: Option<String> = conn.query_first("SELECT @@server_uuid").await?;
    let uuid = uuid.context("no uuid")?;
    ensure!(
        error.contains("60004")
            && error.contains("gone back")
            && error.contains(&format!("lacks {uuid}:1")),
        "{error}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_lines_lose_and_double_nothing() -> Result<()> {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut scene, load) = running(Plan {
        source_proxy: true,
        ..Plan::default()
    })
    .await?;
    let proxy = |scene: &Scene| scene.source_proxy.as_ref().map(|proxy| proxy.connections());
    // A transaction is some 700 bytes: cuts fall on all of its bytes.
    for round in 0..rounds(12) {
        let line = scene.source_proxy.as_ref().context("no proxy")?;
        line.cut_after(rng.random_range(1..3_000));
        sleep(Duration::from_millis(rng.random_range(20..250))).await;
        line.set(Mode::Cut);
        line.cut_after(u64::MAX);
        line.set(if round % 3 == 0 {
            Mode::Delay(Duration::from_millis(5))
        } else {
            Mode::Pass
        });
        next_row(&scene, ARRIVES_WITHIN).await?;
    }
    // Nothing comes and nothing ends: only the missing heartbeats tell.
    let line = scene.source_proxy.as_ref().context("no proxy")?;
    line.set(Mode::Pass);
    let before = proxy(&scene);
    let stalled = Instant::now();
    line.set(Mode::Blackhole);
    while proxy(&scene) == before {
        ensure!(
            stalled.elapsed() < DEAD_WITHIN,
            "a dead peer is not noticed"
        );
        sleep(Duration::from_millis(50)).await;
    }
    println!(
        "a dead peer was noticed after {:.1} s",
        stalled.elapsed().as_secs_f64()
    );
    line.set(Mode::Cut);
    line.set(Mode::Pass);
    next_row(&scene, ARRIVES_WITHIN).await?;
    finish(&mut scene, load).await
}

async fn checksums_and_files(source: Kind, gtid: bool) -> Result<()> {
    let (mut scene, load) = running(Plan {
        source,
        target: source,
        gtid,
        ..Plan::default()
    })
    .await?;
    for statement in [
        "SET GLOBAL binlog_checksum = NONE",
        "FLUSH BINARY LOGS",
        "SET GLOBAL binlog_checksum = CRC32",
        "FLUSH BINARY LOGS",
    ] {
        scene.at_source(&[statement]).await?;
        next_row(&scene, ARRIVES_WITHIN).await?;
    }
    next_row(&scene, ARRIVES_WITHIN).await?;
    finish(&mut scene, load).await
}

#[tokio::test(flavor = "multi_thread")]
async fn toggled_checksums_and_new_files_from_mysql() -> Result<()> {
    checksums_and_files(Kind::Mysql97, false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn toggled_checksums_and_new_files_from_mariadb() -> Result<()> {
    checksums_and_files(Kind::Mariadb118, true).await
}

/// An account that must prove a password, by the full method when the dump was killed.
async fn account(source: Kind, create: &str, tls: bool) -> Result<()> {
    if Server::given(Role::Source)?.is_some() {
        println!("skipped: the source is given");
        return Ok(());
    }
    let mut scene = Scene::open(Plan {
        source,
        ..Plan::default()
    })
    .await?;
    for statement in create.split(';') {
        scene.at_source(&[statement]).await?;
    }
    scene
        .at_source(&[
            "GRANT ALL ON *.* TO 'migrator'@'%'",
            "CREATE DATABASE `{db}`",
            "CREATE TABLE `{db}`.t (id INT PRIMARY KEY, v LONGTEXT)",
        ])
        .await?;
    scene.source_login.user = "migrator".to_owned();
    scene.source_login.password = PASSWORD.to_owned();
    if tls {
        let data = scene
            .source
            .database()
            .context("not ours")?
            .folder()
            .join("data");
        scene.source_more = format!(
            "  security:\n    ssl-ca: {}\n",
            data.join("ca.pem").display()
        );
    }
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    // The server forgets who has logged in: the fast way is closed.
    scene.at_source(&["FLUSH PRIVILEGES"]).await?;
    let mut conn = scene.source.conn().await?;
    let dumps = "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%' AND USER = 'migrator'";
    let dumps: Vec<u64> = conn.query(dumps).await?;
    ensure!(!dumps.is_empty(), "nobody reads the binlog");
    for dump in dumps {
        conn.query_drop(format!("KILL {dump}")).await?;
    }
    conn.query_drop(format!("INSERT INTO `{}`.t VALUES (1, 'one')", scene.db))
        .await?;
    conn.disconnect().await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

const PASSWORD: &str = "p4\"ss wörd";

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_caching_sha2_reads_the_stream() -> Result<()> {
    let create =
        format!("CREATE USER 'migrator'@'%' IDENTIFIED WITH caching_sha2_password BY '{PASSWORD}'");
    account(Kind::Mysql97, &create, false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_reads_the_stream_over_tls_of_the_servers_authority() -> Result<()> {
    let create = format!(
        "CREATE USER 'migrator'@'%' IDENTIFIED WITH caching_sha2_password BY '{PASSWORD}' REQUIRE SSL"
    );
    account(Kind::Mysql97, &create, true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_native_password_reads_the_stream() -> Result<()> {
    let create = format!("CREATE USER 'migrator'@'%' IDENTIFIED BY '{PASSWORD}'");
    account(Kind::Mysql56, &create, false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_binlog_is_named() -> Result<()> {
    let scene = followed(Plan::default()).await?;
    scene.ctl(&["pause-task", crate::scene::TASK]).await?;
    let mut conn = scene.source.conn().await?;
    for statement in [
        format!("INSERT INTO `{}`.t VALUES (2, 'purged')", scene.db),
        "FLUSH BINARY LOGS".to_owned(),
    ] {
        conn.query_drop(statement).await?;
    }
    let logs: Vec<mysql_async::Row> = conn.query("SHOW BINARY LOGS").await?;
    let last: String = logs
        .last()
        .and_then(|row| row.get(0))
        .context("no binlog")?;
    conn.query_drop(format!("PURGE BINARY LOGS TO '{last}'"))
        .await?;
    conn.disconnect().await?;
    let _refused = scene
        .cluster
        .dmctl()
        .run(&["resume-task", crate::scene::TASK])
        .await?;
    let status = scene
        .wait_status("the purged binlog is named", |status| {
            status.errors.iter().any(|error| error.contains("60014"))
        })
        .await?;
    println!("{:?}", status.errors);
    Ok(())
}

/// A packet is at most 16 MiB; a rolled-back transaction keeps what it changed in tables that cannot roll back.
#[tokio::test(flavor = "multi_thread")]
async fn large_rows_and_rolled_back_statements_arrive() -> Result<()> {
    let mut scene = followed(Plan::default()).await?;
    scene
        .at_source(&[
            "CREATE TABLE `{db}`.plain (id INT PRIMARY KEY) ENGINE = MyISAM",
            "INSERT INTO `{db}`.t VALUES (2, REPEAT('x', (1 << 24) - 100)), (3, REPEAT('y', 20000000))",
            "UPDATE `{db}`.t SET v = CONCAT(v, 'z') WHERE id = 3",
        ])
        .await?;
    let mut conn = scene.source.conn().await?;
    for statement in [
        format!("USE `{}`", scene.db).as_str(),
        "SET SESSION gtid_next = AUTOMATIC",
        "BEGIN",
        "INSERT INTO t VALUES (10, 'kept')",
        "SAVEPOINT s1",
        "INSERT INTO t VALUES (11, 'undone')",
        "ROLLBACK TO SAVEPOINT s1",
        "INSERT INTO t VALUES (12, 'kept')",
        "COMMIT",
    ] {
        conn.query_drop(statement).await?;
    }
    conn.disconnect().await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}
