use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::time::sleep;

use super::Tables;
use super::dumper::pid;
use super::tables::SCHEMA;
use crate::bench::race::{Meter, Spent};
use crate::lab::{Cluster, Database, Endpoint, http};

const SOURCE: &str = "bench-source";
const TASK: &str = "bench";
const COPY_MAX: Duration = Duration::from_secs(900);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A master and a worker that copy tables.
#[derive(Debug)]
pub(in crate::bench) struct Ours {
    pub(in crate::bench) cluster: Cluster,
    /// Readers and writers of a task.
    threads: u32,
}

impl Ours {
    /// Starts them with the tables' server as source.
    pub(in crate::bench) async fn start(tables: &Tables, threads: u32) -> Result<Self> {
        let cluster = Cluster::start(1, 1).await?;
        let yaml = format!(
            "source-id: {SOURCE}\nenable-gtid: true\nfrom: {}\n",
            login(tables.server.endpoint())
        );
        let file = cluster.write("source.yaml", &yaml)?;
        cluster
            .dmctl()
            .ok(&["operate-source", "create", &file])
            .await?;
        Ok(Self { cluster, threads })
    }

    /// Copies everything into a new target and compares.
    pub(in crate::bench) async fn run(&mut self, tables: &Tables) -> Result<Spent> {
        let target = tables.target().await?;
        let spent = self.copy(tables, &target).await?;
        tables
            .must_be_equal(&target)
            .await
            .context("after our copy")?;
        Ok(spent)
    }

    /// Copies everything into this target.
    pub(in crate::bench) async fn copy(
        &mut self,
        tables: &Tables,
        target: &Database,
    ) -> Result<Spent> {
        let worker = self.cluster.workers.first_mut().context("no worker")?;
        let master = self.cluster.masters.first_mut().context("no master")?;
        let (addr, processes) = (
            worker.addr(),
            vec![
                ("upstream", pid(&tables.server)?),
                ("target", pid(target)?),
                ("worker", worker.process()?.pid()),
                ("master", master.process()?.pid()),
            ],
        );
        let threads = self.threads;
        let yaml = format!(
            "name: {TASK}\ntask-mode: full\ntarget-database: {}\n\
             mysql-instances:\n  - source-id: {SOURCE}\n    block-allow-list: bench\n\
             \x20   mydumper-config-name: bench\n    loader-config-name: bench\n\
             block-allow-list:\n  bench: {{ do-dbs: [{SCHEMA}] }}\n\
             mydumpers:\n  bench: {{ threads: {threads} }}\nloaders:\n  bench: {{ pool-size: {threads} }}\n",
            login(target.endpoint())
        );
        let file = self.cluster.write("task.yaml", &yaml)?;
        let (meter, start) = (Meter::start(&processes)?, Instant::now());
        self.cluster.dmctl().ok(&["start-task", &file]).await?;
        loop {
            let (_, body) = http::get(&addr, "/status.json").await?;
            let json: Value = serde_json::from_str(&body)?;
            let subtask = &json["sources"][0]["subtasks"][0];
            if subtask["stage"] == "Finished" {
                break;
            }
            let errors = subtask["errors"]
                .as_array()
                .is_some_and(|list| !list.is_empty());
            ensure!(
                !errors && start.elapsed() < COPY_MAX,
                "the copy does not end: {subtask}"
            );
            sleep(LOOK_EVERY).await;
        }
        let spent = meter.stop(tables.rows)?;
        self.cluster.dmctl().ok(&["stop-task", TASK]).await?;
        Ok(spent)
    }
}

/// A YAML flow mapping; JSON strings are YAML strings.
fn login(server: &Endpoint) -> String {
    serde_json::json!({
        "host": server.host, "port": server.port, "user": server.user, "password": server.password
    })
    .to_string()
}
