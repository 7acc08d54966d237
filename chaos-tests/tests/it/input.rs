//! Bad input: each case is a typed error that says where and what to do, and leaves nothing half created.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{
    Binaries, Cluster, Ctl, CtlOutput, Database, Endpoint, Folder, Kind, Port, Process,
};
use serde_json::json;

use crate::plane_scene::{failed, login, refused, says};
use crate::scene::{Plan, SOURCE, Scene, TASK};

const PASSWORD: &str = "Secret-1";

fn source_yaml(id: &str, gtid: bool, from: &Endpoint) -> String {
    format!(
        "source-id: {id}\nenable-gtid: {gtid}\nfrom:\n{}",
        login(from)
    )
}

fn task_yaml(name: &str, target: &Endpoint, source: &str, more: &str) -> String {
    format!(
        "name: {name}\ntask-mode: all\ntarget-database:\n{}\
         mysql-instances:\n  - source-id: {source}\n    block-allow-list: ours\n{more}\
         block-allow-list:\n  ours:\n    do-dbs: [d]\n",
        login(target)
    )
}

/// There is neither a source nor a task.
async fn must_be_empty(cluster: &Cluster) -> Result<()> {
    let shown = cluster.dmctl().ok(&["operate-source", "show"]).await?;
    ensure!(shown["sources"] == json!([]), "{shown}");
    no_tasks(cluster).await
}

async fn no_tasks(cluster: &Cluster) -> Result<()> {
    let status = cluster.dmctl().ok(&["query-status"]).await?;
    ensure!(status["tasks"] == json!([]), "{status}");
    Ok(())
}

async fn no_meta(target: &Database) -> Result<()> {
    let mut conn = target.conn().await?;
    let found: Vec<String> = mysql_async::prelude::Queryable::query(
        &mut conn,
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ('dm_meta', 'd')",
    )
    .await?;
    ensure!(found.is_empty(), "created at the target: {found:?}");
    Ok(conn.disconnect().await?)
}

