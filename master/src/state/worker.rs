//! Workers: the processes that move data.

use dm_model::Incarnation;
use dm_proto::v1;
use serde::{Deserialize, Serialize};

use super::{Event, Refusal, State};

/// A registered worker. Whether it is alive is not here: only the leader knows, in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its advertised address.
    pub addr: String,
    /// Its process that registered last.
    pub incarnation: Incarnation,
}

impl State {
    pub(super) fn apply_register_worker(
        &mut self,
        command: &v1::RegisterWorker,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        if command.name.is_empty() || command.addr.is_empty() || command.incarnation == 0 {
            return Err(Refusal::Invalid(
                "a worker needs a name, an address and an incarnation".to_owned(),
            ));
        }
        if let Some(known) = self.workers.get(&command.name) {
            let owned = self.owned_by(&command.name);
            // Another address is another process; it may take over the name only of one that owns nothing.
            if known.addr != command.addr && !owned.is_empty() {
                return Err(Refusal::WorkerExists {
                    name: command.name.clone(),
                    addr: known.addr.clone(),
                    sources: owned.join(","),
                });
            }
        }
        let worker = Worker {
            addr: command.addr.clone(),
            incarnation: Incarnation(command.incarnation),
        };
        self.workers.insert(command.name.clone(), worker);
        events.push(Event::WorkerChanged(command.name.clone()));
        Ok(Vec::new())
    }

    pub(super) fn apply_remove_worker(
        &mut self,
        command: &v1::RemoveWorker,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        if !self.workers.contains_key(&command.name) {
            return Err(Refusal::WorkerUnknown(command.name.clone()));
        }
        let owned = self.owned_by(&command.name);
        if !owned.is_empty() {
            return Err(Refusal::WorkerOwns {
                name: command.name.clone(),
                sources: owned.join(","),
            });
        }
        self.workers.remove(&command.name);
        for source in self.sources.values_mut() {
            if source.pinned_to.as_deref() == Some(command.name.as_str()) {
                source.pinned_to = None;
            }
        }
        events.push(Event::WorkerChanged(command.name.clone()));
        Ok(Vec::new())
    }
}
