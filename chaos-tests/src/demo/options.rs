use std::path::PathBuf;

use clap::Args;

/// What `deploy/demo.sh` understands.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Change one row of the target before comparing; must end DIFFERENT
    #[arg(long)]
    pub tamper: bool,
    /// Leave everything running and print the commands to look around and the one that ends it
    #[arg(long)]
    pub keep: bool,
    /// The process that stays writes the result here
    #[arg(long, hide = true)]
    pub stay: Option<PathBuf>,
    /// Use this target instead of starting one
    #[arg(long, value_name = "HOST:PORT,user,password")]
    pub target: Option<String>,
    /// Seed of the data, the load and the moments of the kills (default: random, printed)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Size of the data set; 1 is about 230,000 rows
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
    /// Transactions per second of the write load
    #[arg(long, default_value_t = 100)]
    pub rate: u32,
    /// Do not alter a table while the load runs
    #[arg(long)]
    pub no_ddl: bool,
}
