//! Bad input in files and names: each case is a typed error that says where and what to do, and leaves nothing half created.

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Cluster, Endpoint, Kind, Port, Role, Server};

use crate::plane_scene::{failed, refused, says};
use crate::refusal::{must_be_empty, source_yaml, task_yaml};
use crate::scene::{Plan, SOURCE, Scene, TASK};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_yaml_names_file_line_key_and_expectation() -> Result<()> {
    let cluster = Cluster::start(1, 1).await?;
    let sources: &[(&str, &[&str])] = &[
        (
            "source-id: s\nfrom:\n  host: 127.0.0.1\n  port: many\n",
            &["line 4", "port", "many", "number"],
        ),
        (
            "source-id: s\nfrom:\n  host: [127.0.0.1\n",
            &["code=20", "line "],
        ),
        (
            "source-id: s\nenable-gtids: true\nfrom: {host: h}\n",
            &["line 2", "enable-gtids", "enable-gtid"],
        ),
        ("from: {host: h}\n", &["source-id"]),
        (
            "source-id: s\nenable-gtid: perhaps\nfrom: {host: h}\n",
            &["line 2", "enable-gtid", "true or false"],
        ),
    ];
    for (text, texts) in sources {
        let file = cluster.write("wrong-source.yaml", text)?;
        let output = cluster.ctl(&["operate-source", "create", &file]).await?;
        failed(&output, &["wrong-source.yaml", "[code="])?;
        says(&output, texts)?;
    }
    let target = "target-database: {host: h}\n";
    let tasks: &[(String, &[&str])] = &[
        (
            format!(
                "name: t\ntask-mode: everything\n{target}mysql-instances: [{{source-id: s}}]\n"
            ),
            &["task-mode", "everything", "incremental"],
        ),
        (
            format!(
                "name: t\ntask-mode: all\n{target}mysql-instances: [{{source-id: s}}]\nblock-allow-lists: {{}}\n"
            ),
            &["line 5", "block-allow-lists", "block-allow-list"],
        ),
        (
            format!(
                "name: t\ntask-mode: all\n{target}mysql-instances:\n  - source-id: s\n    block-allow-list: nowhere\n"
            ),
            &["block-allow-list", "nowhere"],
        ),
        (
            format!(
                "name: t\ntask-mode: all\n{target}mysql-instances:\n  - source-id: s\n    mydumper-thread: lots\n"
            ),
            &["line 6", "mydumper-thread", "lots", "number"],
        ),
        (
            format!(
                "name: t\ntask-mode: all\nshard-mode: pessimistic\n{target}mysql-instances: [{{source-id: s}}]\n"
            ),
            &["[code=60003", "shard-mode"],
        ),
        (
            format!(
                "name: t\ntask-mode: all\nis-sharding: true\n{target}mysql-instances: [{{source-id: s}}]\n"
            ),
            &["is-sharding"],
        ),
    ];
    for (text, texts) in tasks {
        let file = cluster.write("wrong-task.yaml", text)?;
        for command in ["check-task", "start-task"] {
            let output = cluster.ctl(&[command, &file]).await?;
            failed(&output, &["wrong-task.yaml", "[code="])?;
            says(&output, texts)?;
        }
    }
    must_be_empty(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there() -> Result<()> {
    let cluster = Cluster::start(1, 1).await?;
    let endpoint = Endpoint::local(Port::take()?.number());
    let task = cluster.write("task.yaml", &task_yaml("t", &endpoint, "nobody", ""))?;
    let source = cluster.write("source.yaml", &source_yaml("nobody", false, &endpoint))?;
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["start-task", &task],
            &["[code=20031", "nobody", "operate-source create"],
        ),
        (
            &["check-task", &task],
            &["[code=20031", "nobody", "operate-source create"],
        ),
        (&["stop-task", "ghost"], &["ghost"]),
        (&["pause-task", "ghost"], &["ghost"]),
        (&["resume-task", "ghost"], &["ghost"]),
        (&["query-status", "ghost"], &["ghost"]),
        (
            &["operate-source", "stop", "nobody"],
            &["[code=46008", "nobody"],
        ),
        (
            &["operate-source", "update", &source],
            &["[code=46008", "nobody"],
        ),
        (
            &["operate-source", "show", "nobody"],
            &["[code=46008", "nobody"],
        ),
        (
            &["operate-source", "create", &source, "-w", "worker9"],
            &["[code=460", "worker9"],
        ),
        (
            &["transfer-source", "nobody", "worker1"],
            &["[code=46008", "nobody"],
        ),
        (&["config", "task", "ghost"], &["task not found"]),
        (&["config", "source", "nobody"], &["source not found"]),
    ];
    for (args, texts) in cases {
        let output = cluster.ctl(args).await?;
        refused(&output, texts).with_context(|| args.join(" "))?;
    }
    must_be_empty(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_numbers_that_are_taken() -> Result<()> {
    let mut scene = Scene::open(Plan {
        workers: 1,
        ..Plan::default()
    })
    .await?;
    scene
        .at_source(&[
            "CREATE DATABASE `{db}`",
            "CREATE TABLE `{db}`.t (id INT PRIMARY KEY)",
            "INSERT INTO `{db}`.t VALUES (1)",
        ])
        .await?;
    scene.begin().await?;
    scene.wait_synced().await?;
    let cluster = &scene.cluster;
    let own_id: Vec<u32> = {
        let mut conn = scene.source.conn().await?;
        mysql_async::prelude::Queryable::query(&mut conn, "SELECT @@server_id").await?
    };
    let config = scene.ctl(&["config", "source", SOURCE]).await?.to_string();
    let ours: String = config
        .split_once("server-id: ")
        .context("no server-id")?
        .1
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let source = cluster.write("again.yaml", &scene.source_yaml())?;
    let task = cluster.write("again-task.yaml", &scene.task_yaml())?;
    let numbered = |id: &str, number: &str| {
        let yaml = scene.source_yaml().replace(
            &format!("source-id: {SOURCE}\n"),
            &format!("source-id: {id}\nserver-id: {number}\n"),
        );
        cluster.write(&format!("{id}.yaml"), &yaml)
    };
    let of_server = numbered("two", &own_id.first().context("no id")?.to_string())?;
    let of_source = numbered("three", &ours)?;
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["operate-source", "create", &source],
            &["[code=46007", SOURCE, "already exists"],
        ),
        (&["start-task", &task], &["[code=46014", TASK, SOURCE]),
        (
            &["start-task", &task, "--remove-meta"],
            &["[code=46014", TASK, SOURCE],
        ),
        (
            &["operate-source", "create", &of_server],
            &["[code=60013", "server-id", "in use"],
        ),
        (
            &["operate-source", "create", &of_source],
            &["[code=60013", &ours, "in use"],
        ),
        (
            &["operate-source", "stop", SOURCE],
            &["[code=46010", TASK, "stop-task"],
        ),
        (
            &["transfer-source", SOURCE, "worker9"],
            &["[code=460", "worker9"],
        ),
        (
            &["operate-source", "create", &of_server, &source],
            &["[code=46007"],
        ),
    ];
    for (args, texts) in cases {
        let output = cluster.ctl(args).await?;
        refused(&output, texts).with_context(|| args.join(" "))?;
    }
    let shown = scene.ctl(&["operate-source", "show"]).await?;
    ensure!(
        shown["sources"]
            .as_array()
            .is_some_and(|list| list.len() == 1),
        "{shown}"
    );
    scene
        .at_source(&["INSERT INTO `{db}`.t VALUES (2)"])
        .await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_and_tasks_need_a_worker_that_checks_them() -> Result<()> {
    let (cluster, database) = tokio::try_join!(
        Cluster::start(1, 0),
        Server::start(Role::Source, Kind::Mysql97)
    )?;
    let file = cluster.write("s.yaml", &source_yaml("s", true, database.endpoint()))?;
    let output = cluster.ctl(&["operate-source", "create", &file]).await?;
    refused(&output, &["[code=", "worker"])?;
    must_be_empty(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_sources_all_are_created_or_none() -> Result<()> {
    let (cluster, database) = tokio::try_join!(
        Cluster::start(1, 1),
        Server::start(Role::Source, Kind::Mysql97)
    )?;
    let good = database.endpoint().clone();
    let closed = Endpoint {
        port: Port::take()?.number(),
        ..good.clone()
    };
    let write = |id: &str, endpoint: &Endpoint| {
        cluster.write(&format!("{id}.yaml"), &source_yaml(id, true, endpoint))
    };
    let (first, second, bad) = (
        write("first", &good)?,
        write("second", &good)?,
        write("bad", &closed)?,
    );
    let create = ["operate-source", "create"];
    let with = |files: &[&str]| -> Vec<String> {
        create
            .iter()
            .chain(files)
            .map(|&word| word.to_owned())
            .collect()
    };
    for files in [
        [&first, &second, &bad],
        [&bad, &first, &second],
        [&first, &second, &first],
    ] {
        let args = with(&files.map(String::as_str));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refused(&cluster.ctl(&args).await?, &["[code="])?;
        must_be_empty(&cluster).await?;
    }
    let created = cluster
        .dmctl()
        .ok(&["operate-source", "create", &first, &second])
        .await?;
    ensure!(
        created["sources"].as_array().map(Vec::len) == Some(2),
        "{created}"
    );
    Ok(())
}
