//! Keys of `task.yaml`.
use super::Key;
/// Keys.
pub static TASK: &[Key] = &[];
