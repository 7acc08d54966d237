//! The whole replicated state, and the one door through which it changes.

use std::collections::BTreeMap;

use dm_model::Generation;
use dm_proto::v1::{self, command::Kind};
use serde::{Deserialize, Serialize};

use super::{Dedupe, Event, Operators, Recent, Refusal, Settings, Source, Task, Worker};

/// Everything that the masters agree on. Keys are names as users write them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Log index of the last command; what a reader saw is named by it.
    pub applied: u64,
    /// Cluster settings.
    #[serde(default)]
    pub settings: Settings,
    /// Registered workers by name.
    #[serde(default)]
    pub workers: BTreeMap<String, Worker>,
    /// Sources by id.
    #[serde(default)]
    pub sources: BTreeMap<String, Source>,
    /// Tasks by name; a task without subtasks is not there.
    #[serde(default)]
    pub tasks: BTreeMap<String, Task>,
    /// Generation of every task name ever used: it outlives stop-task (R27).
    #[serde(default)]
    pub generations: BTreeMap<String, Generation>,
    /// Binlog operators by task.
    #[serde(default)]
    pub operators: BTreeMap<String, Operators>,
    /// Newest requests that came without an id, oldest first (R29).
    #[serde(default)]
    pub recent: Vec<Recent>,
    /// Answers of mutating requests.
    #[serde(default)]
    pub answers: Dedupe,
}

impl State {
    /// Carries out one command of the log. Never fails: a refusal is an outcome too.
    pub fn apply(&mut self, index: u64, command: &v1::Command) -> (v1::Outcome, Vec<Event>) {
        self.applied = index;
        if !command.request_id.is_empty()
            && let Some(first_answer) = self.answers.get(&command.request_id)
        {
            return (first_answer, Vec::new());
        }
        let mut events = Vec::new();
        let outcome = match self.dispatch(index, command, &mut events) {
            Ok(sources) => v1::Outcome {
                ok: true,
                code: 0,
                message: String::new(),
                index,
                sources,
            },
            Err(refusal) => v1::Outcome {
                ok: false,
                code: refusal.code(),
                message: refusal.to_string(),
                index,
                sources: Vec::new(),
            },
        };
        if !command.request_id.is_empty() {
            self.answers.put(&command.request_id, &outcome);
        }
        (outcome, events)
    }

    fn dispatch(
        &mut self,
        index: u64,
        command: &v1::Command,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        let trace = command.traceparent.as_str();
        match &command.kind {
            Some(Kind::PutSource(kind)) => self.apply_put_source(index, kind, events),
            Some(Kind::RemoveSource(kind)) => self.apply_remove_source(kind, events),
            Some(Kind::PutTask(kind)) => self.apply_put_task(index, trace, kind, events),
            Some(Kind::SetStage(kind)) => self.apply_set_stage(index, trace, kind, events),
            Some(Kind::RemoveSubtasks(kind)) => self.apply_remove_subtasks(kind, events),
            Some(Kind::RegisterWorker(kind)) => self.apply_register_worker(kind, events),
            Some(Kind::Grant(kind)) => self.apply_grant(index, kind, events),
            Some(Kind::Release(kind)) => self.apply_release(kind, events),
            Some(Kind::Settings(kind)) => self.apply_settings(kind, events),
            Some(Kind::RecordProgress(kind)) => self.apply_record_progress(kind),
            Some(Kind::RemoveWorker(kind)) => self.apply_remove_worker(kind, events),
            Some(Kind::PinSource(kind)) => self.apply_pin_source(kind, events),
            Some(Kind::SetOperators(kind)) => {
                self.apply_set_operators(index, &command.request_id, trace, kind, events)
            }
            None => Err(Refusal::UnknownKind),
        }
    }
}
