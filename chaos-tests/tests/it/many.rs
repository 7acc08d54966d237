//! Many sources on few workers: spread evenly, named together, moved together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::{Cluster, Kind, Role, Server, eventually_within};
use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::plane_scene::login;

const SOURCES: [&str; 4] = ["s1", "s2", "s3", "s4"];
/// The default TTL of leases, and what the issue allows beyond.
const TAKE_OVER_MAX: Duration = Duration::from_secs(5 + 2);

struct Many {
    cluster: Cluster,
    source: Server,
    target: Server,
}

impl Many {
    /// Four sources at one server, each with a database of its own, and one task over all of them.
    async fn start() -> Result<Self> {
        let (cluster, source, target) = tokio::try_join!(
            Cluster::start(1, 2),
            Server::start(Role::Source, Kind::Mysql97),
            Server::start(Role::Target, Kind::Mysql97)
        )?;
        let many = Self {
            cluster,
            source,
            target,
        };
        for id in SOURCES {
            let db = many.db(id);
            many.at_source(&[
                format!("CREATE DATABASE `{db}`"),
                format!("CREATE TABLE `{db}`.t (id INT PRIMARY KEY)"),
                format!("INSERT INTO `{db}`.t VALUES (0)"),
            ])
            .await?;
            let yaml = format!(
                "source-id: {id}\nenable-gtid: true\nfrom:\n{}",
                login(many.source.endpoint())
            );
            let file = many.cluster.write(&format!("{id}.yaml"), &yaml)?;
            many.cluster
                .dmctl()
                .ok(&["operate-source", "create", &file])
                .await?;
        }
        let file = many.cluster.write("task.yaml", &many.task_yaml())?;
        many.cluster.dmctl().ok(&["start-task", &file]).await?;
        Ok(many)
    }

    /// Given servers are cleaned up by prefix.
    fn db(&self, id: &str) -> String {
        let given = if self.target.database().is_none() {
            &self.target
        } else {
            &self.source
        };
        given.name(&format!("d_{id}"))
    }

    fn task_yaml(&self) -> String {
        let instances: String = SOURCES
            .iter()
            .map(|id| format!("  - {{source-id: {id}, block-allow-list: {id}}}\n"))
            .collect();
        let lists: String = SOURCES
            .iter()
            .map(|id| format!("  {id}: {{do-dbs: [{:?}]}}\n", self.db(id)))
            .collect();
        format!(
            "name: t\ntask-mode: all\nmeta-schema: {}\ntarget-database:\n{}mysql-instances:\n{instances}block-allow-list:\n{lists}",
            self.db("meta"),
            login(self.target.endpoint())
        )
    }

    async fn at_source(&self, statements: &[String]) -> Result<()> {
        let mut conn = self.source.conn().await?;
        for statement in statements {
            conn.query_drop(statement).await?;
        }
        Ok(conn.disconnect().await?)
    }

