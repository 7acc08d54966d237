//! Databases that can't be used as they are: each refusal names the server and what to do.
//!
//! Makes accounts and needs servers with wrong settings, so it starts its servers itself even when others are given.

use anyhow::{Result, ensure};
use chaos_tests::lab::{Cluster, Database, Endpoint, Kind, Port};

use crate::plane_scene::{refused, says};
use crate::refusal::{must_be_empty, source_yaml, task_refused, task_yaml};

const PASSWORD: &str = "Secret-1";

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
