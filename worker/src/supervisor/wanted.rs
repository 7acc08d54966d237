//! The wanted state, as nouns.

use crate::sync::Operators;
use dm_model::{
    BinlogPosition, DmError, Epoch, EventPlace, Generation, Gtid, Operator, OperatorAction,
    SourceId, TaskName, codes,
};
use dm_proto::v1;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// What to do with statements that the target refuses.
    pub operators: Arc<Operators>,
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
                operators: Arc::new(Operators::new(
                    subtask
                        .operators
                        .iter()
                        .map(operator)
                        .collect::<Result<_, _>>()?,
                )),
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

fn operator(message: &v1::Operator) -> Result<Operator, DmError> {
    let action = OperatorAction::by_number(message.op).ok_or_else(|| {
        let text = format!(
            "operation {} is not known to this worker; upgrade it",
            message.op
        );
        DmError::new(&codes::VERIFY_HANDLE_ERROR_ARGS, text)
    })?;
    let gtid = (!message.gtid.is_empty()).then(|| Gtid::parse(&message.gtid));
    let start = (!message.position.is_empty()).then(|| BinlogPosition::parse(&message.position));
    Ok(Operator {
        action,
        place: EventPlace {
            gtid: gtid.transpose()?,
            start: start.transpose()?,
        },
        sqls: message.sqls.clone(),
        hash: message.hash.clone(),
        tables: message.tables.clone(),
    })
}
