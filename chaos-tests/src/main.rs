//! `chaos-tests demo`, `chaos-tests bench NAME`, `chaos-tests soak NAME`, `chaos-tests smoke`.

use std::process::ExitCode;

use chaos_tests::{bench, demo, soak};
use clap::{Parser, Subcommand};

/// Runs the real programs and databases: the demo, the benchmarks and a quick look.
#[derive(Parser)]
#[command(name = "chaos-tests")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Migrate a shop under load while programs are killed, then compare
    Demo(demo::Options),
    /// Measure something
    Bench(bench::Options),
    /// Break things for a long time
    Soak(soak::Options),
    /// The demo, small: does everything work together?
    Smoke,
}

/// 0: as promised; 1: it is not; 2: it could not be tried.
#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo(options) => demo::run(&options).await,
        Command::Bench(options) => bench::run(&options).await.map(|()| true),
        Command::Soak(options) => soak::run(&options).await.map(|()| true),
        Command::Smoke => {
            demo::run(&demo::Options {
                scale: 0.05,
                rate: 50,
                ..demo::Options::default()
            })
            .await
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("chaos-tests: {error:#}");
            ExitCode::from(2)
        }
    }
}
