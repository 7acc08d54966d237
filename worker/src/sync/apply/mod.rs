//! Batches become target transactions.
//!
//! Read `write_plan.rs` (a table as it is written), `target_tables.rs` (where plans are kept), `encode.rs` (rows to SQL), `fold.rs`
//! (changes of one key), `encoded.rs` (statements, what they have to find), `lanes.rs` (batches to fenced commits, several at a time), `applier.rs` (the control lane: tables that
//! stop and join), `ddl.rs` (a DDL, exactly once),
//! `engine.rs` (tables must be transactional), `target.rs` (sessions).

mod applier;
mod ddl;
mod ddl_session;
mod ddl_steps;
mod encode;
mod encoded;
mod engine;
mod evidence;
mod fold;
mod lanes;
mod mismatches;
mod target;
mod target_tables;
mod write_plan;

pub(crate) use applier::{Applier, RowEdit};
pub(crate) use ddl::{RefusedDdl, fault_tables, refuse_merge, rewritten, show_create_text};
pub(crate) use encode::{Options, encode, insert_rows};
pub(crate) use encoded::{Careful, Encoded, Mismatch, Verdict};
pub(crate) use engine::ensure_transactional;
use fold::Place;
pub(crate) use lanes::{DdlJob, DdlRefusal, Ended, Job, LaneCommit, LaneContext, Lanes};
pub(crate) use target::Target;
pub(crate) use target_tables::TargetTables;
pub(crate) use write_plan::WritePlan;
