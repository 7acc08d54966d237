//! Fence and progress in the target's meta schema.
//!
//! Format: four tables, shared by all tasks of the schema.
//! - `dm_head`: one row per (task, source) with the cluster, generation, epoch and incarnation in force.
//! - `dm_lane`: one row per writing session. It is compared and set by every data transaction
//!   (`WHERE epoch = mine AND seq = n` → `seq = n + 1`), and holds the progress and the DDL intent of lane 0.
//! - `dm_table`: one row per source table: its state, cursor and structure.
//! - `dm_chunk`: one row per finished key range of a table that is being copied.
//!
//! Rules: R9 (checked before COMMIT can happen), R10 (compare and set), R11 (raising), R12 (a blocking connection is killed),
//! R13 (progress is read again on every new connection), R14 (progress is the union of the lanes' rows), R20 (transactional engine), R27 (generations), R30 (incarnations).
//!
//! Recovery: [`raise`](head::raise) first; only then is anything read. What the rows say is the truth, whatever the worker remembers.
//!
//! Read `tables.rs`, `head.rs`, `lane.rs`, `table_row.rs`, `chunk_row.rs`.

mod chunk_row;
mod fold;
mod head;
mod lane;
mod progress;
mod table_row;
mod tables;

pub(crate) use chunk_row::ChunkRow;
pub(crate) use fold::fold;
pub(crate) use head::raise;
pub(crate) use lane::{CONTROL_LANE, DATA_LANE, DDL_LANE, Lane, LaneError, Outcome};
pub(crate) use progress::{Intent, Progress, UNFINISHED_MAX, Unfinished};
pub(crate) use table_row::{TableRow, TableState};
pub(crate) use tables::MetaTables;
