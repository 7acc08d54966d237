//! What is to be done with statements that a target refuses: binlog operators (R27, R29).

use std::collections::BTreeMap;

use dm_model::{BinlogPosition, EventPlace, Gtid, Operator, OperatorAction};
use dm_proto::{pb::ErrorOp, v1};
use serde::{Deserialize, Serialize};

use super::{Event, Refusal, State, Wanted};
use dm_model::Epoch;

/// Operators of one subtask; a new one beyond this is refused.
pub const OPERATORS_MAX: usize = 1_000;
/// Requests without an id that are remembered.
const RECENT_MAX: usize = 64;

/// The operators of one task, by source, and the generation that they belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operators {
    /// Log index of the task's generation; another generation has none of these.
    pub generation: u64,
    /// By source, oldest first.
    pub by_source: BTreeMap<String, Vec<Operator>>,
}

/// A request that came without an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// Of its bytes.
    pub digest: String,
    /// By the leader's clock, milliseconds since 1970.
    pub issued_ms: u64,
    /// The id that it was given.
    pub request_id: String,
}

impl State {
    /// The operators of a subtask, oldest first.
    pub fn operators_of(&self, task: &str, source_id: &str) -> &[Operator] {
        let generation = self.tasks.get(task).map_or(0, |known| known.generation.0);
        self.operators
            .get(task)
            .filter(|operators| operators.generation == generation)
            .and_then(|operators| operators.by_source.get(source_id))
            .map_or(&[], Vec::as_slice)
    }

    /// The id that an equal request without id was given since `after_ms`.
    pub fn recent_request(&self, digest: &str, after_ms: u64) -> Option<&str> {
        self.recent
            .iter()
            .rev()
            .find(|recent| recent.digest == digest && recent.issued_ms >= after_ms)
            .map(|recent| recent.request_id.as_str())
    }

    pub(super) fn apply_set_operators(
        &mut self,
        index: u64,
        request_id: &str,
        traceparent: &str,
        command: &v1::SetOperators,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        let changed = self.changed_operators(command)?;
        let sources: Vec<String> = command
            .operators
            .iter()
            .map(|operator| operator.source_id.clone())
            .collect();
        self.operators.insert(command.task.clone(), changed);
        if let Some(task) = self.tasks.get_mut(&command.task).filter(|_| command.resume) {
            for source_id in &sources {
                if let Some(subtask) = task.subtasks.get_mut(source_id) {
                    subtask.wanted = Wanted::Running;
                    subtask.changed = index;
                    subtask.authorised = Epoch(index);
                    subtask.traceparent = traceparent.to_owned();
                }
            }
        }
        if !command.digest.is_empty() {
            self.recent.push(Recent {
                digest: command.digest.clone(),
                issued_ms: command.issued_ms,
                request_id: base_of(request_id).to_owned(),
            });
            let excess = self.recent.len().saturating_sub(RECENT_MAX);
            self.recent.drain(..excess);
        }
        events.push(Event::TaskChanged(command.task.clone()));
        Ok(sources)
    }

    /// Checks the whole command before anything changes.
    fn changed_operators(&self, command: &v1::SetOperators) -> Result<Operators, Refusal> {
        let task = self
            .tasks
            .get(&command.task)
            .ok_or_else(|| Refusal::TaskUnknown(command.task.clone()))?;
        if task.generation.0 != command.generation {
            return Err(Refusal::GenerationChanged(command.task.clone()));
        }
        let mut changed = self
            .operators
            .get(&command.task)
            .filter(|operators| operators.generation == command.generation)
            .cloned()
            .unwrap_or_default();
        changed.generation = command.generation;
        for given in &command.operators {
            if !task.subtasks.contains_key(&given.source_id) {
                return Err(Refusal::SubtaskUnknown {
                    task: command.task.clone(),
                    sources: given.source_id.clone(),
                });
            }
            let place = place_of(given)?;
            let list = changed
                .by_source
                .entry(given.source_id.clone())
                .or_default();
            let before = list.len();
            list.retain(|operator| !operator.place.same(&place));
            if given.op == i32::from(ErrorOp::Revert) {
                if list.len() == before {
                    return Err(Refusal::OperatorUnknown {
                        source_id: given.source_id.clone(),
                        place: place.to_string(),
                    });
                }
                continue;
            }
            let action = OperatorAction::by_number(given.op)
                .ok_or_else(|| Refusal::Invalid(format!("operation {} is none", given.op)))?;
            if list.len() >= OPERATORS_MAX {
                return Err(Refusal::Invalid(format!(
                    "source {} of task {} has {OPERATORS_MAX} operators; revert some that are behind",
                    given.source_id, command.task
                )));
            }
            list.push(Operator {
                action,
                place,
                sqls: given.sqls.clone(),
                hash: given.hash.clone(),
                tables: given.tables.clone(),
            });
        }
        changed.by_source.retain(|_, list| !list.is_empty());
        Ok(changed)
    }
}

fn place_of(given: &v1::Operator) -> Result<EventPlace, Refusal> {
    let invalid = |error: dm_model::DmError| Refusal::Invalid(error.message);
    let place = EventPlace {
        gtid: (!given.gtid.is_empty())
            .then(|| Gtid::parse(&given.gtid))
            .transpose()
            .map_err(invalid)?,
        start: (!given.position.is_empty())
            .then(|| BinlogPosition::parse(&given.position))
            .transpose()
            .map_err(invalid)?,
    };
    if place == EventPlace::default() {
        return Err(Refusal::Invalid("an operator needs a position".to_owned()));
    }
    Ok(place)
}

/// A request's id without the name of its step.
fn base_of(request_id: &str) -> &str {
    request_id
        .rsplit_once('/')
        .map_or(request_id, |(base, _)| base)
}

/// As the command and the wanted state carry it.
pub fn operator_message(source_id: &str, operator: &Operator) -> v1::Operator {
    let text = |value: Option<String>| value.unwrap_or_default();
    v1::Operator {
        op: operator.action.number(),
        source_id: source_id.to_owned(),
        position: text(operator.place.start.as_ref().map(ToString::to_string)),
        gtid: text(operator.place.gtid.as_ref().map(ToString::to_string)),
        sqls: operator.sqls.clone(),
        hash: operator.hash.clone(),
        tables: operator.tables.clone(),
    }
}
