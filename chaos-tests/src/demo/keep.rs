//! `--keep`: the demo runs in a process of its own that stays when the story is told, and that ends everything when it ends.
//!
//! The children of the lab die with the process that started them, so somebody has to stay. The process that the user started
//! waits for the story's end, passes its result on and returns.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use super::configuration::{SOURCE, TASK};
use super::story::Story;
use crate::lab::{Binaries, Folder};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs this program again, in the background; returns what its story ended with.
pub(super) async fn in_background() -> Result<bool> {
    let folder = Folder::new("keep")?;
    let verdict = folder.path().join("verdict");
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--stay")
        .arg(&verdict)
        .stdin(Stdio::null())
        // Ctrl-C at the terminal is for the process in front, also later.
        .process_group(0)
        .spawn()?;
    let told = async {
        loop {
            if let Ok(text) = std::fs::read_to_string(&verdict) {
                return Ok(text);
            }
            if let Some(status) = child.try_wait()? {
                bail!("the demo ended early: {status}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let told = tokio::select! {
        told = told => told?,
        _ = tokio::signal::ctrl_c() => {
            child.kill()?;
            child.wait()?;
            bail!("interrupted");
        }
    };
    match told.as_str() {
        "identical" => Ok(true),
        "DIFFERENT" => Ok(false),
        error => bail!("{error}"),
    }
}

/// Says how to look around, hands the result over and stays until it is asked to end.
pub(super) async fn stay(story: &Story, verdict: &Path, told: &str) -> Result<()> {
    print_commands(story)?;
    // Whoever reads our output must see its end although we stay.
    let nothing = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    nix::unistd::dup2_stdout(&nothing)?;
    nix::unistd::dup2_stderr(&nothing)?;
    let part = verdict.with_extension("part");
    std::fs::write(&part, told)?;
    // Asked to end, everything is dropped in order, so that a given target is cleaned up too.
    let mut asked = signal(SignalKind::terminate())?;
    std::fs::rename(&part, verdict).context("handing the result over")?;
    asked.recv().await;
    Ok(())
}

fn print_commands(story: &Story) -> Result<()> {
    let masters = story.cluster.dmctl().master_addr();
    let dmctl = Binaries::find()?.path("dmctl")?;
    println!("\nEverything goes on running. To look around:");
    println!("  export DM_MASTER_ADDR={masters}");
    for command in [
        "query-status",
        &format!("query-status {TASK} --watch"),
        "list-member",
        "operate-source show",
    ] {
        println!("  {} {command}", dmctl.display());
    }
    println!("  {} transfer-source {SOURCE} worker1", dmctl.display());
    for (name, server) in [("source", &story.source), ("target", &story.target)] {
        let endpoint = server.endpoint();
        println!(
            "  mysql -h{} -P{} -u{}   # {name}; deploy/mysql.sh is a client",
            endpoint.host, endpoint.port, endpoint.user
        );
    }
    for master in &story.cluster.masters {
        println!(
            "  curl http://{}/metrics   # log: {}/master.log",
            master.addr(),
            master.folder().display()
        );
    }
    for worker in &story.cluster.workers {
        println!(
            "  curl http://{}/status    # log: {}/worker.log",
            worker.addr(),
            worker.folder().display()
        );
    }
    println!(
        "To stop and remove everything:\n  kill {}",
        std::process::id()
    );
    Ok(())
}