/// check-task and start-task both refuse, and nothing is created.
async fn task_refused(
    cluster: &Cluster,
    target: &Database,
    yaml: &str,
    texts: &[&str],
) -> Result<()> {
    let file = cluster.write("refused.yaml", yaml)?;
    for command in ["check-task", "start-task"] {
        let output = cluster.ctl(&[command, &file]).await?;
        refused(&output, texts).with_context(|| command.to_owned())?;
    }
    no_tasks(cluster).await?;
    no_meta(target).await
}

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
async fn command_lines_and_exit_codes() -> Result<()> {
    let cluster = Cluster::start(1, 0).await?;
    let cases: &[(&[&str], i32, &[&str])] = &[
        (
            &["sql-skip"],
            1,
            &["unknown command \"sql-skip\" for \"dmctl\"", "dmctl --help"],
        ),
        (
            &["query-status", "--wat"],
            1,
            &["--wat", "please check output to see error"],
        ),
        (&["start-task"], 1, &["please check output to see error"]),
        (
            &["start-task", "/nowhere/task.yaml"],
            1,
            &["/nowhere/task.yaml"],
        ),
        (
            &["operate-source", "drop"],
            1,
            &["drop", "please check output"],
        ),
        (&["operate-source", "create"], 1, &["configuration file"]),
        (
            &["query-status", "--rpc-timeout", "0s"],
            1,
            &["positive duration"],
        ),
        (&["encrypt"], 0, &["encrypt"]),
        (&["config"], 0, &["config"]),
        (&["-V"], 0, &["Release Version"]),
        (&["--help"], 0, &["Usage"]),
        (&[], 0, &["Usage"]),
    ];
    for (args, code, texts) in cases {
        let output = cluster.ctl(args).await?;
        ensure!(output.code == *code, "dmctl {args:?}: {output}");
        says(&output, texts)?;
    }
    let nobody = Ctl::new(format!("127.0.0.1:{}", Port::take()?.number()));
    failed(
        &nobody.run(&["query-status"]).await?,
        &["can't connect to a master", "127.0.0.1"],
    )?;
    failed(
        &Ctl::new("no-port").run(&["query-status"]).await?,
        &["no-port", "host:port"],
    )?;
    failed(
        &Ctl::new("").run(&["query-status"]).await?,
        &["master-addr"],
    )
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
async fn databases_that_do_not_let_us_in() -> Result<()> {
    let (cluster, database) =
        tokio::try_join!(Cluster::start(1, 1), Database::start(Kind::Mysql97))?;
    let good = database.endpoint().clone();
    let closed = Endpoint {
        port: Port::take()?.number(),
        ..good.clone()
    };
    database
        .exec(&[
            "CREATE USER known IDENTIFIED BY 'another'",
            "GRANT ALL ON *.* TO known",
        ])
        .await?;
    let wrong = |user: &str| Endpoint {
        user: user.to_owned(),
        password: PASSWORD.to_owned(),
        ..good.clone()
    };
    let known = wrong("known");
    // A server hides that a user does not exist, and how it does so differs by name.
    let unknown = ["nobody", "none", "stranger", "x1", "x2"].map(wrong);
    let mut cases = vec![
        (&closed, vec![closed.addr(), "refused".to_owned()]),
        (
            &known,
            vec![known.addr(), "'known'".to_owned(), "denied".to_owned()],
        ),
    ];
    for login in &unknown {
        cases.push((
            login,
            vec![
                login.addr(),
                format!("'{}'", login.user),
                "denied".to_owned(),
            ],
        ));
    }
    for (login, texts) in &cases {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let file = cluster.write("source.yaml", &source_yaml("s", true, login))?;
        let output = cluster.ctl(&["operate-source", "create", &file]).await?;
        refused(&output, &texts)?;
        says(&output, &["[code="])?;
        ensure!(!output.to_string().contains(PASSWORD), "{output}");
    }
    must_be_empty(&cluster).await?;

    // The same for the target of a task.
    let file = cluster.write("source.yaml", &source_yaml("s", true, &good))?;
    cluster
        .dmctl()
        .ok(&["operate-source", "create", &file])
        .await?;
    for (login, texts) in [
        (&closed, vec!["[code=26", "refused", "127.0.0.1"]),
        (&known, vec!["[code=26", "'known'", "denied"]),
    ] {
        let yaml = task_yaml("t", login, "s", "");
        task_refused(&cluster, &database, &yaml, &texts).await?;
        ensure!(
            !cluster
                .ctl(&["query-status", "t"])
                .await?
                .to_string()
                .contains(PASSWORD)
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_privileges_name_the_grant() -> Result<()> {
    let (cluster, source, target) = tokio::try_join!(
        Cluster::start(1, 1),
        Database::start(Kind::Mysql97),
        Database::start(Kind::Mysql97)
    )?;
    source
        .exec(&[
            "CREATE DATABASE d",
            "CREATE TABLE d.t (id INT PRIMARY KEY)",
            "CREATE USER mute IDENTIFIED BY 'Secret-1'",
            "GRANT SELECT, LOCK TABLES, REPLICATION CLIENT ON *.* TO mute",
            "CREATE USER unlocked IDENTIFIED BY 'Secret-1'",
            "GRANT SELECT, REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO unlocked",
            "CREATE USER able IDENTIFIED BY 'Secret-1'",
            "GRANT SELECT, LOCK TABLES, REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO able",
        ])
        .await?;
    target
        .exec(&[
            "CREATE USER reader IDENTIFIED BY 'Secret-1'",
            "GRANT CREATE, SELECT, UPDATE, DELETE, ALTER, DROP, INDEX ON *.* TO reader",
        ])
        .await?;
    let login = |user: &str, at: &Database| Endpoint {
        user: user.to_owned(),
        password: PASSWORD.to_owned(),
        ..at.endpoint().clone()
    };
    for user in ["mute", "unlocked", "able"] {
        let file = cluster.write(
            "source.yaml",
            &source_yaml(user, true, &login(user, &source)),
        )?;
        cluster
            .dmctl()
            .ok(&["operate-source", "create", &file])
            .await?;
    }
    let root = target.endpoint();
    let reader = login("reader", &target);
    let source_at = source.endpoint().addr();
    let target_at = target.endpoint().addr();
    let cases = [
        (
            task_yaml("t", root, "mute", ""),
            vec!["GRANT REPLICATION SLAVE ON *.* TO 'mute'@'%'", &source_at],
        ),
        (
            task_yaml("t", root, "unlocked", ""),
            vec!["GRANT LOCK TABLES ON `d`.* TO 'unlocked'@'%'", &source_at],
        ),
        (
            task_yaml("t", &reader, "able", ""),
            vec!["GRANT INSERT ON `d`.* TO 'reader'@'%'", &target_at],
        ),
    ];
    for (yaml, texts) in &cases {
        task_refused(&cluster, &target, yaml, texts).await?;
        task_refused(&cluster, &target, yaml, &["[code=26005"]).await?;
    }
    Ok(())
}

async fn binlog_refused(args: &[&str], texts: &[&str]) -> Result<()> {
    let mut builder = Database::builder(Kind::Mysql97).gtid(false);
    for arg in args {
        builder = builder.arg(*arg);
    }
    let (cluster, source, target) = tokio::try_join!(
        Cluster::start(1, 1),
        builder.start(),
        Database::start(Kind::Mysql97)
    )?;
    source
        .exec(&["CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)"])
        .await?;
    let file = cluster.write("source.yaml", &source_yaml("s", false, source.endpoint()))?;
    cluster
        .dmctl()
        .ok(&["operate-source", "create", &file])
        .await?;
    let yaml = task_yaml("t", target.endpoint(), "s", "");
    task_refused(&cluster, &target, &yaml, texts).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_binlog() -> Result<()> {
    binlog_refused(&["--skip-log-bin"], &["log_bin is OFF", "should be ON"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_logs_statements() -> Result<()> {
    binlog_refused(
        &["--binlog-format=STATEMENT"],
        &[
            "binlog_format is STATEMENT",
            "SET GLOBAL binlog_format = 'ROW'",
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_would_be_merged() -> Result<()> {
    let (cluster, source, target) = tokio::try_join!(
        Cluster::start(1, 1),
        Database::start(Kind::Mysql97),
        Database::start(Kind::Mysql97)
    )?;
    source
        .exec(&[
            "CREATE DATABASE d",
            "CREATE TABLE d.t1 (id INT PRIMARY KEY)",
            "CREATE TABLE d.t2 (id INT PRIMARY KEY)",
        ])
        .await?;
    let file = cluster.write("source.yaml", &source_yaml("s", true, source.endpoint()))?;
    cluster
        .dmctl()
        .ok(&["operate-source", "create", &file])
        .await?;
    let yaml = task_yaml("t", target.endpoint(), "s", "    route-rules: [all]\n")
        + "routes:\n  all: {schema-pattern: d, table-pattern: 't*', target-schema: d, target-table: t}\n";
    task_refused(
        &cluster,
        &target,
        &yaml,
        &["60009", "`d`.`t1`", "`d`.`t2`", "`d`.`t`"],
    )
    .await
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
    let (cluster, database) =
        tokio::try_join!(Cluster::start(1, 0), Database::start(Kind::Mysql97))?;
    let file = cluster.write("s.yaml", &source_yaml("s", true, database.endpoint()))?;
    let output = cluster.ctl(&["operate-source", "create", &file]).await?;
    refused(&output, &["[code=", "worker"])?;
    must_be_empty(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_sources_all_are_created_or_none() -> Result<()> {
    let (cluster, database) =
        tokio::try_join!(Cluster::start(1, 1), Database::start(Kind::Mysql97))?;
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

#[tokio::test(flavor = "multi_thread")]
async fn programs_refuse_wrong_settings() -> Result<()> {
    let folder = Folder::new("settings")?;
    let file = |name: &str, text: &str| -> Result<String> {
        Ok(folder.write(name, text)?.display().to_string())
    };
    let unknown_key = file(
        "unknown.toml",
        "name = \"x\"\nmaster-adr = \"127.0.0.1:1\"\n",
    )?;
    let no_toml = file("no.toml", "name = \n")?;
    let busy = std::net::TcpListener::bind("127.0.0.1:0")?;
    let busy = busy.local_addr()?.to_string();
    let cases: &[(&str, Vec<&str>, &[&str])] = &[
        ("dm-master", vec!["--wat"], &["[code=", "--wat"]),
        ("dm-worker", vec!["--wat"], &["[code=", "--wat"]),
        (
            "dm-master",
            vec!["--config", &unknown_key],
            &["[code=", "unknown.toml", "master-adr"],
        ),
        (
            "dm-worker",
            vec!["--config", &unknown_key],
            &["[code=", "unknown.toml", "master-adr"],
        ),
        (
            "dm-master",
            vec!["--config", &no_toml],
            &["[code=", "no.toml", "line 1"],
        ),
        (
            "dm-worker",
            vec!["--config", &no_toml],
            &["[code=", "no.toml", "line 1"],
        ),
        (
            "dm-master",
            vec!["--config", "/nowhere.toml"],
            &["/nowhere.toml"],
        ),
        (
            "dm-worker",
            vec!["--config", "/nowhere.toml"],
            &["/nowhere.toml"],
        ),
        ("dm-worker", vec![], &["[code=", "join"]),
        ("dm-worker", vec!["--join", "nohost"], &["[code=", "nohost"]),
        (
            "dm-master",
            vec!["--initial-cluster", "a"],
            &["[code=", "initial-cluster"],
        ),
        (
            "dm-master",
            vec!["--name", "a", "--initial-cluster", "b=http://127.0.0.1:1"],
            &["[code=", "initial-cluster"],
        ),
        (
            "dm-master",
            vec!["--lease-ttl", "soon"],
            &["[code=", "lease-ttl", "soon"],
        ),
        (
            "dm-master",
            vec!["--master-addr", &busy],
            &["[code=", &busy],
        ),
        (
            "dm-worker",
            vec!["--join", "127.0.0.1:1", "--worker-addr", &busy],
            &["[code=", &busy],
        ),
        (
            "dm-master",
            vec!["--secret-key-path", &no_toml],
            &["[code=", "secret-key-path"],
        ),
        ("dm-master", vec!["--ssl-ca", "x"], &["[code=", "ssl-ca"]),
        (
            "dm-worker",
            vec!["--join", "127.0.0.1:1", "--ssl-ca", "x"],
            &["[code=", "ssl-ca"],
        ),
    ];
    for (program, args, texts) in cases {
        let mut command = std::process::Command::new(Binaries::find()?.path(program)?);
        command.args(args).current_dir(folder.path());
        let log = folder.path().join("log");
        let mut process = Process::start(program, command, &log)?;
        let status = process.wait_exit(Duration::from_secs(10)).await?;
        let output = CtlOutput {
            code: status.code().unwrap_or(-1),
            stdout: String::new(),
            stderr: process.log_tail(),
        };
        std::fs::remove_file(&log)?;
        ensure!(output.code == 2, "{program} {args:?}: {output}");
        says(&output, texts).with_context(|| format!("{program} {args:?}"))?;
    }
    Ok(())
}
