//! What dmctl prints, against DM's documented answers, and the programs' pages.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chaos_tests::lab::{Folder, eventually_within, http};
use serde_json::{Value, json};

use crate::plane_scene::says;
use crate::scene::{Plan, SOURCE, Scene, TASK};

/// The same keys, and values of the same type; an example's first element stands for all of a list's, an empty list
/// and `null` for anything.
fn shaped(example: &Value, found: &Value, at: &str) -> Result<()> {
    match (example, found) {
        (Value::Null, _) => {}
        (Value::Object(example), Value::Object(found)) => {
            let keys =
                |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            ensure!(
                keys(example) == keys(found),
                "{at}: keys are {:?}, not {:?}",
                keys(found),
                keys(example)
            );
            for (key, value) in example {
                shaped(value, &found[key], &format!("{at}.{key}"))?;
            }
        }
        (Value::Array(example), Value::Array(found)) => {
            if let Some(example) = example.first() {
                ensure!(!found.is_empty(), "{at} is empty");
                for (place, value) in found.iter().enumerate() {
                    shaped(example, value, &format!("{at}[{place}]"))?;
                }
            }
        }
        (Value::String(example), Value::String(found)) => {
            let number = |text: &str| text.parse::<u64>().is_ok();
            ensure!(
                !number(example) || number(found),
                "{at} is {found:?}, no number"
            );
        }
        (Value::Bool(_), Value::Bool(_)) | (Value::Number(_), Value::Number(_)) => {}
        _ => bail!("{at}: {found} has another type than {example}"),
    }
    Ok(())
}

fn worker_answer() -> Value {
    json!([{"result": true, "msg": "", "source": "s1", "worker": "worker1"}])
}

fn full_status() -> Value {
    json!({"result": true, "msg": "", "sources": [{
        "result": true,
        "msg": "",
        "sourceStatus": {"source": "s1", "worker": "worker1", "result": null, "relayStatus": null},
        "subTaskStatus": [{
            "name": "t1",
            "stage": "Running",
            "unit": "Sync",
            "result": null,
            "unresolvedDDLLockID": "",
            "sync": {
                "totalEvents": "1", "totalTps": "1", "recentTps": "1",
                "masterBinlog": "(binlog.000001, 4)", "masterBinlogGtid": "x",
                "syncerBinlog": "(binlog.000001, 4)", "syncerBinlogGtid": "x",
                "blockingDDLs": [], "unresolvedGroups": [],
                "synced": true, "binlogType": "remote", "secondsBehindMaster": "0",
                "blockDDLOwner": "", "conflictMsg": "",
                "totalRows": "1", "totalRps": "1", "recentRps": "1",
                "ioTotalBytes": "0", "dumpIOTotalBytes": "0"
            },
            "validation": null
        }]
    }]})
}

async fn scene() -> Result<Scene> {
    let mut scene = Scene::open(Plan {
        workers: 1,
        ..Plan::default()
    })
    .await?;
    scene
        .at_source(&[
            "CREATE DATABASE `{db}`",
            "CREATE TABLE `{db}`.t (id INT PRIMARY KEY)",
            "INSERT INTO `{db}`.t VALUES (1), (2)",
        ])
        .await?;
    scene.begin().await?;
    scene.wait_synced().await?;
    Ok(scene)
}

