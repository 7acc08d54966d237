//! What is looked at before a source is created and before a task starts.
//!
//! Masters have no database client, so they ask a worker. Every query is bounded, sources are looked at in
//! parallel, and an item that couldn't be evaluated is reported as failed, never as passed.
//!
//! Read in this order: `item` (what there is to check), `finding` and `report` (DM's report), `check_task`
//! (who looks at what), then `upstream`, `privileges`, `tables`, `target`, `merge`, `fitness` (rules against
//! structures), `readiness`; `plan` (what will happen); `check_source` and
//! `server_id` for the creation of a source; `grants` and `probe` below them.

mod check_source;
mod check_task;
mod finding;
mod fitness;
mod grants;
mod item;
mod merge;
mod plan;
mod privileges;
mod probe;
mod readiness;
mod report;
mod server_id;
mod tables;
mod target;
mod upstream;

pub use check_source::check_source;
pub use check_task::check_task;
