//! Memory of the worker that has the source: idle, while loading, and while replicating a write load.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::Measured;
use super::stage::{Stage, show_memory};
use crate::demo::configuration::SOURCE;

const RATE: u32 = 500;
const LOAD: Duration = Duration::from_secs(20);

/// The figure is the most that the process ever had.
pub(super) async fn measure(runs: usize) -> Result<Measured> {
    let mut values = Vec::new();
    for run in 1..=runs {
        let mut stage = Stage::open(1.0).await?;
        let idle = stage.cluster.workers.first_mut().context("no worker")?;
        show_memory(&format!("run {run} idle"), idle.process()?)?;
        stage.start_task().await?;
        stage.wait_synced().await?;
        let owner = stage.cluster.owner(SOURCE).await?;
        let worker = stage
            .cluster
            .workers
            .get_mut(owner)
            .context("no such worker")?;
        show_memory(&format!("run {run} loaded"), worker.process()?)?;
        let writer = stage.write(RATE).await?;
        sleep(LOAD).await;
        writer.stop().await?;
        stage.wait_synced().await?;
        let worker = stage
            .cluster
            .workers
            .get_mut(owner)
            .context("no such worker")?;
        values.push(show_memory(&format!("run {run} under load"), worker.process()?)?.1);
    }
    Ok(Measured {
        name: "rss-worker",
        unit: "MiB",
        values,
    })
}
