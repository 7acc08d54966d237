//! Which upstream transactions share a target commit, on which lane, and what of the stream is in. Pure.
//!
//! `comparison.rs`, `write_set.rs`, `keyed.rs`: which keys of the target a row has (R16, R17). `footprint.rs`: what a transaction touches. `scheduler.rs`: who follows whom, and who shares a batch (R15). `window.rs`: progress with
//! holes (R14). `lane_batch.rs`: what a lane gets. `batch.rs`: what a second reader commits, in order. `pace.rs`: how large batches are. `scheduler_test.rs` checks scheduler and window together against serial application, with
//! crashes.

mod batch;
mod comparison;
mod footprint;
mod keyed;
mod lane_batch;
mod pace;
mod scheduler;
mod window;
mod write_set;

pub(crate) use batch::Batch;
pub(crate) use comparison::{Comparison, Kept};
pub(crate) use footprint::{Footprint, Needs, TableId};
pub(crate) use keyed::Keyed;
pub(crate) use lane_batch::LaneBatch;
pub(crate) use pace::Pace;
pub(crate) use scheduler::{Limits, Scheduler, Size};
pub(crate) use window::{Seq, Window};
pub(crate) use write_set::{KeyHash, KeyPlan, RowKey, WriteSet};
