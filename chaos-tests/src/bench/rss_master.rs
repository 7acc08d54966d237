//! Memory of the leading master: idle, and with a task and many questions.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::Instant;

use super::Measured;
use super::stage::{Stage, show_memory};
use crate::demo::configuration::TASK;

const RATE: u32 = 100;
const LOAD: Duration = Duration::from_secs(20);

/// The figure is the most that the process ever had.
pub(super) async fn measure(runs: usize) -> Result<Measured> {
    let mut values = Vec::new();
    for run in 1..=runs {
        let mut stage = Stage::open(0.1).await?;
        let leader = stage.cluster.leader().await?;
        let master = stage
            .cluster
            .masters
            .get_mut(leader)
            .context("no such master")?;
        show_memory(&format!("run {run} idle"), master.process()?)?;
        stage.start_task().await?;
        let writer = stage.write(RATE).await?;
        let start = Instant::now();
        while start.elapsed() < LOAD {
            stage.cluster.ctl(&["query-status", TASK]).await?;
            stage.cluster.ctl(&["list-member"]).await?;
        }
        writer.stop().await?;
        let master = stage
            .cluster
            .masters
            .get_mut(leader)
            .context("no such master")?;
        values.push(show_memory(&format!("run {run} under load"), master.process()?)?.1);
    }
    Ok(Measured {
        name: "rss-master",
        unit: "MiB",
        values,
    })
}
