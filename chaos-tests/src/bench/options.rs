use clap::{Args, ValueEnum};

/// What to measure.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Which benchmark
    #[arg(value_enum)]
    pub name: Name,
    /// How many runs
    #[arg(long)]
    pub runs: Option<usize>,
}

/// The benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// kill -9 of the owner to the next row on the target
    FailoverWorker,
    /// Memory of a leading master
    RssMaster,
    /// Memory of a worker, idle and under load
    RssWorker,
}
