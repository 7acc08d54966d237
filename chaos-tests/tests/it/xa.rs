//! XA transactions: rows stand where their XA COMMIT stands, whatever is killed between PREPARE and decision.

use std::time::Duration;

use anyhow::{Result, ensure};
use chaos_tests::lab::Kind;
use mysql_async::prelude::Queryable;

use crate::load::next_row;
use crate::scene::{Plan, Scene};

const ARRIVES_WITHIN: Duration = Duration::from_secs(20);

/// Prepares an XA transaction and leaves its session, so that any other may decide it.
async fn prepare(scene: &Scene, xid: &str, change: &str) -> Result<()> {
    let mut conn = scene.source.conn().await?;
    conn.query_drop(format!("USE `{}`", scene.db)).await?;
    for statement in [
        &format!("XA START {xid}"),
        change,
        &format!("XA END {xid}"),
        &format!("XA PREPARE {xid}"),
    ] {
        conn.query_drop(statement).await?;
    }
    Ok(conn.disconnect().await?)
}

/// Something written now is at the target; what stands before it in the binlog was seen.
async fn pass_by(scene: &Scene) -> Result<()> {
    scene
        .at_source(&["INSERT INTO `{db}`.tick (at) VALUES (NOW(6))"])
        .await?;
    let waiting = next_row(scene, ARRIVES_WITHIN);
    let writing = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        scene
            .at_source(&["INSERT INTO `{db}`.tick (at) VALUES (NOW(6))"])
            .await
    };
    tokio::try_join!(waiting, writing)?;
    Ok(())
}

async fn rows(scene: &Scene, what: &str) -> Result<u64> {
    scene
        .number(&format!("SELECT COUNT(*) FROM `{{db}}`.x WHERE {what}"))
        .await
}

async fn decided_after_kills(source: Kind, gtid: bool) -> Result<()> {
    let mut scene = Scene::open(Plan {
        source,
        target: source,
        gtid,
        ..Plan::default()
    })
    .await?;
    scene
        .at_source(&[
            "CREATE DATABASE `{db}`",
            "CREATE TABLE `{db}`.x (id INT PRIMARY KEY, v VARCHAR(20))",
            "CREATE TABLE `{db}`.tick (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6))",
            "INSERT INTO `{db}`.tick (at) VALUES (NOW(6))",
            "INSERT INTO `{db}`.x VALUES (1, 'old'), (2, 'old'), (3, 'old')",
        ])
        .await?;
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    pass_by(&scene).await?;
    prepare(
        &scene,
        "'commit','b',7",
        "UPDATE x SET v = 'new' WHERE id = 1",
    )
    .await?;
    prepare(&scene, "'rollback'", "DELETE FROM x WHERE id = 2").await?;
    prepare(
        &scene,
        "'late'",
        "INSERT INTO x VALUES (10, 'late'), (11, 'late')",
    )
    .await?;
    pass_by(&scene).await?;
    ensure!(
        rows(&scene, "v <> 'old'").await? == 0,
        "a prepared change was applied"
    );
    for (decision, what, count) in [
        ("XA COMMIT 'commit','b',7", "id = 1 AND v = 'new'", 1),
        ("XA ROLLBACK 'rollback'", "id = 2 AND v = 'old'", 1),
    ] {
        let killed = scene.kill_owner().await?;
        scene.wait_other_owner(killed).await?;
        scene.start_worker(killed).await?;
        scene.at_source(&[decision]).await?;
        pass_by(&scene).await?;
        ensure!(rows(&scene, what).await? == count, "after {decision}");
    }
    // Rows changed after the PREPARE and one in one phase, with the oldest one still undecided.
    let mut conn = scene.source.conn().await?;
    for statement in [
        format!("USE `{}`", scene.db),
        "INSERT INTO x VALUES (20, 'plain')".to_owned(),
        "XA START 'one'".to_owned(),
        "INSERT INTO x VALUES (21, 'one phase')".to_owned(),
        "XA END 'one'".to_owned(),
        "XA COMMIT 'one' ONE PHASE".to_owned(),
    ] {
        conn.query_drop(statement).await?;
    }
    conn.disconnect().await?;
    pass_by(&scene).await?;
    ensure!(rows(&scene, "id >= 20").await? == 2 && rows(&scene, "v = 'late'").await? == 0);
    let killed = scene.kill_owner().await?;
    scene.at_source(&["XA COMMIT 'late'"]).await?;
    scene.start_worker(killed).await?;
    pass_by(&scene).await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn r03_xa_is_exact_under_kills_from_mysql() -> Result<()> {
    decided_after_kills(Kind::Mysql97, true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r03_xa_is_exact_under_kills_from_mariadb() -> Result<()> {
    decided_after_kills(Kind::Mariadb118, true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r03_xa_is_exact_under_kills_without_gtid() -> Result<()> {
    decided_after_kills(Kind::Mysql97, false).await
}
