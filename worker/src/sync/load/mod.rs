//! The full copy: snapshot to target, table by table, without files.
//!
//! A chunk's rows and its progress commit together, through a lane of its own per copier. A table that was being copied when its
//! worker died starts over by a fenced delete of its own rows: the copy began only when the target table was empty. Finished
//! tables stay.
//!
//! Read `loader.rs` (tables over copiers), `copy.rs` (one table), `chunks.rs` (reading), `target_table.rs` (making or checking it).

mod chunks;
mod copy;
mod loader;
mod target_table;

pub(crate) use copy::Copied;
pub(crate) use loader::{LoadContext, load_tables};
