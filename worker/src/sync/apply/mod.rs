//! Batches become target transactions.
//!
//! Read `encode.rs` (rows to SQL), `applier.rs` (a batch to a fenced commit, faults to stopped tables), `ddl.rs` (a DDL, exactly once),
//! `engine.rs` (tables must be transactional), `target.rs` (sessions).

mod applier;
mod committed;
mod ddl;
mod encode;
mod engine;
mod evidence;
mod target;

pub(crate) use applier::Applier;
pub(crate) use committed::Committed;
pub(crate) use ddl::{fault_tables, rewritten, show_create_text};
pub(crate) use encode::{Encoder, insert_rows};
pub(crate) use engine::ensure_transactional;
pub(crate) use target::Target;
