//! The relay log: the source's files byte for byte, whatever is killed; tasks read from it when the source has purged.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Folder, Role, Server, eventually_within};
use chaos_tests::skip;
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tokio::time::sleep;

use crate::load::{Load, finish, next_row, populate};
use crate::scene::{Plan, SOURCE, Scene, TASK, rounds, seed};

const ARRIVES_WITHIN: Duration = Duration::from_secs(25);
/// The description's flags: the server's own file says that it is in use.
const IN_USE_AT: usize = 4 + 17;

/// A scene whose source keeps a relay log in that folder.
async fn with_relay(plan: Plan, folder: &Path) -> Result<Scene> {
    let mut scene = Scene::open(plan).await?;
    scene.source_more = format!("enable-relay: true\nrelay-dir: {}\n", folder.display());
    Ok(scene)
}

/// The files of the newest sub-directory, by name.
fn relay_files(base: &Path) -> Result<Vec<PathBuf>> {
    let base = base.join(SOURCE);
    let index = std::fs::read_to_string(base.join("server-uuid.index"))?;
    let folder = index.lines().last().context("the index is empty")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(base.join(folder))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.retain(|file| !file.to_string_lossy().contains("relay.meta"));
    files.sort();
    Ok(files)
}

/// Every relay file equals the server's, the last one as far as it goes.
fn must_be_copies(base: &Path, data: &Path) -> Result<usize> {
    let files = relay_files(base)?;
    for (index, file) in files.iter().enumerate() {
        let name = file.file_name().context("no name")?;
        let mut copy = std::fs::read(file)?;
        let mut own = std::fs::read(data.join(name))?;
        for bytes in [&mut copy, &mut own] {
            if let Some(flags) = bytes.get_mut(IN_USE_AT) {
                *flags = 0;
            }
        }
        let last = index + 1 == files.len();
        let same = if last {
            own.starts_with(&copy)
        } else {
            own == copy
        };
        ensure!(
            same,
            "{} is no copy: {} bytes, the server has {}",
            file.display(),
            copy.len(),
            own.len()
        );
    }
    Ok(files.len())
}

async fn relay_status(scene: &Scene) -> Result<Value> {
    let answer = scene.ctl(&["query-status", TASK]).await?;
    Ok(answer["sources"][0]["sourceStatus"]["relayStatus"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_leave_byte_equal_files() -> Result<()> {
    if Server::given(Role::Source)?.is_some() {
        skip!(
            "kills_leave_byte_equal_files",
            "the source's files are not at hand"
        );
    }
    let folder = Folder::new("relay")?;
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = with_relay(
        Plan {
            workers: 1,
            ..Plan::default()
        },
        folder.path(),
    )
    .await?;
    populate(&scene, 500).await?;
    let load = Load::start(&scene, seed, 200);
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    for round in 0..rounds(4) {
        next_row(&scene, ARRIVES_WITHIN).await?;
        sleep(Duration::from_millis(rng.random_range(0..400))).await;
        if round % 2 == 0 {
            scene.at_source(&["FLUSH BINARY LOGS"]).await?;
        }
        let killed = scene.kill_owner().await?;
        scene.start_worker(killed).await?;
    }
    next_row(&scene, ARRIVES_WITHIN).await?;
    finish(&mut scene, load).await?;
    let data = scene
        .source
        .database()
        .context("not ours")?
        .folder()
        .join("data");
    let files = must_be_copies(folder.path(), &data)?;
    ensure!(files >= 2, "only {files} files");
    println!("{files} files, {:?}", relay_status(&scene).await?);
    Ok(())
}

/// The source purges what a paused task still needs: it goes on from the relay log.
async fn purged(gtid: bool) -> Result<()> {
    let folder = Folder::new("relay")?;
    let mut scene = with_relay(
        Plan {
            gtid,
            ..Plan::default()
        },
        folder.path(),
    )
    .await?;
    scene
        .at_source(&[
            "CREATE DATABASE `{db}`",
            "CREATE TABLE `{db}`.t (id INT PRIMARY KEY)",
        ])
        .await?;
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    scene.ctl(&["pause-task", TASK]).await?;
    scene
        .at_source(&[
            "INSERT INTO `{db}`.t VALUES (1)",
            "FLUSH BINARY LOGS",
            "INSERT INTO `{db}`.t VALUES (2)",
            "FLUSH BINARY LOGS",
        ])
        .await?;
    let mut conn = scene.source.conn().await?;
    let logs: Vec<mysql_async::Row> = conn.query("SHOW BINARY LOGS").await?;
    let last: String = logs
        .last()
        .and_then(|row| row.get(0))
        .context("no binlog")?;
    eventually_within(
        ARRIVES_WITHIN,
        "the relay log has the newest file",
        || async {
            let status = relay_status(&scene).await?;
            let there = status["relayBinlog"]
                .as_str()
                .is_some_and(|place| place.contains(&last));
            Ok((there && status["relayCatchUpMaster"] == true).then_some(()))
        },
    )
    .await?;
    conn.query_drop(format!("PURGE BINARY LOGS TO '{last}'"))
        .await?;
    conn.disconnect().await?;
    scene.ctl(&["resume-task", TASK]).await?;
    // A transaction in the newest file: without GTID a position moves with transactions only.
    scene
        .at_source(&["INSERT INTO `{db}`.t VALUES (3)"])
        .await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_on_from_the_relay_log_with_gtid() -> Result<()> {
    purged(true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_on_from_the_relay_log_without_gtid() -> Result<()> {
    purged(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn start_relay_and_stop_relay() -> Result<()> {
    let folder = Folder::new("relay")?;
    let mut scene = Scene::open(Plan::default()).await?;
    scene.source_more = format!("relay-dir: {}\n", folder.path().display());
    scene
        .at_source(&[
            "CREATE DATABASE `{db}`",
            "CREATE TABLE `{db}`.t (id INT PRIMARY KEY)",
        ])
        .await?;
    scene.begin().await?;
    ensure!(
        relay_status(&scene).await?.is_null(),
        "no relay log is wanted"
    );
    scene.ctl(&["-s", SOURCE, "start-relay"]).await?;
    eventually_within(ARRIVES_WITHIN, "the relay log is kept", || async {
        let status = relay_status(&scene).await?;
        Ok((status["stage"] == "Running" && status["relaySubDir"] != "").then_some(()))
    })
    .await?;
    scene.ctl(&["-s", SOURCE, "stop-relay"]).await?;
    eventually_within(
        ARRIVES_WITHIN,
        "the relay log is not kept any more",
        || async { Ok(relay_status(&scene).await?.is_null().then_some(())) },
    )
    .await?;
    ensure!(!relay_files(folder.path())?.is_empty(), "its files stay");
    scene
        .at_source(&["INSERT INTO `{db}`.t VALUES (1)"])
        .await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}
