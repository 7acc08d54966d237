//! Files of a small migration that is refused, and proof that nothing of it was created.

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Cluster, Database, Endpoint};
use serde_json::json;

use crate::plane_scene::{login, refused};

pub(crate) fn source_yaml(id: &str, gtid: bool, from: &Endpoint) -> String {
    format!(
        "source-id: {id}\nenable-gtid: {gtid}\nfrom:\n{}",
        login(from)
    )
}

pub(crate) fn task_yaml(name: &str, target: &Endpoint, source: &str, more: &str) -> String {
    format!(
        "name: {name}\ntask-mode: all\ntarget-database:\n{}\
         mysql-instances:\n  - source-id: {source}\n    block-allow-list: ours\n{more}\
         block-allow-list:\n  ours:\n    do-dbs: [d]\n",
        login(target)
    )
}

/// There is neither a source nor a task.
pub(crate) async fn must_be_empty(cluster: &Cluster) -> Result<()> {
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
pub(crate) async fn task_refused(
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
