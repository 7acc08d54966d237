//! Changes of all shapes reach the target as they were made, however they are taken together on the way; and rows that the target
//! has otherwise than it should are never passed over in silence.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Kind, eventually, http};

use crate::scene::{Plan, Scene, TASK};

/// Columns of InnoDB's widest table, nearly.
const COLUMNS: usize = 1_000;
/// Changes of the one row that everybody changes.
const HOT_CHANGES: usize = 1_500;

const SHAPES: &[&str] = &[
    "CREATE TABLE `{db}`.hot (id INT PRIMARY KEY, n INT NOT NULL, note VARCHAR(20))",
    "CREATE TABLE `{db}`.gaps (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT, UNIQUE KEY (v))",
    "CREATE TABLE `{db}`.replaced (id INT PRIMARY KEY, code VARCHAR(20) NOT NULL, n INT, UNIQUE KEY (code))",
    "CREATE TABLE `{db}`.left_side (id INT PRIMARY KEY, n INT)",
    "CREATE TABLE `{db}`.right_side (id INT PRIMARY KEY, n INT)",
    "CREATE TABLE `{db}`.chain (id INT PRIMARY KEY, u INT, v VARCHAR(9), UNIQUE KEY (u))",
    "CREATE TABLE `{db}`.pairs (a INT, b VARCHAR(20), c INT, PRIMARY KEY (b, a))",
    "CREATE TABLE `{db}`.journal (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(40))",
    "CREATE TABLE `{db}`.keyless (a INT, b VARCHAR(20))",
    "CREATE TRIGGER `{db}`.note_gaps AFTER INSERT ON `{db}`.gaps FOR EACH ROW INSERT INTO `{db}`.journal (what) VALUES (CONCAT('gap ', NEW.v))",
];

fn wide(of: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for n in 0..COLUMNS {
        let _ = write!(text, "{}{}", if n > 0 { "," } else { "" }, of(n));
    }
    text
}

/// Changes that meet each other in the batches of a stream.
fn changes() -> Vec<String> {
    let mut all: Vec<String> = vec![
        "INSERT INTO `{db}`.hot VALUES (1, 0, 'hot'), (2, 0, 'cold')".to_owned(),
        format!(
            "INSERT INTO `{{db}}`.wide VALUES (7, {})",
            wide(|n| n.to_string())
        ),
        format!(
            "UPDATE `{{db}}`.wide SET {} WHERE id = 7",
            wide(|n| format!("c{n} = c{n} + 1"))
        ),
    ];
    all.extend((0..HOT_CHANGES).map(|_| "UPDATE `{db}`.hot SET n = n + 1 WHERE id = 1".to_owned()));
    for n in 0..40 {
        all.extend([
            format!("INSERT INTO `{{db}}`.gaps (v) VALUES ({n})"),
            // Takes an id and fails: a gap.
            format!("INSERT IGNORE INTO `{{db}}`.gaps (v) VALUES ({n})"),
            format!("REPLACE INTO `{{db}}`.replaced VALUES ({}, 'code {}', {n})", n % 7, n % 5),
            format!("INSERT INTO `{{db}}`.replaced VALUES ({}, 'code {}', 0) ON DUPLICATE KEY UPDATE n = n + 1000, code = 'moved {n}'", n % 11, n % 9),
            format!("REPLACE INTO `{{db}}`.left_side VALUES ({}, {n})", n % 10),
            format!("REPLACE INTO `{{db}}`.right_side VALUES ({}, {n})", n % 6),
            "UPDATE `{db}`.left_side l JOIN `{db}`.right_side r ON l.id = r.id SET l.n = l.n + r.n, r.n = r.n + 1".to_owned(),
            format!("INSERT INTO `{{db}}`.pairs VALUES ({n}, 'p', 1), ({n}, 'q', 1)"),
            format!("UPDATE `{{db}}`.pairs SET c = c + 1 WHERE a >= {}", n / 2),
            format!("DELETE FROM `{{db}}`.pairs WHERE a = {}", n / 3),
            format!("INSERT INTO `{{db}}`.keyless VALUES ({}, 'x'), ({}, 'x'), (NULL, 'y')", n % 3, n % 3),
            format!("UPDATE `{{db}}`.keyless SET b = 'z' WHERE a = {} LIMIT 1", n % 4),
            format!("DELETE FROM `{{db}}`.keyless WHERE a = {} LIMIT 1", n % 2),
        ]);
    }
    // 1 to 2, 2 to 1, over a free value; and unique values that change owners.
    all.push("INSERT INTO `{db}`.chain VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c')".to_owned());
    for _ in 0..5 {
        all.extend(
            [
                "UPDATE `{db}`.chain SET id = 9 WHERE id = 1",
                "UPDATE `{db}`.chain SET id = 1 WHERE id = 2",
                "UPDATE `{db}`.chain SET id = 2 WHERE id = 9",
                "UPDATE `{db}`.chain SET u = NULL WHERE id = 1",
                "UPDATE `{db}`.chain SET u = u + 1 WHERE id = 2",
                "UPDATE `{db}`.chain SET u = u - 1 WHERE id = 2",
                "UPDATE `{db}`.chain SET u = 20 WHERE id = 1 AND NOT EXISTS (SELECT 1 FROM (SELECT u FROM `{db}`.chain) c WHERE u = 20)",
                "UPDATE `{db}`.chain SET id = id + 1 ORDER BY id DESC",
                "UPDATE `{db}`.chain SET id = id - 1 ORDER BY id",
                "DELETE FROM `{db}`.chain WHERE id = 3",
                "INSERT INTO `{db}`.chain VALUES (3, 30, 'again')",
            ]
            .map(str::to_owned),
        );
    }
    all
}

