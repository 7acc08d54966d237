//! Sources: the upstream databases.

use dm_model::Epoch;
use dm_proto::v1;
use serde::{Deserialize, Serialize};

use super::{Event, Lease, Refusal, State, Wanted, level::LEVEL_CHECKED};

/// Leases of removed sources that are remembered; the oldest of more have run out long ago.
const ORPHANED_LEASES_MAX: usize = 1_000;

/// An upstream database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The whole source.yaml; its password is encrypted when the cluster has a key.
    pub yaml: String,
    /// Log index of the last change of `yaml`.
    pub revision: u64,
    /// Who owns it.
    pub lease: Option<Lease>,
    /// Epoch of the last grant, also after the lease ended; 0 when it was never owned.
    pub last_epoch: Epoch,
    /// `transfer-source`: the worker that it shall move to.
    pub pinned_to: Option<String>,
}

impl State {
    /// Names of the tasks that have a subtask for the source, in order.
    pub fn tasks_of(&self, source_id: &str) -> Vec<String> {
        let having = self
            .tasks
            .iter()
            .filter(|(_, task)| task.subtasks.contains_key(source_id));
        having.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn source_mut(&mut self, source_id: &str) -> Result<&mut Source, Refusal> {
        self.sources
            .get_mut(source_id)
            .ok_or_else(|| Refusal::SourceUnknown(source_id.to_owned()))
    }

    pub(super) fn apply_put_source(
        &mut self,
        index: u64,
        command: &v1::PutSource,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        let id = &command.source_id;
        if id.is_empty() || command.yaml.is_empty() {
            return Err(Refusal::Invalid(
                "a source needs an id and a configuration".to_owned(),
            ));
        }
        match (self.sources.contains_key(id), command.create_only) {
            (true, true) => return Err(Refusal::SourceExists(id.clone())),
            (false, false) => return Err(Refusal::SourceUnknown(id.clone())),
            (true, false) => self.replace_source(index, command)?,
            (false, true) => {
                // Its old owner may not have heard yet that it was removed: it keeps the lease, or the lease runs out.
                let lease = self.orphaned_leases.remove(id);
                let source = Source {
                    yaml: command.yaml.clone(),
                    revision: index,
                    last_epoch: lease.as_ref().map_or(Epoch(0), |lease| lease.epoch),
                    lease,
                    pinned_to: None,
                };
                self.sources.insert(id.clone(), source);
            }
        }
        events.push(Event::SourceChanged(id.clone()));
        Ok(vec![id.clone()])
    }

    fn replace_source(&mut self, index: u64, command: &v1::PutSource) -> Result<(), Refusal> {
        let id = &command.source_id;
        let running = self.tasks.iter().filter(|(_, task)| {
            task.subtasks
                .get(id)
                .is_some_and(|subtask| subtask.wanted == Wanted::Running)
        });
        let running: Vec<&str> = running.map(|(name, _)| name.as_str()).collect();
        let relay_only = command.relay_only && self.has_level(LEVEL_CHECKED);
        if !running.is_empty() && !relay_only {
            return Err(Refusal::SourceBusy {
                source_id: id.clone(),
                tasks: running.join(","),
            });
        }
        let source = self.source_mut(id)?;
        source.yaml = command.yaml.clone();
        source.revision = index;
        Ok(())
    }

    pub(super) fn apply_remove_source(
        &mut self,
        command: &v1::RemoveSource,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        let id = &command.source_id;
        if !self.sources.contains_key(id) {
            return Err(Refusal::SourceUnknown(id.clone()));
        }
        let tasks = self.tasks_of(id);
        if !tasks.is_empty() {
            return Err(Refusal::SourceHasTasks {
                source_id: id.clone(),
                tasks: tasks.join(","),
            });
        }
        let removed = self.sources.remove(id);
        if self.has_level(LEVEL_CHECKED)
            && let Some(lease) = removed.and_then(|source| source.lease)
        {
            self.orphaned_leases.insert(id.clone(), lease);
            while self.orphaned_leases.len() > ORPHANED_LEASES_MAX {
                let oldest = self
                    .orphaned_leases
                    .iter()
                    .min_by_key(|(_, lease)| lease.epoch)
                    .map(|(id, _)| id.clone());
                oldest.and_then(|id| self.orphaned_leases.remove(&id));
            }
        }
        events.push(Event::SourceChanged(id.clone()));
        Ok(vec![id.clone()])
    }

    pub(super) fn apply_pin_source(
        &mut self,
        command: &v1::PinSource,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        if !command.worker.is_empty() && !self.workers.contains_key(&command.worker) {
            return Err(Refusal::WorkerUnknown(command.worker.clone()));
        }
        let source = self.source_mut(&command.source_id)?;
        source.pinned_to = (!command.worker.is_empty()).then(|| command.worker.clone());
        events.push(Event::SourceChanged(command.source_id.clone()));
        Ok(vec![command.source_id.clone()])
    }
}
