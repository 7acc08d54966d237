//! One subtask: a source's changes, read, understood and applied to the target exactly once.

mod fence_token;
mod status;
mod subtask;

pub use fence_token::FenceToken;
pub use status::{SubtaskStatus, TableStatus};
pub use subtask::{Subtask, SubtaskHandle, SubtaskSpec};
