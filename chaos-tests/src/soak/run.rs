use anyhow::Result;

use super::{Name, Options, apply};

/// Runs one soak; an error says what was broken, or that too little happened.
pub async fn run(options: &Options) -> Result<()> {
    let seed = options.seed.unwrap_or_else(rand::random);
    println!("seed {seed} (the same data, load and faults again: --seed {seed})");
    tokio::select! {
        result = choose(options, seed) => result,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    }
}

async fn choose(options: &Options, seed: u64) -> Result<()> {
    match options.name {
        Name::Apply => apply::soak(options, seed).await,
    }
}
