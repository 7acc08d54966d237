//! P5: one table never stops the others, and the table that is stopped is the one that is at fault.

use anyhow::{Result, ensure};

use crate::scene::{Plan, Scene, TASK};

/// Tables `a`, `b` and `c` with row 1, followed by a running task.
async fn following() -> Result<Scene> {
    let scene = Scene::open(Plan {
        workers: 1,
        ..Plan::default()
    })
    .await?;
    scene.at_source(&["CREATE DATABASE `{db}`"]).await?;
    for table in ["a", "b", "c"] {
        let create =
            format!("CREATE TABLE `{{db}}`.{table} (id INT PRIMARY KEY, note VARCHAR(20))");
        let insert = format!("INSERT INTO `{{db}}`.{table} VALUES (1, 'loaded')");
        scene.at_source(&[&create, &insert]).await?;
    }
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    Ok(scene)
}

/// Waits until the table, and no other, is stopped; checks what is said about it.
async fn only_stopped(scene: &Scene, table: &str) -> Result<()> {
    let status = scene
        .wait_status("a table is stopped", |status| !status.errors.is_empty())
        .await?;
    let [error] = status.errors.as_slice() else {
        anyhow::bail!("one error is expected: {status:?}");
    };
    ensure!(status.stage == "Running", "{status:?}");
    let quoted = format!("`{}`.`{table}`", scene.db);
    ensure!(error.contains(&quoted) && error.contains("1062"), "{error}");
    let stopped: Vec<String> = scene
        .rows("SELECT tbl FROM {meta}.dm_table WHERE state = 'stopped'")
        .await?;
    ensure!(stopped == [table], "stopped are {stopped:?}");
    Ok(())
}

/// A row that clashes stops its table wherever its statement stands in the batch, and the others go on.
async fn refused_row_stops(table: &str) -> Result<()> {
    let mut scene = following().await?;
    let clash = format!("INSERT INTO `{{db}}`.{table} VALUES (2, 'in the way')");
    scene.at_target(&[&clash]).await?;
    scene
        .at_source(&[
            "BEGIN",
            "INSERT INTO `{db}`.a VALUES (2, 'together')",
            "INSERT INTO `{db}`.b VALUES (2, 'together')",
            "INSERT INTO `{db}`.c VALUES (2, 'together')",
            "COMMIT",
        ])
        .await?;
    only_stopped(&scene, table).await?;
    for other in ["a", "b", "c"] {
        let insert = format!("INSERT INTO `{{db}}`.{other} VALUES (3, 'later')");
        scene.at_source(&[&insert]).await?;
    }
    scene.wait_synced().await?;
    scene.must_be_identical_except(&[table]).await?;
    let count = format!("SELECT COUNT(*) FROM {{db}}.{table} WHERE note <> 'in the way'");
    ensure!(
        scene.number(&count).await? == 1,
        "a stopped table was written"
    );

    let away = format!("DELETE FROM `{{db}}`.{table} WHERE id = 2");
    scene.at_target(&[&away]).await?;
    scene.ctl(&["resume-task", TASK]).await?;
    scene
        .wait_status("nothing is stopped", |status| status.errors.is_empty())
        .await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_refused_row_at_the_start_of_a_batch_stops_its_table_alone() -> Result<()> {
    refused_row_stops("a").await
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_refused_row_at_the_end_of_a_batch_stops_its_table_alone() -> Result<()> {
    refused_row_stops("c").await
}
