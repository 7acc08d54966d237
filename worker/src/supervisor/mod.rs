//! Keeps what runs equal to what the leader wants, one independent task per source.
//!
//! Level-triggered: every turn compares the wanted state with the running subtasks and takes the
//! differences away. A subtask is stopped completely before its successor starts, and nothing of one
//! source ever waits for another source.
//!
//! Read in this order: `wanted` (what shall run), `plan` (pure: what to do about it), `spec` (what a subtask is
//! started with), `spawn` (the seam to the pipeline), `source_actor` (one source), `supervisor` (all of them), `view` and `render` (status).

mod current_error;
mod plan;
mod render;
mod source_actor;
mod spawn;
mod spec;
#[allow(clippy::module_inception)]
mod supervisor;
mod view;
mod wanted;

pub use current_error::current_error;
pub use render::{list_response, report};
pub use spawn::{Running, Spawn, SubtaskSpawner};
pub use supervisor::Supervisor;
pub use view::{SourceView, SubtaskView};
pub use wanted::{WantedSource, WantedSubtask};
