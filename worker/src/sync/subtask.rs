//! A running subtask.
use super::{FenceToken, SubtaskStatus};
use dm_model::config::{SourceConfig, SubtaskConfig, TaskConfig};
use std::sync::Arc;

/// Everything a subtask is started with.
#[derive(Clone, Debug)]
pub struct SubtaskSpec {
    /// The right to write.
    pub token: FenceToken,
    /// The source, its password decrypted.
    pub source: Arc<SourceConfig>,
    /// The task, its password decrypted.
    pub task: Arc<TaskConfig>,
    /// The task as resolved for this source.
    pub config: SubtaskConfig,
    /// `--start-time`.
    pub start_time: Option<String>,
}

/// Starts subtasks.
#[derive(Debug)]
pub struct Subtask;

impl Subtask {
    /// Starts one.
    pub fn spawn(_spec: SubtaskSpec) -> SubtaskHandle {
        SubtaskHandle { status: Arc::new(SubtaskStatus::default()) }
    }
}

/// A started subtask.
#[derive(Debug)]
pub struct SubtaskHandle {
    status: Arc<SubtaskStatus>,
}

impl SubtaskHandle {
    /// Asks it to stop; returns at once.
    pub fn stop(&self) {}

    /// Nothing of it will write any more: its target connections are closed.
    pub async fn stopped(&mut self) {}

    /// Its state now.
    pub fn status(&self) -> Arc<SubtaskStatus> {
        Arc::clone(&self.status)
    }
}
