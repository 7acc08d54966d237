use std::time::Duration;

use anyhow::{Context, Result, bail};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, sleep};

use super::configuration::{SOURCE, TASK, source_yaml, task_yaml};
use super::faults::{PauseMeter, next_leader, next_row};
use super::screen::Screen;
use super::tables::TABLES;
use super::watch::Watch;
use super::{DataSet, Options, Recorded, Report, TaskStatus, Writer, WriterOptions, compare};
use crate::lab::{Cluster, Server};

const LOAD_MAX: Duration = Duration::from_secs(120);
/// The load ends by itself, should anything below hang.
const WRITE_MAX: Duration = Duration::from_secs(600);
const REACH_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// Everything that the demo runs, and the steps of its story.
pub(super) struct Story {
    pub(super) cluster: Cluster,
    pub(super) source: Server,
    pub(super) target: Server,
    screen: Screen,
    data: DataSet,
    options: Options,
    seed: u64,
    rng: StdRng,
    source_watch: Watch,
    target_watch: Watch,
    status: TaskStatus,
    balance: u64,
    balance_reads: u64,
    balance_wrong: u64,
}

impl Story {
    pub(super) fn new(
        screen: Screen,
        cluster: Cluster,
        source: Server,
        target: Server,
        options: &Options,
        seed: u64,
    ) -> Self {
        // On a target that is not ours the databases have names of their own; the source follows.
        let data = DataSet::new(&target.name(""), options.scale, seed);
        Self {
            source_watch: Watch::new(source.endpoint(), &data),
            target_watch: Watch::new(target.endpoint(), &data),
            cluster,
            source,
            target,
            screen,
            data,
            options: options.clone(),
            seed,
            rng: StdRng::seed_from_u64(seed),
            status: TaskStatus::default(),
            balance: 0,
            balance_reads: 0,
            balance_wrong: 0,
        }
    }

    pub(super) fn say(&self, text: &str) {
        self.screen.say(text);
    }

    /// Steps 1 to 7; what is compared in the end comes back.
    pub(super) async fn tell(&mut self) -> Result<Report> {
        let writer = self.prepare().await?;
        self.start_task().await?;
        let (first, second, third) = (
            self.moment(200..10_000),
            self.moment(2_000..8_000),
            self.moment(2_000..5_000),
        );
        self.watch_for(first).await?;
        self.kill_owner().await?;
        self.watch_load().await?;
        self.watch_for(second).await?;
        self.kill_leader().await?;
        self.watch_for(third).await?;
        self.stop_load(writer).await?;
        if self.options.tamper {
            self.tamper().await?;
        }
        self.screen.close();
        self.say("comparing all rows of both sides, once");
        let report = compare(
            self.source.endpoint(),
            self.target.endpoint(),
            &self.data.pairs(),
        )
        .await?;
        Ok(report)
    }

