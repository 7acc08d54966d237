use std::time::Duration;

use anyhow::{Context, Result};

use super::Options;
use super::configuration::{SOURCE, TASK};
use super::screen::Screen;
use super::story::Story;
use crate::lab::{Binaries, Cluster, Database, Endpoint, Kind, Server};

/// Runs the demo; whether source and target ended identical. Ctrl-C ends it early, and everything is cleaned up.
pub async fn run(options: &Options) -> Result<bool> {
    tokio::select! {
        result = whole(options) => result,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    }
}

async fn whole(options: &Options) -> Result<bool> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let screen = Screen::new();
    screen.say(&format!(
        "seed {seed} (the same data, load and moments again: --seed {seed})"
    ));
    let (source, target, cluster) =
        tokio::try_join!(start_source(), start_target(options), start_cluster())?;
    screen.say(&format!(
        "source {} at {}",
        source.product(),
        source.endpoint().addr()
    ));
    screen.say(&format!(
        "target {} at {}",
        target.product(),
        target.endpoint().addr()
    ));
    screen.say(&format!(
        "3 masters at {}, 2 workers",
        cluster.dmctl().master_addr()
    ));
    let mut story = Story::new(screen, cluster, source, target, options, seed);
    let report = match story.tell().await {
        Ok(report) => report,
        Err(error) => {
            story.say(&format!("failed: {error:#}"));
            eprintln!("{}", story.cluster.logs());
            if options.keep {
                keep(&story).await?;
            }
            return Err(error);
        }
    };
    println!("{report}");
    println!("{} rows compared once: {}", report.rows(), report.verdict());
    if options.keep {
        keep(&story).await?;
    }
    Ok(report.identical())
}

async fn start_source() -> Result<Server> {
    Server::own(Database::start(Kind::Mysql97).await?).await
}

async fn start_target(options: &Options) -> Result<Server> {
    match &options.target {
        Some(text) => Server::at(Endpoint::parse(text)?).await.context("--target"),
        None => Server::own(Database::start(Kind::Mysql97).await?).await,
    }
}

async fn start_cluster() -> Result<Cluster> {
    Cluster::start(3, 2).await
}

/// Leaves everything running and says how to look around.
async fn keep(story: &Story) -> Result<()> {
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
            "  mysql -h{} -P{} -u{}   # {name}",
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
    println!("Ctrl-C stops and removes everything.");
    loop {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
}
