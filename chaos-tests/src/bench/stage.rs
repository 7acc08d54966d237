use std::time::Duration;

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;
use tokio::time::{Instant, sleep};

use crate::demo::configuration::{TASK, source_yaml, task_yaml};
use crate::demo::watch::Watch;
use crate::demo::{DataSet, Recorded, TaskStatus, Writer, WriterOptions};
use crate::lab::{Cluster, Database, Kind, Process, Server};

const SYNC_MAX: Duration = Duration::from_secs(180);
const WRITE_MAX: Duration = Duration::from_secs(1_800);
/// What decides about the cost of a commit.
const VARIABLES: [&str; 6] = [
    "version",
    "innodb_flush_log_at_trx_commit",
    "sync_binlog",
    "innodb_buffer_pool_size",
    "binlog_row_image",
    "gtid_mode",
];

/// Three masters, two workers, a source with data and a target: what most benchmarks need.
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    pub(super) source: Server,
    pub(super) target: Server,
    pub(super) data: DataSet,
    scale: f64,
}

impl Stage {
    /// Starts everything and shows it.
    pub(super) async fn open(scale: f64) -> Result<Self> {
        let (source, target, cluster) = tokio::try_join!(
            Database::start(Kind::Mysql97),
            Database::start(Kind::Mysql97),
            Cluster::start(3, 2)
        )?;
        let (source, target) = (Server::own(source).await?, Server::own(target).await?);
        let data = DataSet::new("", scale, 1);
        let rows = data.create(source.endpoint()).await?;
        println!("source: {rows} rows");
        let mut stage = Self {
            cluster,
            source,
            target,
            data,
            scale,
        };
        stage.show().await?;
        Ok(stage)
    }

    async fn show(&mut self) -> Result<()> {
        for server in [&self.source, &self.target] {
            if let Some(process) = server.database().and_then(Database::process) {
                println!("{}", process.command_line());
            }
            let mut conn = server.conn().await?;
            for name in VARIABLES {
                let row: Option<(String, String)> = conn
                    .query_first(format!("SHOW VARIABLES LIKE '{name}'"))
                    .await?;
                println!("  {name} = {}", row.map_or_else(String::new, |row| row.1));
            }
            conn.disconnect().await?;
        }
        for master in &mut self.cluster.masters {
            println!("{}", master.process()?.command_line());
        }
        for worker in &mut self.cluster.workers {
            println!("{}", worker.process()?.command_line());
        }
        Ok(())
    }

    /// Creates source and task.
    pub(super) async fn start_task(&self) -> Result<()> {
        let source = self
            .cluster
            .write("source.yaml", &source_yaml(self.source.endpoint()))?;
        let task = self.cluster.write(
            "task.yaml",
            &task_yaml(self.target.endpoint(), &self.data, "dm_meta"),
        )?;
        self.cluster
            .dmctl()
            .ok(&["operate-source", "create", &source])
            .await?;
        self.cluster.dmctl().ok(&["start-task", &task]).await?;
        Ok(())
    }

    /// A load of that many transactions per second.
    pub(super) async fn write(&self, rate: u32) -> Result<Writer> {
        let options = WriterOptions {
            rate,
            time_max: WRITE_MAX,
            seed: 1,
            scale: self.scale,
            ddl: false,
        };
        Writer::start(self.source.endpoint(), &self.data, options).await
    }

    /// Waits until the target has what the source has now.
    pub(super) async fn wait_synced(&self) -> Result<()> {
        let recorded = Recorded::read(self.source.endpoint(), self.source.product()).await?;
        let start = Instant::now();
        loop {
            let status = TaskStatus::query(self.cluster.dmctl(), TASK).await;
            if let Ok(status) = &status
                && recorded.reached_by(status, self.source.endpoint()).await?
            {
                return Ok(());
            }
            if start.elapsed() > SYNC_MAX {
                bail!("the target did not reach the source within {SYNC_MAX:?}: {status:?}");
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until something written from now on is at the target.
    pub(super) async fn wait_flowing(&self) -> Result<()> {
        let (mut source, mut target) = (self.source_watch(), self.target_watch());
        let mark = source
            .last_event()
            .await
            .context("no events at the source")?;
        let start = Instant::now();
        while target.last_event().await.is_none_or(|last| last <= mark) {
            if start.elapsed() > SYNC_MAX {
                bail!("nothing arrives at the target");
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(super) fn source_watch(&self) -> Watch {
        Watch::new(self.source.endpoint(), &self.data)
    }

    pub(super) fn target_watch(&self) -> Watch {
        Watch::new(self.target.endpoint(), &self.data)
    }
}

/// `now` and `peak` of a process, printed.
pub(super) fn show_memory(what: &str, process: &Process) -> Result<(f64, f64)> {
    let (now, peak) = process.memory_mib()?;
    println!("{what}: {now:.1} MiB now, {peak:.1} MiB at most");
    Ok((now, peak))
}
