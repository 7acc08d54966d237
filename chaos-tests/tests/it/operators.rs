//! A way past a statement that the target refuses: `binlog skip|replace|inject|revert|list`, by current error, position and GTID.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::scene::{Plan, SOURCE, Scene, TASK};

/// Tables `a`, `b` and `c` with row 1, followed by a running task.
async fn following(plan: Plan) -> Result<Scene> {
    let scene = Scene::open(plan).await?;
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

async fn one_worker() -> Result<Scene> {
    following(Plan {
        workers: 1,
        ..Plan::default()
    })
    .await
}

/// Waits until the one error in force has all these texts.
async fn wait_error(scene: &Scene, texts: &[&str]) -> Result<String> {
    let status = scene
        .wait_status(&format!("an error says {texts:?}"), |status| {
            status.errors.len() == 1
                && texts.iter().all(|text| {
                    status
                        .errors
                        .first()
                        .is_some_and(|error| error.contains(text))
                })
        })
        .await?;
    ensure!(status.stage == "Running", "{status:?}");
    status.errors.first().cloned().context("one error")
}

async fn wait_no_error(scene: &mut Scene) -> Result<()> {
    // A table that is let go may stop again, until the last decision has reached the worker.
    for _ in 0..20 {
        scene
            .wait_status("nothing is in error", |status| {
                status.errors.is_empty() && status.stage == "Running"
            })
            .await?;
        scene.wait_synced().await?;
        if scene.status().await?.errors.is_empty() {
            return Ok(());
        }
    }
    anyhow::bail!("tables stop again: {:?}", scene.status().await)
}

/// `binlog …` that must take effect at the source.
async fn binlog(scene: &Scene, args: &[&str]) -> Result<Value> {
    let answer = asked(scene, args).await?;
    ensure!(
        answer["sources"][0]["result"] == true,
        "binlog {args:?}: {answer}"
    );
    Ok(answer)
}

/// What `binlog …` answers.
async fn asked(scene: &Scene, args: &[&str]) -> Result<Value> {
    let mut all = vec!["binlog"];
    all.extend(args);
    scene.ctl(&all).await
}

/// The text of the one source's answer.
async fn refused(scene: &Scene, args: &[&str]) -> Result<String> {
    let answer = asked(scene, args).await?;
    let source = &answer["sources"][0];
    ensure!(source["result"] != true, "binlog {args:?}: {answer}");
    Ok(source["msg"].as_str().unwrap_or_default().to_owned())
}

/// The advice of the one error.
async fn advice(scene: &Scene) -> Result<String> {
    let status = scene.ctl(&["query-status", TASK]).await?;
    let error = &status["sources"][0]["subTaskStatus"][0]["result"]["errors"][0];
    Ok(error["Workaround"].as_str().unwrap_or_default().to_owned())
}

/// The position in a command that an error offers.
fn offered_position(advice: &str) -> Result<String> {
    let after = advice.split(" -b ").nth(1).context("no -b in the advice")?;
    let position = after.split('`').next().unwrap_or_default();
    Ok(position.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_statement_is_skipped_by_the_command_that_its_error_offers() -> Result<()> {
    let mut scene = one_worker().await?;
    let none = refused(&scene, &["skip", TASK]).await?;
    ensure!(none.contains("has no error"), "{none}");

    let add = "ALTER TABLE `{db}`.a ADD COLUMN extra VARCHAR(20) DEFAULT 'x'";
    scene.at_target(&[add]).await?;
    scene
        .at_source(&[add, "INSERT INTO `{db}`.a VALUES (2, 'after', 'y')"])
        .await?;
    wait_error(&scene, &["1060", "ADD COLUMN extra", "DDL at ("]).await?;
    scene
        .at_source(&["INSERT INTO `{db}`.b VALUES (2, 'others go on')"])
        .await?;
    scene.wait_synced().await?;
    scene.must_be_identical_except(&["a"]).await?;

    let advice = advice(&scene).await?;
    let position = offered_position(&advice)?;
    let command = format!("dmctl binlog skip {TASK} -s {SOURCE} -b {position}");
    ensure!(advice.contains(&command), "{advice}");
    binlog(&scene, &["skip", TASK, "-s", SOURCE, "-b", &position]).await?;
    wait_no_error(&mut scene).await?;
    scene.must_be_identical().await?;

    // The decision stays, and is shown.
    let listed = asked(&scene, &["list", TASK]).await?;
    let listed = listed["sources"][0]["msg"].as_str().unwrap_or_default();
    let listed: Value = serde_json::from_str(listed)?;
    let (file, offset) = position.rsplit_once(':').context("file:offset")?;
    ensure!(
        listed[0]["op"] == 1
            && listed[0]["task"] == TASK
            && listed[0]["binlogPos"] == format!("({file}, {offset})"),
        "{listed}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_fails_is_shown_reverted_and_given_again() -> Result<()> {
    let mut scene = one_worker().await?;
    let db = scene.db.clone();
    scene
        .at_target(&["ALTER TABLE `{db}`.b ADD COLUMN n1 INT"])
        .await?;
    scene
        .at_source(&[
            "ALTER TABLE `{db}`.b ADD COLUMN n1 INT, ADD COLUMN n2 INT",
            "INSERT INTO `{db}`.b VALUES (2, 'after', 3, 4)",
        ])
        .await?;
    wait_error(&scene, &["1060", "n2 INT"]).await?;

    let again = format!("ALTER TABLE `{db}`.b ADD COLUMN n1 BIGINT");
    asked(&scene, &["replace", TASK, &again]).await?;
    wait_error(&scene, &["1060", "binlog replace", "n1 BIGINT"]).await?;
    binlog(&scene, &["revert", TASK]).await?;
    let error = wait_error(&scene, &["1060", "n2 INT"]).await?;
    ensure!(!error.contains("BIGINT"), "{error}");

    // Of two statements the second is refused: the first is in, and is not run again.
    let second =
        format!("ALTER TABLE `{db}`.b ADD COLUMN n2 INT; ALTER TABLE `{db}`.b ADD COLUMN n1 INT");
    asked(&scene, &["replace", TASK, &second]).await?;
    wait_error(&scene, &["1060", "statement 2 of 2"]).await?;
    let third = format!("ALTER TABLE `{db}`.b ADD COLUMN n2 INT; ALTER TABLE `{db}`.b COMMENT 'x'");
    binlog(&scene, &["replace", TASK, &third]).await?;
    wait_no_error(&mut scene).await?;
    scene.must_be_identical().await?;

    for (args, text) in [
        (["replace", "ALTER TABLE b ADD x INT"], "36024"),
        (["replace", "INSERT INTO d.b VALUES (1)"], "36064"),
        (["inject", "DELETE FROM d.b"], "36064"),
    ] {
        let output = scene
            .cluster
            .dmctl()
            .run(&["binlog", args[0], TASK, args[1]])
            .await?;
        ensure!(output.stdout.contains(text), "{output}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn several_errors_must_be_told_apart_and_an_injection_runs_first() -> Result<()> {
    let mut scene = one_worker().await?;
    let db = scene.db.clone();
    scene
        .at_target(&[
            "ALTER TABLE `{db}`.a DROP COLUMN note",
            "ALTER TABLE `{db}`.c ADD COLUMN extra INT",
        ])
        .await?;
    scene
        .at_source(&[
            "ALTER TABLE `{db}`.a DROP COLUMN note",
            "ALTER TABLE `{db}`.c ADD COLUMN extra INT",
            "INSERT INTO `{db}`.a VALUES (2)",
            "INSERT INTO `{db}`.c VALUES (2, 'after', 3)",
        ])
        .await?;
    scene
        .wait_status("two tables are in error", |status| status.errors.len() == 2)
        .await?;
    let several = refused(&scene, &["skip", TASK]).await?;
    ensure!(
        several.contains("60082") && several.matches("-b ").count() == 2,
        "{several}"
    );
    // Each with its own answer.
    let positions: Vec<String> = several
        .split("-b ")
        .skip(1)
        .map(|rest| rest.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    let of = |table: &str| -> Result<String> {
        let quoted = format!("`{db}`.`{table}`");
        let index = several
            .split("-b ")
            .skip(1)
            .position(|rest| {
                rest.split(';')
                    .next()
                    .is_some_and(|one| one.contains(&quoted))
            })
            .context("no such table")?;
        positions.get(index).cloned().context("no position")
    };
    binlog(&scene, &["skip", TASK, "-b", &of("c")?]).await?;
    let back = format!("ALTER TABLE `{db}`.a ADD COLUMN note VARCHAR(20)");
    binlog(&scene, &["inject", TASK, "-b", &of("a")?, &back]).await?;
    wait_no_error(&mut scene).await?;
    scene.must_be_identical().await
}

/// Waits for another leader than this master, and that a worker has the source.
async fn settled(scene: &Scene) -> Result<()> {
    scene.owner().await?;
    Ok(())
}

/// Decisions given ahead of their statements survive the loss of the leader and of the worker.
async fn ahead_of_the_stream(gtid: bool) -> Result<()> {
    let mut scene = following(Plan {
        masters: 3,
        gtid,
        ..Plan::default()
    })
    .await?;
    let db = scene.db.clone();
    let first = next_place(&scene, gtid).await?;
    let add = "ALTER TABLE `{db}`.a ADD COLUMN extra VARCHAR(20) DEFAULT 'x'";
    scene.at_target(&[add]).await?;
    let other = format!("ALTER TABLE `{db}`.a ADD COLUMN second INT");
    let both =
        "ALTER TABLE `{db}`.a ADD COLUMN extra VARCHAR(20) DEFAULT 'x', ADD COLUMN second INT";
    binlog(&scene, &["replace", TASK, "-b", &first, &other]).await?;

    let leader = scene.cluster.leader().await?;
    scene
        .cluster
        .masters
        .get_mut(leader)
        .context("no such master")?
        .kill9();
    let killed = scene.kill_owner().await?;
    scene.wait_other_owner(killed).await?;
    settled(&scene).await?;
    scene
        .at_source(&[both, "INSERT INTO `{db}`.a VALUES (2, 'after', 'y', 5)"])
        .await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    // Read again from before it, on the other worker: the same decision is met.
    scene.start_worker(killed).await?;
    let listed = asked(&scene, &["list", TASK]).await?;
    ensure!(listed.to_string().contains("second INT"), "{listed}");
    tokio::time::sleep(Duration::from_millis(200)).await;
    scene.must_be_identical().await
}

/// Where the source's next statement will begin.
async fn next_place(scene: &Scene, gtid: bool) -> Result<String> {
    use mysql_async::prelude::Queryable;
    let mut conn = scene.source.conn().await?;
    let row: mysql_async::Row = conn
        .query_first("SHOW BINARY LOG STATUS")
        .await?
        .context("no binlog")?;
    let place = if gtid {
        let executed: String = conn
            .query_first("SELECT @@GLOBAL.gtid_executed")
            .await?
            .unwrap_or_default();
        let (uuid, last) = executed.trim().rsplit_once(['-', ':']).context("a set")?;
        let uuid = uuid.split(':').next().unwrap_or_default();
        format!("{uuid}:{}", last.parse::<u64>()? + 1)
    } else {
        let file: String = row.get(0).context("file")?;
        let offset: u64 = row.get(1).context("offset")?;
        // The GTID event stands before the statement's.
        format!(
            "{file}:{}",
            offset + gtid_event_bytes(&mut conn, &file, offset).await?
        )
    };
    conn.disconnect().await?;
    Ok(place)
}

/// Bytes of an (anonymous) GTID event as this server writes them before a DDL of one statement.
async fn gtid_event_bytes(conn: &mut mysql_async::Conn, file: &str, _end: u64) -> Result<u64> {
    use mysql_async::prelude::Queryable;
    let events: Vec<(String, u64, String, u32, u64, String)> = conn
        .query(format!("SHOW BINLOG EVENTS IN '{file}'"))
        .await?;
    let gtid_of_ddl = events.windows(2).find_map(|pair| match pair {
        [gtid, query] if gtid.2.contains("Gtid") && query.5.contains("CREATE TABLE") => {
            Some(gtid.4 - gtid.1)
        }
        _ => None,
    });
    gtid_of_ddl.context("no DDL in the binlog")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_by_gtid_survives_the_leader_and_the_worker() -> Result<()> {
    ahead_of_the_stream(true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_by_position_survives_the_leader_and_the_worker() -> Result<()> {
    ahead_of_the_stream(false).await
}
