//! The main job, watched: a shop is migrated under load while programs are killed, then compared.
//!
//! Read in this order: [`DataSet`] (what is in the shop), [`Writer`] (who goes on buying), [`compare()`] (whether both
//! sides hold the same), [`run()`] (the story that `deploy/demo.sh` tells). Tests use the first three as well.

pub mod compare;
pub(crate) mod configuration;
mod data_set;
pub(crate) mod faults;
mod keep;
mod options;
mod position;
mod run;
mod screen;
mod status;
mod story;
mod tables;
mod values;
pub(crate) mod watch;
mod writer;

pub use compare::{Report, TablePair, compare};
pub use data_set::DataSet;
pub use options::Options;
pub use position::Recorded;
pub use run::run;
pub use status::TaskStatus;
pub use tables::{TABLES, Table};
pub use writer::{LoadCounts, Writer, WriterOptions};
