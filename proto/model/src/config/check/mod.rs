//! Rules that span several keys, and values that need a look of their own.
//!
//! [`source`] and [`task`] are called once the structs exist; `required_*` before, while what is
//! missing can still be told from what is empty.

mod blocks;
mod references;
mod required;
mod source;
mod task;

pub(super) use required::{required_source_keys, required_task_keys};
pub(super) use source::source;
pub(super) use task::task;
