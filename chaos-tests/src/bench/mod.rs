//! Measurements on the real programs: `cargo run --release -p chaos-tests -- bench NAME`.
//!
//! Every benchmark prints the command lines it starts and the server variables that matter, each figure,
//! and last the line `NAME: X.XX unit  spread A-B  pairs N`, whose figure is the median.

mod apply_cpu;
mod apply_hot;
mod apply_insert;
mod apply_lag;
mod apply_mix;
mod apply_progress;
mod apply_rss;
mod apply_update;
mod check_10k;
mod copy;
mod decode;
mod failover_worker;
mod load;
mod load_lock;
mod load_mydumper;
mod load_one;
mod measured;
mod options;
mod race;
mod rss_master;
mod rss_worker;
mod run;
mod stage;

pub use measured::Measured;
pub use options::{Name, Options};
pub use run::run;
