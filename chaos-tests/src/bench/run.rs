use anyhow::Result;

use super::{Name, Options, failover_worker, rss_master, rss_worker};

/// Runs one benchmark and prints its last line.
pub async fn run(options: &Options) -> Result<()> {
    let measured = tokio::select! {
        measured = choose(options) => measured?,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    };
    println!("{measured}");
    Ok(())
}

async fn choose(options: &Options) -> Result<super::Measured> {
    match options.name {
        Name::FailoverWorker => failover_worker::measure(options.runs.unwrap_or(20)).await,
        Name::RssMaster => rss_master::measure(options.runs.unwrap_or(3)).await,
        Name::RssWorker => rss_worker::measure(options.runs.unwrap_or(3)).await,
    }
}
