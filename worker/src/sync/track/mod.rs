//! Schema history and table cursors: which rows of a transaction are still to be applied, and what they mean.
//!
//! `cursors.rs` and `tracker.rs` are pure. The tracker's structures are those at the position of the stream; each table's is kept
//! durable in its row of `dm_table` and changes in the commit that moves past the DDL.
//!
//! Tables off the main cursor: a loaded table is ahead of the stream and drops what its snapshot has; a stopped one stays behind.
//! Resuming moves the stream back to the oldest stopped table; the others, which stand at the floor, drop what they have until the
//! stream reaches it (R4; a second reader for them is the Full migration issue's).

mod cursors;
mod matching;
mod origin;
mod tracked;
mod tracker;

pub(crate) use cursors::{Standing, TableCursors};
pub(crate) use origin::Origin;
pub(crate) use tracked::{Change, Tracked, TrackedItem};
pub(crate) use tracker::{TableFault, Tracker};
