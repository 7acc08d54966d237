//! The seam between supervision and the pipeline.

use crate::sync::{Subtask, SubtaskHandle, SubtaskSpec, SubtaskStatus, TableCommands};
use std::future::Future;
use std::sync::Arc;

/// Starts subtasks.
pub trait Spawn: Send + Sync + 'static {
    /// What a start gives.
    type Handle: Running;

    /// Starts one; returns at once.
    fn spawn(&self, spec: SubtaskSpec) -> Self::Handle;
}

/// A started subtask.
pub trait Running: Send + 'static {
    /// Asks it to stop; returns at once.
    fn stop(&self);

    /// Nothing of it will write any more.
    fn stopped(&mut self) -> impl Future<Output = ()> + Send;

    /// Its state now.
    fn status(&self) -> Arc<SubtaskStatus>;
}

/// The real pipeline.
#[derive(Clone, Debug, Default)]
pub struct SubtaskSpawner {
    /// Where the subtasks take commands about single tables.
    pub commands: TableCommands,
}

impl Spawn for SubtaskSpawner {
    type Handle = SubtaskHandle;

    fn spawn(&self, spec: SubtaskSpec) -> SubtaskHandle {
        Subtask::spawn(spec, &self.commands)
    }
}

impl Running for SubtaskHandle {
    fn stop(&self) {
        SubtaskHandle::stop(self);
    }

    async fn stopped(&mut self) {
        SubtaskHandle::stopped(self).await;
    }

    fn status(&self) -> Arc<SubtaskStatus> {
        SubtaskHandle::status(self)
    }
}
