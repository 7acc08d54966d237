//! Measurements on the real programs: `cargo run --release -p chaos-tests -- bench NAME`.
//!
//! Every benchmark prints the command lines it starts and the server variables that matter, each pair of figures,
//! and last the line `NAME: X.XX unit  spread A-B  pairs N`, whose figure is the median.

mod options;
mod result;
mod run;

pub use options::{Name, Options};
pub use result::Measured;
pub use run::run;
