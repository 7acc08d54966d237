use clap::{Args, ValueEnum};

/// What to soak.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Which soak
    #[arg(value_enum)]
    pub name: Name,
    /// How long
    #[arg(long, default_value_t = 10.0)]
    pub minutes: f64,
    /// Seed of data, load and faults (default: random, printed)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Row changes of several transactions at once: `worker-count` of the task, instead of its default
    #[arg(long)]
    pub lanes: Option<u32>,
}

/// The soaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Ledger, per-key order and exactly once while workers, connections and the target are killed
    Apply,
}
