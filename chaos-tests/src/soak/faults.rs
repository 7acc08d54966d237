use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::demo::configuration::SOURCE;
use crate::demo::faults::next_row;
use crate::demo::watch::Watch;
use crate::lab::{Cluster, Mode, Proxy, Server};

/// A worker needs time to become the owner again before the next one is hit.
const BETWEEN_WORKERS: Duration = Duration::from_secs(10);
const RECONNECT_MAX: Duration = Duration::from_secs(20);
const OTHER_OWNER_MAX: Duration = Duration::from_secs(30);

/// Faults that hit, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hits {
    /// kill -9 of the worker that has the source.
    pub(super) killed: u32,
    /// The owner frozen for longer than its lease, then woken.
    pub(super) frozen: u32,
    /// Connections to the target cut within an answer.
    pub(super) cut: u32,
    /// kill -9 of the target.
    pub(super) target: u32,
}

impl fmt::Display for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            killed,
            frozen,
            cut,
            target,
        } = self;
        write!(
            f,
            "{killed} owners killed, {frozen} frozen and woken, {cut} cuts, {target} kills of the target"
        )
    }
}

/// Who makes them.
pub(super) struct Faults<'a> {
    pub(super) cluster: &'a mut Cluster,
    pub(super) target: &'a mut Server,
    pub(super) proxy: &'a Proxy,
    pub(super) source_watch: Watch,
    pub(super) target_watch: Watch,
    pub(super) rng: StdRng,
    pub(super) hits: Hits,
}

impl Faults<'_> {
    pub(super) fn rng(seed: u64) -> StdRng {
        StdRng::seed_from_u64(seed)
    }

    /// Makes faults until `end`.
    pub(super) async fn until(&mut self, end: Instant) -> Result<()> {
        let mut worker_due = Instant::now() + BETWEEN_WORKERS / 4;
        while Instant::now() < end {
            sleep(Duration::from_millis(self.rng.random_range(100..1_200))).await;
            if Instant::now() >= worker_due {
                if self.rng.random_ratio(3, 5) {
                    self.kill_owner().await?;
                } else {
                    self.freeze_owner().await?;
                }
                worker_due = Instant::now() + BETWEEN_WORKERS;
                println!("{}", self.hits);
            } else if self.rng.random_ratio(4, 5) {
                self.cut().await?;
            } else {
                self.kill_target().await?;
            }
        }
        self.flows().await
    }

    /// Something written from now on arrives.
    async fn flows(&mut self) -> Result<()> {
        next_row(
            &mut self.source_watch,
            &mut self.target_watch,
            false,
            tokio::time::Instant::now(),
        )
        .await?;
        Ok(())
    }

    async fn kill_owner(&mut self) -> Result<()> {
        let owner = self.owner(None).await?;
        let worker = self.cluster.workers.get_mut(owner).context("no worker")?;
        worker.kill9();
        self.flows().await?;
        let worker = self.cluster.workers.get_mut(owner).context("no worker")?;
        worker.start()?;
        worker.wait_ready().await?;
        self.hits.killed += 1;
        Ok(())
    }

    async fn freeze_owner(&mut self) -> Result<()> {
        let owner = self.owner(None).await?;
        self.cluster
            .workers
            .get_mut(owner)
            .context("no worker")?
            .sigstop()?;
        self.owner(Some(owner)).await?;
        self.flows().await?;
        self.cluster
            .workers
            .get_mut(owner)
            .context("no worker")?
            .sigcont()?;
        self.flows().await?;
        self.hits.frozen += 1;
        Ok(())
    }

    /// The worker that has the source, other than `than`.
    async fn owner(&self, than: Option<usize>) -> Result<usize> {
        let start = Instant::now();
        loop {
            match self.cluster.owner(SOURCE).await {
                Ok(owner) if Some(owner) != than => return Ok(owner),
                answer => ensure!(
                    start.elapsed() < OTHER_OWNER_MAX,
                    "no (other) worker takes the source: {answer:?}"
                ),
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Cuts all connections of the workers within the answers of the next commits, before, in or after the one to COMMIT.
    async fn cut(&mut self) -> Result<()> {
        let before = self.proxy.connections();
        self.proxy.cut_after(self.rng.random_range(1..600));
        sleep(Duration::from_millis(self.rng.random_range(20..200))).await;
        self.proxy.set(Mode::Cut);
        sleep(Duration::from_millis(self.rng.random_range(0..30))).await;
        // Not reached yet, it would cut for good later.
        self.proxy.cut_after(u64::MAX);
        self.proxy.set(Mode::Pass);
        let start = Instant::now();
        while self.proxy.connections() == before {
            ensure!(
                start.elapsed() < RECONNECT_MAX,
                "the worker does not connect again"
            );
            sleep(Duration::from_millis(20)).await;
        }
        self.hits.cut += 1;
        Ok(())
    }

    async fn kill_target(&mut self) -> Result<()> {
        let down = Duration::from_millis(self.rng.random_range(0..1_000));
        let target = self.target.database_mut().context("not ours")?;
        target.kill9();
        sleep(down).await;
        target.restart().await?;
        self.flows().await?;
        self.hits.target += 1;
        Ok(())
    }
}
