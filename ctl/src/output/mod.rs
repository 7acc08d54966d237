//! How answers are printed: DM's JSON for scripts, tables for people.

mod format;
mod plain;
mod raw_check;
mod table;

pub use format::Format;
pub use plain::plain;
pub use raw_check::with_raw_check;
pub use table::{human_bytes, outcome, table, worker_answers};
