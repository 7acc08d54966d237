//! Measurements on the real programs: `cargo run --release -p chaos-tests -- bench NAME`.
//!
//! Every benchmark prints the command lines it starts and the server variables that matter, each figure,
//! and last the line `NAME: X.XX unit  spread A-B  pairs N`, whose figure is the median.

mod failover_worker;
mod measured;
mod options;
mod rss_master;
mod rss_worker;
mod run;
mod stage;

pub use measured::Measured;
pub use options::{Name, Options};
pub use run::run;
