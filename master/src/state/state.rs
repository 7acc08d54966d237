//! The whole replicated state, and the one door through which it changes.

use std::collections::BTreeMap;

use dm_model::Generation;
use dm_proto::v1::{self, command::Kind};
use serde::{Deserialize, Serialize};

use super::{
    Dedupe, Event, Lease, Operators, Recent, Refusal, Settings, Source, StateLevel, Task, Worker,
    level::LEVEL_CHECKED,
};

/// Everything that the masters agree on. Keys are names as users write them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Log index of the last command; what a reader saw is named by it.
    pub applied: u64,
    /// What every member understands (R26).
    #[serde(default)]
    pub level: StateLevel,
    /// Masters that shall leave, or have left: node id to name.
    #[serde(default)]
    pub removed_masters: BTreeMap<u64, String>,
    /// Leases that were in force when their source was removed: one that is created again may have its owner yet.
    #[serde(default)]
    pub orphaned_leases: BTreeMap<String, Lease>,
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
        let applied = self
            .check_admissible(command)
            .and_then(|()| self.dispatch(index, command, &mut events));
        let outcome = match applied {
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
            let bounded = self.has_level(LEVEL_CHECKED);
            self.answers.put(&command.request_id, &outcome, bounded);
            if bounded && outcome.ok {
                self.answers.note_last(command);
            }
        }
        (outcome, events)
    }

    pub(super) fn dispatch(
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
            Some(Kind::RaiseStateLevel(kind)) => self.apply_raise_state_level(kind.level, events),
            Some(Kind::RemoveMaster(kind)) => self.apply_remove_master(kind, events),
            Some(Kind::Steps(kind)) => self.apply_steps(index, &kind.steps, events),
            Some(Kind::RetimeLease(kind)) => self.apply_retime_lease(kind),
            None => Err(Refusal::UnknownKind),
        }
    }
}