/// DM's order of keys is that of its messages; scripts that cut with grep and sed lean on it.
fn in_order(text: &str, keys: &[&str]) -> Result<()> {
    let mut from = 0;
    for key in keys {
        let quoted = format!("\"{key}\":");
        let place = text.get(from..).and_then(|rest| rest.find(&quoted));
        from += place.with_context(|| format!("{key} does not follow in {text}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_the_documented_shape() -> Result<()> {
    let scene = scene().await?;
    let source = scene.cluster.write("source.yaml", &scene.source_yaml())?;
    let task = scene.cluster.write("task.yaml", &scene.task_yaml())?;
    let summary = json!({"result": true, "msg": "", "tasks": [
        {"taskName": "t1", "taskStatus": "Running", "sources": ["s1"]}]});
    let cfg = json!({"result": true, "msg": "", "cfg": "text"});
    let members = json!({"result": true, "msg": "", "members": [null]});
    let operated = json!({"op": "Pause", "result": true, "msg": "", "sources": worker_answer()});
    let cases: &[(&[&str], Value)] = &[
        (&["query-status"], summary),
        (&["query-status", TASK], full_status()),
        (&["query-status", "-s", SOURCE], full_status()),
        (&["query-status", "--more"], full_status()),
        (&["query-status", &task], full_status()),
        (
            &["operate-source", "show"],
            json!({"result": true, "msg": "", "sources": worker_answer()}),
        ),
        (
            &["operate-source", "show", &source],
            json!({"result": true, "msg": "", "sources": worker_answer()}),
        ),
        (&["config", "task", TASK], cfg.clone()),
        (&["get-config", "source", SOURCE], cfg.clone()),
        (&["get-task-config", TASK], cfg),
        (&["list-member"], members),
        (
            &["transfer-source", SOURCE, "worker1"],
            json!({"result": true, "msg": ""}),
        ),
        (&["check-task", &task], json!({"result": true, "msg": ""})),
        (&["pause-task", TASK], operated.clone()),
        (&["resume-task", TASK], operated.clone()),
        (
            &["pause-task", "-s", SOURCE],
            json!({"result": true, "msg": "", "tasks": [{
            "task": "t1", "op": "Pause", "result": true, "msg": "",
            "sources": [{"result": true, "source": "s1", "worker": "worker1"}]}]}),
        ),
        (&["resume-task", TASK], operated.clone()),
        (&["stop-task", TASK], operated),
    ];
    for (args, example) in cases {
        // The order below is the text's; a value has its keys sorted.
        let output = scene.cluster.ctl(args).await?;
        ensure!(output.code == 0, "{args:?}: {output}");
        shaped(example, &output.json()?, "$").with_context(|| format!("{args:?}: {output}"))?;
        ensure!(
            output.stdout.starts_with("{\n    \""),
            "not indented by four: {output}"
        );
        if args.first() == Some(&"pause-task") && args.len() == 2 {
            in_order(&output.stdout, &["op", "result", "msg", "sources"])?;
        }
        if *args == ["query-status", TASK] {
            let keys = [
                "result",
                "msg",
                "sources",
                "sourceStatus",
                "subTaskStatus",
                "name",
                "stage",
                "unit",
                "result",
                "unresolvedDDLLockID",
                "sync",
                "totalEvents",
                "masterBinlog",
                "syncerBinlog",
                "synced",
                "secondsBehindMaster",
                "totalRows",
                "dumpIOTotalBytes",
                "validation",
            ];
            in_order(&output.stdout, &keys)?;
        }
    }
    let started = scene.ctl(&["start-task", &task]).await?;
    let example =
        json!({"result": true, "msg": "", "sources": worker_answer(), "checkResult": "x"});
    shaped(&example, &started, "$").with_context(|| started.to_string())?;
    list_member(&scene).await
}

async fn list_member(scene: &Scene) -> Result<()> {
    let all = scene.ctl(&["list-member"]).await?;
    let leader = json!({"leader": {"msg": "", "name": "master1", "addr": "a:1"}});
    let masters = json!({"master": {"msg": "", "masters": [
        {"name": "master1", "memberID": "1", "alive": true, "peerURLs": ["u"], "clientURLs": ["u"]}]}});
    let workers = json!({"worker": {"msg": "", "workers": [
        {"name": "worker1", "addr": "a:1", "stage": "bound", "source": "s1"}]}});
    let kinds = [
        ("--leader", leader),
        ("--master", masters),
        ("--worker", workers),
    ];
    for (place, (flag, example)) in kinds.iter().enumerate() {
        shaped(example, &all["members"][place], flag)?;
        let one = scene.ctl(&["list-member", flag]).await?;
        ensure!(one["members"].as_array().map(Vec::len) == Some(1), "{one}");
        shaped(example, &one["members"][0], flag)?;
    }
    let worker = &all["members"][2]["worker"]["workers"][0];
    ensure!(
        worker["stage"] == "bound" && worker["source"] == SOURCE,
        "{all}"
    );
    let none = scene
        .ctl(&["list-member", "--worker", "--name", "nobody"])
        .await?;
    ensure!(
        none["members"][0]["worker"]["workers"] == json!([]),
        "{none}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_watch_are_for_people() -> Result<()> {
    let scene = scene().await?;
    let cases: &[(&[&str], &[&str])] = &[
        (&["query-status"], &["Task", "Status", TASK, "Running"]),
        (
            &["query-status", TASK],
            &["Worker", "Lag", TASK, SOURCE, "worker1", "Running", "Sync"],
        ),
        (
            &["list-member"],
            &["Leader: master1", "worker1", "bound", SOURCE],
        ),
        (&["operate-source", "show"], &["done", SOURCE, "worker1"]),
        (
            &["config", "task", TASK],
            &["name: t1", "block-allow-list:"],
        ),
        (&["pause-task", TASK], &["done", SOURCE]),
        (&["query-status", TASK], &["Paused"]),
        (&["resume-task", TASK], &["done", SOURCE]),
        (&["stop-task", "ghost"], &["FAILED", "ghost"]),
    ];
    for (args, texts) in cases {
        let mut with = args.to_vec();
        with.extend(["-o", "table"]);
        let output = scene.cluster.ctl(&with).await?;
        ensure!(output.code == 0, "{output}");
        ensure!(!output.stdout.contains("\"result\""), "JSON: {output}");
        says(&output, texts)?;
    }
    let folder = Folder::new("watch")?;
    let log = folder.path().join("watch.log");
    let args = ["query-status", "--watch", "200ms", TASK];
    let mut process = scene.cluster.dmctl().start(&args, &log)?;
    eventually_within(Duration::from_secs(10), "five ticks are shown", || async {
        let text = std::fs::read_to_string(&log)?;
        let lines = text
            .lines()
            .filter(|line| line.contains(TASK) && line.contains(SOURCE) && line.contains("Sync"));
        Ok((lines.count() >= 5).then_some(()))
    })
    .await
    .with_context(|| process.log_tail())?;
    process.signal(nix::sys::signal::Signal::SIGTERM)?;
    let status = process.wait_exit(Duration::from_secs(5)).await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

/// `name{labels} value` lines, each after a `# TYPE` of its family.
fn metrics(text: &str) -> Result<Vec<(String, f64)>> {
    let mut types = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').context("TYPE without a kind")?;
            ensure!(
                ["counter", "gauge", "histogram", "summary"].contains(&kind),
                "{line}"
            );
            types.insert(name.to_owned());
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
            let name = series.split('{').next().unwrap_or_default();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| {
                    name.strip_suffix(end)
                        .filter(|family| types.contains(*family))
                })
                .unwrap_or(name);
            ensure!(types.contains(family), "no TYPE before {line}");
            ensure!(!series.contains('{') || series.ends_with('}'), "{line}");
            found.push((
                series.to_owned(),
                value.parse().with_context(|| line.to_owned())?,
            ));
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_both_programs_parse() -> Result<()> {
    let scene = scene().await?;
    let master = scene.cluster.masters.first().context("no master")?.addr();
    let worker = scene.cluster.workers.first().context("no worker")?.addr();
    for addr in [&master, &worker] {
        let (code, status) = http::get(addr, "/status").await?;
        ensure!(
            code == 200 && status.starts_with("Release Version: "),
            "{status}"
        );
        ensure!(status.lines().all(|line| line.contains(": ")), "{status}");
        let (code, health) = http::get(addr, "/health").await?;
        let health: Value = serde_json::from_str(&health)?;
        ensure!(code == 200 && health["health"] == "true", "{health}");
    }
    let (code, page) = http::get(&master, "/metrics").await?;
    let of_master = metrics(&page)?;
    let value = |all: &[(String, f64)], series: &str| {
        all.iter()
            .find(|(name, _)| name == series)
            .map(|(_, value)| *value)
            .with_context(|| format!("{series} is not in {all:?}"))
    };
    ensure!(code == 200 && value(&of_master, "dm_master_start_leader_counter")? >= 1.0);
    ensure!(value(&of_master, "dm_master_worker_state{worker=\"worker1\"}")? == 2.0);
    let (code, page) = http::get(&worker, "/metrics").await?;
    let of_worker = metrics(&page)?;
    ensure!(code == 200 && value(&of_worker, "process_resident_memory_bytes")? > 1e6);
    let state = of_worker.iter().find(|(name, _)| {
        name.starts_with("dm_worker_task_state{") && name.contains("task=\"t1\"")
    });
    ensure!(state.is_some(), "{of_worker:?}");
    let (code, status) = http::get(&worker, "/status.json").await?;
    let status: Value = serde_json::from_str(&status)?;
    ensure!(
        code == 200 && status["sources"][0]["subtasks"][0]["task"] == TASK,
        "{status}"
    );
    Ok(())
}
