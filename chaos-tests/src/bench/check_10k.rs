//! `check-task` over 10,000 tables on local servers.

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use serde_json::Value;
use tokio::time::Instant;

use super::{Measured, Options};
use crate::lab::{Cluster, Endpoint, Kind, Role, Server};

const TABLES: u64 = 10_000;
const SCHEMAS: u64 = 10;

/// The figure is the time of the whole command.
pub(super) async fn measure(options: &Options) -> Result<Measured> {
    let tables = options.rows.unwrap_or(TABLES);
    let (cluster, source, target) = tokio::try_join!(
        Cluster::start(1, 1),
        Server::start(Role::Source, Kind::Mysql97),
        Server::start(Role::Target, Kind::Mysql97)
    )?;
    let begun = Instant::now();
    let mut conn = source.conn().await?;
    for schema in 0..SCHEMAS {
        conn.query_drop(format!("CREATE DATABASE many_{schema}"))
            .await?;
    }
    for table in 0..tables {
        conn.query_drop(format!(
            "CREATE TABLE many_{}.t_{table} (id INT PRIMARY KEY, name VARCHAR(40))",
            table % SCHEMAS
        ))
        .await?;
    }
    conn.disconnect().await?;
    println!("{tables} tables made in {:?}", begun.elapsed());
    let yaml = format!(
        "source-id: s1\nenable-gtid: true\nfrom:\n{}",
        login(source.endpoint())
    );
    let file = cluster.write("source.yaml", &yaml)?;
    cluster
        .dmctl()
        .ok(&["operate-source", "create", &file])
        .await?;
    let yaml = format!(
        "name: many\ntask-mode: all\ntarget-database:\n{}mysql-instances: [{{source-id: s1, block-allow-list: b, route-rules: [r]}}]\n\
         block-allow-list: {{b: {{do-dbs: ['many_*']}}}}\n\
         routes: {{r: {{schema-pattern: 'many_*', target-schema: many}}}}\n",
        login(target.endpoint())
    );
    let file = cluster.write("task.yaml", &yaml)?;
    let mut values = Vec::new();
    for run in 1..=options.pairs(5) {
        let begun = Instant::now();
        let answer: Value = cluster.dmctl().ok(&["check-task", &file]).await?;
        let seconds = begun.elapsed().as_secs_f64();
        let text = answer["msg"].as_str().context("no message")?;
        println!("run {run}: {seconds:.2} s, {} bytes of report", text.len());
        values.push(seconds);
    }
    Ok(Measured {
        name: "check-10k",
        unit: "s",
        values,
    })
}

/// JSON strings are YAML strings.
fn login(server: &Endpoint) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    format!(
        "  host: {}\n  port: {}\n  user: {}\n  password: {}\n",
        quoted(&server.host),
        server.port,
        quoted(&server.user),
        quoted(&server.password)
    )
}
