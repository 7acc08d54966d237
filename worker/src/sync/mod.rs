//! One subtask: a source's changes, read, understood and applied to the target exactly once.
//!
//! Read in the order in which data flows; each folder is a stage with its own type, so the compiler says where you are:
//!
//! | folder | from → to | its job |
//! |---|---|---|
//! | `upstream/` | server → [`RawEvent`](upstream::RawEvent) | connections, positions, structures, snapshots, the binlog stream |
//! | `load/` | snapshot → target | the full copy, table by table |
//! | `decode/` | `RawEvent` → [`Transaction`](decode::Transaction) | bytes to whole upstream transactions |
//! | `track/` | `Transaction` → [`Tracked`](track::Tracked) | schema history and table cursors |
//! | `transform/` | `Tracked` → [`Routed`](transform::Routed) | filter, route, column plan |
//! | `schedule/` | `Routed` → [`Batch`](schedule::Batch) | which transactions share a target commit, on which lane; progress with holes |
//! | `apply/` | `Batch` → commits | SQL, the fenced commit, DDL |
//! | `run/` | – | take over, set up, copy, stream: the loop that drives the stages |
//! | `meta/` | – | head, lane and table rows in the target: fence and progress in one place |
//!
//! Invariants: nothing writes to a target without a [`FenceToken`]; progress commits with the data that it describes; a table's
//! source structure is never asked of the target; `track::cursors` and `transform` are pure.
//!
//! Recovery: everything is read again from the target's meta rows after the epochs were raised (`meta/head.rs`); there is no local state.

mod apply;
mod backoff;
mod blocked_at;
mod control;
mod decode;
mod errors;
mod failpoint;
mod fence_token;
mod lag;
mod load;
mod meta;
mod native;
mod operators;
mod run;
mod schedule;
mod status;
mod stop;
mod subtask;
mod table_command;
mod track;
mod transform;
mod upstream;
mod value;

pub use blocked_at::BlockedAt;
pub use fence_token::FenceToken;
pub use lag::{LAG_BOUNDS_MS, LagHistogram};
pub use operators::Operators;
pub use status::{SubtaskStatus, TableMismatches, TableStatus};
pub use subtask::{Subtask, SubtaskHandle, SubtaskSpec};
pub use table_command::{TableCommand, TableCommands, TableOp};
