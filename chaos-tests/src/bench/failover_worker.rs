//! kill -9 of the owner to the next row on the target.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep};

use super::Measured;
use super::stage::Stage;
use crate::demo::configuration::SOURCE;
use crate::demo::faults::next_row;

const RATE: u32 = 100;
/// The killed worker is a member again, and its lease is history.
const REST: Duration = Duration::from_secs(2);

pub(super) async fn measure(runs: usize) -> Result<Measured> {
    let mut stage = Stage::open(0.02).await?;
    stage.start_task().await?;
    stage.wait_synced().await?;
    let writer = stage.write(RATE).await?;
    let mut values = Vec::new();
    for run in 1..=runs {
        stage.wait_flowing().await?;
        let seconds = once(&mut stage).await?;
        println!("run {run}: {seconds:.2} s");
        values.push(seconds);
        sleep(REST).await;
    }
    writer.stop().await?;
    Ok(Measured {
        name: "failover-worker",
        unit: "s",
        values,
    })
}

async fn once(stage: &mut Stage) -> Result<f64> {
    let (mut source, mut target) = (stage.source_watch(), stage.target_watch());
    let owner = stage.cluster.owner(SOURCE).await?;
    let worker = stage
        .cluster
        .workers
        .get_mut(owner)
        .context("no such worker")?;
    worker.kill9();
    let time = next_row(&mut source, &mut target, false, Instant::now()).await?;
    worker.start()?;
    worker.wait_ready().await?;
    Ok(time.as_secs_f64())
}
