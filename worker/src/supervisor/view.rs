//! What is shown of a source and its subtasks.

use crate::relay::RelayStatus;
use crate::sync::SubtaskStatus;
use dm_model::{DmError, Epoch, Generation, SourceId, TaskName};
use dm_proto::pb;
use std::sync::Arc;

/// A source as it is now.
#[derive(Clone, Debug)]
pub struct SourceView {
    /// The source.
    pub source: SourceId,
    /// Epoch of its lease.
    pub epoch: Epoch,
    /// Whether its lease is live.
    pub live: bool,
    /// Its relay log, where this worker keeps one.
    pub relay: Option<RelayStatus>,
    /// Its subtasks, by name.
    pub subtasks: Vec<SubtaskView>,
}

/// A subtask as it is now.
#[derive(Clone, Debug)]
pub struct SubtaskView {
    /// The task.
    pub task: TaskName,
    /// The source.
    pub source: SourceId,
    /// Epoch that it runs, or last ran, or will run under.
    pub epoch: Epoch,
    /// Generation of the task.
    pub generation: Generation,
    /// DM's stage: the supervisor's view above the subtask's own.
    pub stage: pb::Stage,
    /// Why it couldn't be started.
    pub failure: Option<DmError>,
    /// Why it doesn't run although it is wanted.
    pub waits_for: Option<&'static str>,
    /// What the subtask says, or last said.
    pub status: Arc<SubtaskStatus>,
}

impl SubtaskView {
    /// The errors in force.
    pub fn errors(&self) -> impl Iterator<Item = &DmError> {
        self.failure.iter().chain(&self.status.errors)
    }

    /// What makes a report worth sending at once.
    pub(super) fn essence(&self) -> (pb::Stage, pb::UnitType, usize, Epoch) {
        (
            self.stage,
            self.status.unit,
            self.errors().count(),
            self.epoch,
        )
    }
}
