//! Schema history and table cursors: which rows of a transaction are still to be applied, and what they mean.
//!
//! `cursors.rs` and `tracker.rs` are pure. The tracker's structures are those at the position of the stream; each table's is kept
//! durable in its row of `dm_table` and changes in the commit that moves past the DDL.
//!
//! A table off the main cursor (loading, loaded, stopped) is passed over by the main stream; a second reader with a tracker of its own
//! catches it up, and the two meet at a join point (R4, R5).

mod cursors;
mod matching;
mod online;
mod origin;
mod tracked;
mod tracker;

pub(crate) use cursors::{Standing, TableCursors};
pub(crate) use origin::Origin;
pub(crate) use tracked::{Change, Tracked, TrackedItem};
pub(crate) use tracker::{TableFault, Tracker};
