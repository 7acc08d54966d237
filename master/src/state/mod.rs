//! The replicated state of the cluster, and the only code that changes it.
//!
//! Purpose: `(state, command) -> (state, outcome, events)`. Every master applies the same commands in
//! the same order, so everything in here must give the same result everywhere, for ever.
//!
//! Constraints: no clock, no I/O, no randomness, no iteration over unordered maps; apply never fails
//! and never panics (a command that can't be carried out is *refused* by its outcome). A change of what apply does begins at
//! a new state level (`level`). Events are
//! hints for logs and metrics: every effect derives from the state itself.
//!
//! Format: a snapshot is JSON, `{"format": 2, "state": {..}}`; see [`Snapshot`].
//!
//! Read in this order: [`State`], then one file per noun: `source`, `task`, `worker`, `lease`,
//! `operator`, `master`, `settings`; `level`, `dedupe` and `steps` for what all commands share; `refusal` has all the reasons for
//! which a command is refused.

mod dedupe;
mod event;
mod lease;
mod level;
mod master;
mod operator;
mod refusal;
mod settings;
mod snapshot;
mod source;
#[allow(clippy::module_inception)]
mod state;
mod steps;
mod task;
#[cfg(test)]
mod tests;
mod worker;

pub use dedupe::{ANSWERS_BYTES_MAX, ANSWERS_MAX, Anonymous, Dedupe};
pub use event::Event;
pub use lease::Lease;
pub use level::{LEVEL_MAX, StateLevel, level_of};
pub use operator::{OPERATORS_MAX, Operators, Recent, operator_message};
pub use refusal::Refusal;
pub use settings::{LEASE_TTL_MS_DEFAULT, LEASE_TTL_MS_MAX, LEASE_TTL_MS_MIN, Settings};
pub use snapshot::{Snapshot, SnapshotError};
pub use source::Source;
pub use state::State;
pub use task::{Progress, Subtask, Task, Wanted};
pub use worker::Worker;
