use anyhow::Result;

use super::{Measured, Name, Options};
use super::{
    apply_cpu, apply_hot, apply_insert, apply_lag, apply_mix, apply_progress, apply_rss,
    apply_update,
};
use super::{check_10k, decode, failover_worker, rss_master, rss_worker};
use super::{load, load_lock, load_mydumper, load_one};
use crate::lab::{Binaries, Medium};

/// Runs one benchmark and prints its last line.
pub async fn run(options: &Options) -> Result<()> {
    refuse_debug_programs()?;
    let measured = tokio::select! {
        measured = choose(options) => measured?,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    };
    println!("{measured}");
    Ok(())
}

/// `DM_BIN_DIR` may name programs that nobody wants measured.
fn refuse_debug_programs() -> Result<()> {
    let programs = Binaries::find()?;
    anyhow::ensure!(
        !programs.folder().ends_with("debug"),
        "{} holds debug programs: cargo run --release, and DM_BIN_DIR unset or a release folder",
        programs.folder().display()
    );
    println!("programs: {}", programs.folder().display());
    Ok(())
}

async fn choose(options: &Options) -> Result<Measured> {
    use Medium::{Disk, Memory};
    match options.name {
        Name::Decode => decode::bulk(options.runs.unwrap_or(7)).await,
        Name::DecodeSmall => decode::small(options.runs.unwrap_or(7)).await,
        Name::FailoverWorker => failover_worker::measure(options.runs.unwrap_or(20)).await,
        Name::RssMaster => rss_master::measure(options.runs.unwrap_or(3)).await,
        Name::RssWorker => rss_worker::measure(options.runs.unwrap_or(3)).await,
        Name::ApplyInsert => apply_insert::measure(Memory, options).await,
        Name::ApplyInsertDisk => apply_insert::measure(Disk, options).await,
        Name::ApplyUpdate => apply_update::measure(Memory, options).await,
        Name::ApplyUpdateDisk => apply_update::measure(Disk, options).await,
        Name::ApplyMix => apply_mix::measure(Memory, options).await,
        Name::ApplyMixDisk => apply_mix::measure(Disk, options).await,
        Name::ApplyHot => apply_hot::measure(Memory, options).await,
        Name::ApplyHotDisk => apply_hot::measure(Disk, options).await,
        Name::ApplyCpu => apply_cpu::measure(options).await,
        Name::ApplyProgress => apply_progress::measure(options).await,
        Name::ApplyRss => apply_rss::measure(options).await,
        Name::ApplyLag => apply_lag::measure(options).await,
        Name::Load => load::measure(options).await,
        Name::LoadMydumper => load_mydumper::measure(options).await,
        Name::LoadOne => load_one::measure(options).await,
        Name::LoadLock => load_lock::measure(options).await,
        Name::Check10k => check_10k::measure(options).await,
    }
}