    /// Waits until this row of each source is at the target; when each came.
    async fn wait_rows(
        &self,
        row: u32,
        begun: Instant,
    ) -> Result<BTreeMap<&'static str, Duration>> {
        let mut arrived = BTreeMap::new();
        let mut conn = self.target.conn().await?;
        while arrived.len() < SOURCES.len() {
            for id in SOURCES {
                let query = format!("SELECT id FROM `{}`.t WHERE id = {row}", self.db(id));
                if !arrived.contains_key(id)
                    && let Ok(Some(_)) = conn.query_first::<u32, _>(&query).await
                {
                    arrived.insert(id, begun.elapsed());
                }
            }
            ensure!(
                begun.elapsed() < Duration::from_secs(30),
                "row {row} arrived only of {arrived:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        conn.disconnect().await?;
        Ok(arrived)
    }

    async fn write_row(&self, row: u32) -> Result<()> {
        let statements =
            SOURCES.map(|id| format!("INSERT INTO `{}`.t VALUES ({row})", self.db(id)));
        self.at_source(&statements).await
    }

    /// Sources by worker, as `list-member` names them.
    async fn spread(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let members = self
            .cluster
            .dmctl()
            .ok(&["list-member", "--worker"])
            .await?;
        let workers = members["members"][0]["worker"]["workers"]
            .as_array()
            .context("no workers")?;
        let entry = |worker: &Value| {
            let list = worker["source"].as_str().unwrap_or_default();
            let sources = list
                .split(',')
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect();
            (
                worker["name"].as_str().unwrap_or_default().to_owned(),
                sources,
            )
        };
        Ok(workers.iter().map(entry).collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_spread_and_move_together() -> Result<()> {
    let mut many = Many::start().await?;
    many.wait_rows(0, Instant::now()).await?;
    let spread = many.spread().await?;
    println!("{spread:?}");
    ensure!(
        spread.values().all(|sources| sources.len() == 2),
        "{spread:?}"
    );

    // Where DM's answers have room for one source, all of them stand, joined by commas.
    let status = many.cluster.dmctl().ok(&["query-status", "t"]).await?;
    let shown = status["sources"].as_array().context("no sources")?;
    ensure!(shown.len() == SOURCES.len(), "{status}");
    for (entry, id) in shown.iter().zip(SOURCES) {
        let worker = entry["sourceStatus"]["worker"].as_str().unwrap_or_default();
        ensure!(
            entry["sourceStatus"]["source"] == id
                && spread
                    .get(worker)
                    .is_some_and(|of| of.iter().any(|one| one == id)),
            "{entry}"
        );
        ensure!(entry["subTaskStatus"][0]["stage"] == "Running", "{entry}");
    }

    many.write_row(1).await?;
    many.wait_rows(1, Instant::now()).await?;
    let victim = many.cluster.owner("s1").await?;
    many.cluster
        .workers
        .get_mut(victim)
        .context("no worker")?
        .kill9();
    let killed = Instant::now();
    many.write_row(2).await?;
    let arrived = many.wait_rows(2, killed).await?;
    println!("rows after the kill: {arrived:?}");
    ensure!(
        arrived.values().all(|time| *time < TAKE_OVER_MAX),
        "{arrived:?}"
    );
    let heir = if victim == 0 { "worker2" } else { "worker1" };
    let spread = many.spread().await?;
    ensure!(
        spread.get(heir).map(|sources| sources.join(",")) == Some(SOURCES.join(",")),
        "{spread:?}"
    );

    // A worker that comes back takes nothing away from the one that works.
    let worker = many.cluster.workers.get_mut(victim).context("no worker")?;
    worker.start()?;
    worker.wait_ready().await?;
    many.write_row(3).await?;
    many.wait_rows(3, Instant::now()).await?;

    // By hand it gets one back, and the other three stay where they are.
    let name = worker_name(victim);
    eventually_within(Duration::from_secs(10), "the worker is back", || async {
        let moved = many.cluster.ctl(&["transfer-source", "s2", &name]).await?;
        Ok(moved.stdout.contains("\"result\": true").then_some(()))
    })
    .await?;
    many.write_row(4).await?;
    many.wait_rows(4, Instant::now()).await?;
    let spread = many.spread().await?;
    ensure!(
        spread.get(&name).map(|sources| sources.join(",")) == Some("s2".to_owned()),
        "{spread:?}"
    );
    many.cluster.dmctl().ok(&["stop-task", "t"]).await?;
    let mut conn = many.target.conn().await?;
    for id in SOURCES {
        let rows: Vec<u32> = conn
            .query(format!("SELECT id FROM `{}`.t ORDER BY id", many.db(id)))
            .await?;
        ensure!(rows == [0, 1, 2, 3, 4], "{id}: {rows:?}");
    }
    Ok(conn.disconnect().await?)
}

fn worker_name(place: usize) -> String {
    format!("worker{}", place + 1)
}
