use anyhow::{Context, Result};

use super::Options;
use super::keep;
use super::screen::Screen;
use super::story::Story;
use crate::lab::{Cluster, Database, Endpoint, Kind, Server};

/// Runs the demo; whether source and target ended identical. Ctrl-C ends it early, and everything is cleaned up.
pub async fn run(options: &Options) -> Result<bool> {
    if options.keep && options.stay.is_none() {
        return keep::in_background().await;
    }
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
            if let Some(verdict) = &options.stay {
                keep::stay(&story, verdict, &format!("{error:#}")).await?;
            }
            return Err(error);
        }
    };
    println!("{report}");
    println!("{} rows compared once: {}", report.rows(), report.verdict());
    if let Some(verdict) = &options.stay {
        keep::stay(&story, verdict, report.verdict()).await?;
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