    fn moment(&mut self, range_ms: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(range_ms))
    }

    async fn prepare(&mut self) -> Result<Writer> {
        let rows = self
            .data
            .create(self.source.endpoint())
            .await
            .context("making the data set")?;
        self.balance = self.source_watch.balance().await.context("no accounts")?;
        let tables = TABLES.len();
        self.say(&format!(
            "source: {rows} rows in {tables} tables of {} databases",
            self.data.schemas().len()
        ));
        let options = WriterOptions {
            rate: self.options.rate,
            time_max: WRITE_MAX,
            seed: self.seed,
            scale: self.options.scale,
            ddl: !self.options.no_ddl,
        };
        let writer = Writer::start(self.source.endpoint(), &self.data, options).await?;
        self.say(&format!(
            "load: {} transactions per second from now on",
            options.rate
        ));
        Ok(writer)
    }

    async fn start_task(&mut self) -> Result<()> {
        let source = self
            .cluster
            .write("source.yaml", &source_yaml(self.source.endpoint()))?;
        let meta_schema = self.target.name("dm_meta");
        let task = self.cluster.write(
            "task.yaml",
            &task_yaml(self.target.endpoint(), &self.data, &meta_schema),
        )?;
        let ctl = self.cluster.dmctl();
        ctl.ok(&["operate-source", "create", &source]).await?;
        self.say("dmctl operate-source create source.yaml");
        ctl.ok(&["start-task", &task]).await?;
        self.say("dmctl start-task task.yaml");
        let tables: Vec<(String, u64)> = TABLES
            .iter()
            .map(|table| {
                (
                    format!("{}.{}", table.schema, table.name),
                    self.data.rows(table),
                )
            })
            .collect();
        self.screen.open_bars(&tables);
        Ok(())
    }

    /// Looks once: dmctl's status, rows or lag at the target, the sum that never changes.
    async fn look(&mut self) -> Result<()> {
        let errors_before = std::mem::take(&mut self.status.errors);
        match TaskStatus::query(self.cluster.dmctl(), TASK).await {
            Ok(status) => self.status = status,
            Err(error) => self.status.errors = vec![format!("{error:#}")],
        }
        if self.status.errors != errors_before && !self.status.errors.is_empty() {
            self.say(&format!("query-status: {}", self.status.errors.join("; ")));
        }
        let status = &self.status;
        let line = if status.unit == "Sync" {
            self.look_at_sync().await
        } else {
            let rows = self.target_watch.rows().await;
            self.screen.set_rows(&rows);
            format!(
                "{} on {}: {} rows at the target",
                status.unit,
                status.worker,
                rows.iter().sum::<u64>()
            )
        };
        self.screen.set_status(&line);
        Ok(())
    }

    async fn look_at_sync(&mut self) -> String {
        if let Some(balance) = self.target_watch.balance().await {
            self.balance_reads += 1;
            self.balance_wrong += u64::from(balance != self.balance);
        }
        let here = self.source_watch.last_event().await.unwrap_or(0);
        let there = self.target_watch.last_event().await.unwrap_or(0);
        let status = &self.status;
        format!(
            "Sync on {}: {} rows/s, {} s and {} transactions behind",
            status.worker,
            if status.recent_rps.is_empty() {
                "-"
            } else {
                &status.recent_rps
            },
            if status.lag.is_empty() {
                "-"
            } else {
                &status.lag
            },
            here.saturating_sub(there)
        )
    }

    async fn watch_for(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look().await?;
            sleep(LOOK_EVERY.min(end.saturating_duration_since(Instant::now()))).await;
        }
        Ok(())
    }

    async fn watch_load(&mut self) -> Result<()> {
        let start = Instant::now();
        while self.status.unit != "Sync" {
            if start.elapsed() > LOAD_MAX {
                bail!(
                    "the full migration did not end within {LOAD_MAX:?}: {:?}",
                    self.status
                );
            }
            self.look().await?;
            sleep(LOOK_EVERY).await;
        }
        self.screen.close_bars();
        self.say("all tables are loaded; changes follow");
        Ok(())
    }

    async fn kill_owner(&mut self) -> Result<()> {
        let owner = self.cluster.owner(SOURCE).await?;
        let loading = self.status.unit != "Sync";
        let during = if loading {
            "during the full migration"
        } else {
            "during replication"
        };
        let worker = self
            .cluster
            .workers
            .get_mut(owner)
            .context("no such worker")?;
        let name = worker.name().to_owned();
        worker.kill9();
        let killed = Instant::now();
        self.screen
            .say(&format!("kill -9 {name}, which has the source, {during}"));
        self.screen
            .set_status("nobody has the source until its lease ends");
        let time = next_row(
            &mut self.source_watch,
            &mut self.target_watch,
            loading,
            killed,
        )
        .await?;
        self.say(&format!(
            "TAKE-OVER worker: the next row was applied {:.2} s after the kill",
            time.as_secs_f64()
        ));
        let worker = self
            .cluster
            .workers
            .get_mut(owner)
            .context("no such worker")?;
        worker.start()?;
        worker.wait_ready().await?;
        self.say(&format!("{name} started again"));
        Ok(())
    }

    async fn kill_leader(&mut self) -> Result<()> {
        let leader = self.cluster.leader().await?;
        let meter = PauseMeter::start(Watch::new(self.target.endpoint(), &self.data));
        let master = self
            .cluster
            .masters
            .get_mut(leader)
            .context("no such master")?;
        let name = master.name().to_owned();
        master.kill9();
        let killed = Instant::now();
        self.say(&format!("kill -9 {name}, the leading master"));
        let (next, time) = next_leader(&self.cluster, leader, killed).await?;
        let next = self
            .cluster
            .masters
            .get(next)
            .map_or("", |master| master.name());
        self.say(&format!(
            "TAKE-OVER master: {next} answered as leader {:.2} s after the kill",
            time.as_secs_f64()
        ));
        // Longer than a lease: a worker that lost its leader would have stopped by now.
        sleep(Duration::from_secs(6)).await;
        let pause = meter.stop().await?;
        self.say(&format!(
            "longest pause of rows at the target meanwhile: {:.2} s",
            pause.as_secs_f64()
        ));
        self.cluster.start_master(leader)?;
        self.cluster
            .masters
            .get_mut(leader)
            .context("no such master")?
            .wait_ready()
            .await?;
        self.say(&format!("{name} started again"));
        Ok(())
    }

    async fn stop_load(&mut self, writer: Writer) -> Result<()> {
        let counts = writer.stop().await?;
        let recorded = Recorded::read(self.source.endpoint(), self.source.product()).await?;
        self.say(&format!(
            "load stopped: {} transactions, {} rows, {} DDL; the source stands at ({}, {}) {}",
            counts.transactions,
            counts.rows,
            counts.ddl,
            recorded.file,
            recorded.offset,
            recorded.gtid
        ));
        let start = Instant::now();
        loop {
            self.look().await?;
            if recorded
                .reached_by(&self.status, self.source.endpoint())
                .await?
            {
                break;
            }
            if start.elapsed() > REACH_MAX {
                bail!(
                    "the target did not reach that position within {REACH_MAX:?}: {:?}",
                    self.status
                );
            }
            sleep(LOOK_EVERY).await;
        }
        self.say(&format!(
            "the target has reached it after {:.1} s",
            start.elapsed().as_secs_f64()
        ));
        self.judge_transfers()
    }

    /// A transaction that became visible in parts would show here.
    fn judge_transfers(&self) -> Result<()> {
        let (wrong, reads) = (self.balance_wrong, self.balance_reads);
        self.say(&format!(
            "transfers seen half at the target: {wrong} of {reads} reads"
        ));
        if wrong > 0 {
            bail!("transactions became visible in parts");
        }
        Ok(())
    }

    async fn tamper(&mut self) -> Result<()> {
        let table = self.data.quoted("shop_sales", "customers");
        let mut conn = self.target.conn().await?;
        let statement = format!("UPDATE {table} SET score = IF(score = 1, 2, 1) WHERE id = 4");
        mysql_async::prelude::Queryable::query_drop(&mut conn, &statement).await?;
        self.say(&format!("--tamper: {statement}"));
        Ok(conn.disconnect().await?)
    }
}