async fn shapes(kind: Kind) -> Result<()> {
    let mut scene = Scene::open(Plan {
        source: kind,
        target: kind,
        workers: 1,
        ..Plan::default()
    })
    .await?;
    scene.at_source(&["CREATE DATABASE `{db}`"]).await?;
    scene.at_source(SHAPES).await?;
    let create = format!(
        "CREATE TABLE `{{db}}`.wide (id INT PRIMARY KEY, {})",
        wide(|n| format!("c{n} INT"))
    );
    scene.at_source(&[&create]).await?;
    if kind == Kind::Mysql97 {
        scene
            .at_source(&[
                "CREATE TABLE `{db}`.parent (id INT PRIMARY KEY)",
                "CREATE TABLE `{db}`.child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES `{db}`.parent (id) ON DELETE CASCADE ON UPDATE CASCADE)",
            ])
            .await?;
    }
    scene.begin().await?;
    scene
        .wait_status("the full migration is over", |status| status.unit == "Sync")
        .await?;
    // The effects of the source's triggers are in its binlog.
    scene
        .at_target(&["DROP TRIGGER IF EXISTS `{db}`.note_gaps"])
        .await?;
    let mut texts = changes();
    if kind == Kind::Mysql97 {
        texts.extend(
            [
                "INSERT INTO `{db}`.parent VALUES (1), (2), (3)",
                "INSERT INTO `{db}`.child VALUES (1, 1), (2, 1), (3, 2), (4, 3), (5, NULL)",
                "UPDATE `{db}`.parent SET id = 7 WHERE id = 2",
                "DELETE FROM `{db}`.parent WHERE id = 1",
            ]
            .map(str::to_owned),
        );
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    scene.at_source(&texts).await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    let status = scene.status().await?;
    ensure!(status.errors.is_empty(), "{status:?}");
    let page = metrics(&scene).await?;
    ensure!(
        value(&page, "dm_worker_row_mismatches{").unwrap_or(0.0) == 0.0,
        "something was counted that did not happen:\n{page}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_all_shapes_in_mysql97() -> Result<()> {
    shapes(Kind::Mysql97).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_all_shapes_in_mariadb118() -> Result<()> {
    shapes(Kind::Mariadb118).await
}

async fn metrics(scene: &Scene) -> Result<String> {
    Ok(http::get(&worker(scene).await?, "/metrics").await?.1)
}

async fn worker(scene: &Scene) -> Result<String> {
    let owner = scene.owner().await?;
    let worker = scene.cluster.workers.get(owner).context("no worker")?;
    Ok(worker.addr())
}

fn value(page: &str, begin: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.starts_with(begin))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// A keyed table and one without a key, both with ten rows at either side and synchronised.
async fn ten_rows(mode: &str) -> Result<Scene> {
    let scene = Scene::open(Plan {
        workers: 1,
        task: format!("on-row-mismatch: {mode}\n"),
        ..Plan::default()
    })
    .await?;
    scene
        .at_source(&[
            "CREATE DATABASE `{db}`",
            "CREATE TABLE `{db}`.ten (id INT PRIMARY KEY, v VARCHAR(20), UNIQUE KEY (v))",
            "INSERT INTO `{db}`.ten VALUES (0,'v0'),(1,'v1'),(2,'v2'),(3,'v3'),(4,'v4'),(5,'v5'),(6,'v6'),(7,'v7'),(8,'v8'),(9,'v9')",
            "CREATE TABLE `{db}`.other (id INT PRIMARY KEY, v INT)",
        ])
        .await?;
    scene.begin().await?;
    scene
        .wait_status("the full migration is over", |status| status.unit == "Sync")
        .await?;
    Ok(scene)
}

/// Rows of the target that somebody else took away, and what upstream does to them and to rows beside them: two of the changes
/// find nothing.
const TAKEN: &[&str] = &["DELETE FROM `{db}`.ten WHERE id IN (3, 5)"];
const CHANGED: &[&str] = &[
    "UPDATE `{db}`.ten SET v = CONCAT(v, '!') WHERE id BETWEEN 2 AND 4",
    "DELETE FROM `{db}`.ten WHERE id IN (5, 6)",
    "INSERT INTO `{db}`.other VALUES (1, 1)",
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_missing_are_counted() -> Result<()> {
    let mut scene = ten_rows("count").await?;
    scene.at_target(TAKEN).await?;
    scene.at_source(CHANGED).await?;
    scene.wait_synced().await?;
    let page = metrics(&scene).await?;
    ensure!(
        value(&page, "dm_worker_row_mismatches{") == Some(2.0)
            && value(&page, "dm_worker_table_row_mismatches{") == Some(2.0),
        "{page}"
    );
    let (_, status) = http::get(&worker(&scene).await?, "/status.json").await?;
    ensure!(
        status.contains("found 0 rows instead of 1: UPDATE"),
        "{status}"
    );
    // What was missing stays missing: nothing was made up.
    ensure!(
        scene
            .number("SELECT COUNT(*) FROM {db}.ten WHERE id = 3")
            .await?
            == 0
    );
    ensure!(
        scene
            .number("SELECT COUNT(*) FROM {db}.ten WHERE v IN ('v2!', 'v4!')")
            .await?
            == 2
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_row_stops_a_strict_table() -> Result<()> {
    let mut scene = ten_rows("strict").await?;
    scene.at_target(TAKEN).await?;
    scene.at_source(CHANGED).await?;
    scene
        .wait_status("ten is stopped", |status| {
            status.errors.iter().any(|error| {
                error.contains("ten") && error.contains("found 0 rows") && error.contains("60015")
            })
        })
        .await?;
    eventually("the other table goes on", || async {
        Ok((scene.number("SELECT COUNT(*) FROM {db}.other").await? == 1).then_some(()))
    })
    .await?;
    ensure!(
        scene
            .number("SELECT COUNT(*) FROM {db}.ten WHERE v LIKE '%!'")
            .await?
            == 0,
        "part of the transaction is there"
    );
    scene
        .at_target(&["INSERT INTO `{db}`.ten VALUES (3, 'v3'), (5, 'v5')"])
        .await?;
    scene.ctl(&["pause-task", TASK]).await?;
    scene.ctl(&["resume-task", TASK]).await?;
    scene
        .wait_status("no table is in error", |status| {
            status.errors.is_empty() && status.stage == "Running"
        })
        .await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn repair_writes_what_is_missing_and_replaces_what_is_in_the_way() -> Result<()> {
    let mut scene = ten_rows("repair").await?;
    scene.at_target(TAKEN).await?;
    scene
        .at_target(&[
            "INSERT INTO `{db}`.ten VALUES (20, 'in the way'), (77, 'v30')",
            "UPDATE `{db}`.ten SET v = 'v3!' WHERE id = 8",
            "INSERT INTO `{db}`.other VALUES (1, 9)",
        ])
        .await?;
    scene.at_source(CHANGED).await?;
    scene
        .at_source(&[
            "INSERT INTO `{db}`.ten VALUES (20, 'v20'), (30, 'v30')",
            "UPDATE `{db}`.ten SET v = 'v8!' WHERE id = 8",
        ])
        .await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    let page = metrics(&scene).await?;
    ensure!(
        value(&page, "dm_worker_row_mismatches{").unwrap_or(0.0) >= 5.0,
        "{page}"
    );
    Ok(())
}
