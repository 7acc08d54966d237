use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::time::sleep;

use super::Upstream;
use super::native::pid;
use super::spent::{Meter, Processes, Spent};
use super::upstream::Place;
use crate::lab::{Cluster, Database, Endpoint, Medium, http};

/// The source that every task of a race has.
pub(in crate::bench) const SOURCE: &str = "bench-source";
const TASK: &str = "bench";
const BEGIN_MAX: Duration = Duration::from_secs(30);
const APPLY_MAX: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A master and a worker that apply binlogs.
#[derive(Debug)]
pub(in crate::bench) struct Ours {
    pub(in crate::bench) cluster: Cluster,
    /// Lines of the task's `syncers` entry.
    syncer: String,
}

impl Ours {
    /// Starts them. `lanes`: `worker-count` of the task, else what it is by default.
    pub(in crate::bench) async fn start(lanes: Option<u32>) -> Result<Self> {
        Ok(Self {
            cluster: Cluster::start(1, 1).await?,
            syncer: lanes.map_or_else(String::new, |lanes| format!("worker-count: {lanes}")),
        })
    }

    /// Makes the upstream our source.
    pub(in crate::bench) async fn create_source(&self, upstream: &Upstream) -> Result<()> {
        let yaml = format!(
            "source-id: {SOURCE}\nenable-gtid: true\nfrom: {}\n",
            login(upstream.server.endpoint())
        );
        let file = self.cluster.write("source.yaml", &yaml)?;
        self.cluster
            .dmctl()
            .ok(&["operate-source", "create", &file])
            .await?;
        Ok(())
    }

    /// Starts the incremental task that goes on from where the workload begins.
    pub(in crate::bench) async fn start_task(
        &self,
        upstream: &Upstream,
        target: &Endpoint,
    ) -> Result<()> {
        let Place { file, offset, gtid } = &upstream.from;
        let yaml = format!(
            "name: {TASK}\ntask-mode: incremental\ntarget-database: {}\n\
             mysql-instances:\n  - source-id: {SOURCE}\n    block-allow-list: bench\n    syncer-config-name: bench\n\
             \x20   meta: {{ binlog-name: {file}, binlog-pos: {offset}, binlog-gtid: '{gtid}' }}\n\
             block-allow-list:\n  bench: {{ do-dbs: [bench] }}\nsyncers:\n  bench: {{ {} }}\n",
            login(target),
            self.syncer
        );
        let file = self.cluster.write("task.yaml", &yaml)?;
        self.cluster.dmctl().ok(&["start-task", &file]).await?;
        Ok(())
    }

    /// Ends it; its rows in the target stay.
    pub(in crate::bench) async fn stop_task(&self) -> Result<()> {
        self.cluster.dmctl().ok(&["stop-task", TASK]).await?;
        Ok(())
    }

    /// Applies the workload to a new target and compares.
    pub(in crate::bench) async fn run(
        &mut self,
        upstream: &Upstream,
        medium: Medium,
    ) -> Result<Spent> {
        let target = upstream.target(medium, &[]).await?;
        let spent = self.apply(upstream, &target).await?;
        self.stop_task().await?;
        upstream
            .must_be_equal(&target)
            .await
            .context("after our replication")?;
        Ok(spent)
    }

    async fn apply(&mut self, upstream: &Upstream, target: &Database) -> Result<Spent> {
        let processes = self.processes(upstream, target)?;
        let (started, spent) = tokio::join!(
            self.start_task(upstream, target.endpoint()),
            self.watch(upstream, &processes)
        );
        started?;
        spent
    }

    /// All that take part in a run.
    pub(in crate::bench) fn processes(
        &mut self,
        upstream: &Upstream,
        target: &Database,
    ) -> Result<Processes> {
        let worker = self.cluster.workers.first_mut().context("no worker")?;
        let master = self.cluster.masters.first_mut().context("no master")?;
        Ok(vec![
            ("upstream", pid(&upstream.server)?),
            ("target", pid(target)?),
            ("worker", worker.process()?.pid()),
            ("master", master.process()?.pid()),
        ])
    }

    /// From the moment when the subtask streams until all is applied.
    async fn watch(&self, upstream: &Upstream, processes: &Processes) -> Result<Spent> {
        let ordered = Instant::now();
        while self.subtask().await?["unit"] != "Sync" {
            ensure!(
                ordered.elapsed() < BEGIN_MAX,
                "the subtask does not begin: {}",
                self.subtask().await?
            );
            sleep(LOOK_EVERY).await;
        }
        let meter = Meter::start(processes)?;
        self.wait_applied(upstream).await?;
        meter.stop(upstream.rows)
    }

    /// Waits until the whole workload is applied.
    pub(in crate::bench) async fn wait_applied(&self, upstream: &Upstream) -> Result<()> {
        let (begun, end) = (Instant::now(), upstream.to.to_string());
        loop {
            let subtask = self.subtask().await?;
            if subtask["position"] == end.as_str() {
                return Ok(());
            }
            let errors = subtask["errors"]
                .as_array()
                .is_some_and(|list| !list.is_empty());
            if errors || begun.elapsed() > APPLY_MAX {
                bail!("{end} is not reached: {subtask}");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// What the worker's page says about our subtask; null when it has none.
    pub(in crate::bench) async fn subtask(&self) -> Result<Value> {
        let worker = self.cluster.workers.first().context("no worker")?;
        let (_, body) = http::get(&worker.addr(), "/status.json").await?;
        let json: Value = serde_json::from_str(&body)?;
        Ok(json["sources"][0]["subtasks"][0].clone())
    }
}

/// A YAML flow mapping; JSON strings are YAML strings.
fn login(server: &Endpoint) -> String {
    serde_json::json!({
        "host": server.host, "port": server.port, "user": server.user, "password": server.password
    })
    .to_string()
}
