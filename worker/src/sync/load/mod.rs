//! The full copy: snapshot to target, table by table, without files.
//!
//! Format: the rows of a chunk and how far its key range is copied commit together, through lanes of the copier's own. A large table
//! is read by several readers that see the same snapshot, and that take parts of each other's key ranges when they run out.
//!
//! Recovery: finished tables stay. A table whose keys we compare as the source does keeps its finished ranges, and its cursor is then a
//! map from key range to snapshot position (R7). Any other starts over by a fenced delete of its own rows: its copy began only when the
//! target table was empty.
//!
//! Pure: `dump_args.rs`, `key_value.rs`, `range_map.rs`. Read `loader.rs` (tables over lanes), `copy.rs` (one table), `work.rs` (its
//! ranges), `chunks.rs` (reading), `range_map.rs` (what of a change the snapshots have), `target_table.rs` (making or checking it).

mod chunks;
mod consistency;
mod copy;
mod dump_args;
mod key_value;
mod loader;
mod range_map;
mod rate;
mod target_table;
mod work;

pub(crate) use consistency::Consistency;
pub(crate) use copy::Copied;
pub(crate) use dump_args::DumpArgs;
pub(crate) use key_value::Key;
pub(crate) use loader::{LoadContext, LoadQueue, load_tables};
pub(crate) use range_map::{CopiedRange, Judged, RangeMap, SnapshotAt, gaps};
pub(crate) use rate::LoadRate;
