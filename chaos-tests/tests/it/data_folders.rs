//! What a master makes of its data folder, and the programs with nothing but defaults.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chaos_tests::lab::{
    Binaries, Cluster, Ctl, CtlOutput, Folder, Master, MasterOptions, Process, eventually_within,
};
use chaos_tests::skip;

use crate::plane_scene::says;

const EXIT_MAX: Duration = Duration::from_secs(20);

/// Runs until it ends by itself; the exit code and its log.
async fn ends(process: &mut Process) -> Result<CtlOutput> {
    let status = process.wait_exit(EXIT_MAX).await?;
    Ok(CtlOutput {
        code: status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr: process.log_tail(),
    })
}

/// R25: an empty folder next to a cluster that lives must not elect itself, nor vote.
#[tokio::test(flavor = "multi_thread")]
async fn r25_a_wiped_data_folder_is_refused() -> Result<()> {
    let mut cluster = Cluster::start(3, 0).await?;
    let leader = cluster.leader().await?;
    let follower = (leader + 1) % 3;
    restart_wiped(&mut cluster, &[follower]).await?;
    cluster.dmctl().ok(&["list-member"]).await?;
    // Two empty folders are a majority: they must not form a cluster around the third, which has what was acknowledged.
    restart_wiped(&mut cluster, &[follower, leader]).await
}

async fn restart_wiped(cluster: &mut Cluster, places: &[usize]) -> Result<()> {
    for place in places {
        let master = cluster.masters.get_mut(*place).context("no such master")?;
        master.kill9();
        std::fs::remove_dir_all(master.folder().join("data"))?;
        cluster.start_master(*place)?;
    }
    for place in places {
        let master = cluster.masters.get_mut(*place).context("no such master")?;
        let name = master.name().to_owned();
        let output = ends(master.process()?).await?;
        ensure!(output.code == 2, "{output}");
        let advice = format!("dmctl offline-member --master --name {name}");
        says(&output, &["data folder", "empty", &advice, "--join"])?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_serves_one_process() -> Result<()> {
    let mut first = Master::new("first", MasterOptions::default())?;
    first.start("")?;
    first.wait_ready().await?;
    let mut second = Master::new("first", MasterOptions::default())?;
    second.args_mut().push(format!(
        "--data-dir={}",
        first.folder().join("data").display()
    ));
    second.start("")?;
    let output = ends(second.process()?).await?;
    ensure!(output.code == 2, "{output}");
    says(&output, &["in use by another process", "--data-dir"])?;
    Ctl::new(first.addr()).ok(&["list-member"]).await?;
    Ok(())
}

/// Without any script: one master and one worker with nothing but defaults.
#[tokio::test(flavor = "multi_thread")]
async fn one_master_and_one_worker_by_default() -> Result<()> {
    let name = "one_master_and_one_worker_by_default";
    for port in [8261, 8262, 8291] {
        if TcpListener::bind(("127.0.0.1", port)).is_err() {
            skip!(name, "port {port} is taken");
        }
    }
    let folder = Folder::new("defaults")?;
    let start = |program: &str, args: &[&str]| -> Result<Process> {
        let mut command = Command::new(Binaries::find()?.path(program)?);
        command.args(args).current_dir(folder.path());
        Process::start(program, command, &folder.path().join(program))
    };
    let mut master = start("dm-master", &["--data-dir", "d"])?;
    let mut worker = start("dm-worker", &["--join", "127.0.0.1:8261"])?;
    let ctl = Ctl::new("127.0.0.1:8261");
    eventually_within(
        Duration::from_secs(20),
        "the worker is a member",
        || async {
            let members = ctl.ok(&["list-member", "--worker"]).await?.to_string();
            Ok((members.contains("127.0.0.1:8262") && members.contains("free")).then_some(()))
        },
    )
    .await?;
    ensure!(folder.path().join("d").is_dir(), "no data folder");
    for process in [&mut worker, &mut master] {
        process.must_run()?;
        process.signal(nix::sys::signal::Signal::SIGTERM)?;
        let status = process.wait_exit(EXIT_MAX).await?;
        if !status.success() {
            bail!("{status}: {}", process.log_tail());
        }
    }
    Ok(())
}
