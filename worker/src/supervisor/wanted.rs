//! The wanted state, as nouns.

use dm_model::{DmError, Epoch, Generation, SourceId, TaskName};
use dm_proto::v1;
use std::collections::BTreeMap;

/// What shall run for one source.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedSource {
    /// The source.
    pub source: SourceId,
    /// Epoch of its lease.
    pub epoch: Epoch,
    /// The source's configuration.
    pub yaml: String,
    /// Stop everything and say so.
    pub drain: bool,
    /// Length of the lease.
    pub ttl_ms: u64,
    /// Its subtasks.
    pub subtasks: BTreeMap<TaskName, WantedSubtask>,
}

/// One wanted subtask.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedSubtask {
    /// The task's configuration.
    pub yaml: String,
    /// False: paused by the user.
    pub running: bool,
    /// Epoch of this start.
    pub epoch: Epoch,
    /// Generation of the task.
    pub generation: Generation,
    /// `--start-time`.
    pub start_time: Option<String>,
    /// Trace context of the request behind it.
    pub traceparent: String,
}

impl WantedSource {
    /// Takes over one source of the leader's message; a name that can't be one is an error.
    pub fn take(wanted: v1::DesiredSource) -> Result<Self, DmError> {
        let mut subtasks = BTreeMap::new();
        for subtask in wanted.subtasks {
            let running = subtask.stage() == v1::WantedStage::WantedRunning;
            let task = TaskName::new(&subtask.task)?;
            let taken = WantedSubtask {
                running,
                yaml: subtask.yaml,
                epoch: Epoch(subtask.epoch),
                generation: Generation(subtask.generation),
                start_time: Some(subtask.start_time).filter(|time| !time.is_empty()),
                traceparent: subtask.traceparent,
            };
            subtasks.insert(task, taken);
        }
        Ok(Self {
            source: SourceId::new(&wanted.source_id)?,
            epoch: Epoch(wanted.epoch),
            yaml: wanted.yaml,
            drain: wanted.drain,
            ttl_ms: wanted.ttl_ms,
            subtasks,
        })
    }
}
