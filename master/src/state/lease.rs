//! Leases: who owns a source, by which log entry.

use dm_model::{Epoch, Incarnation};
use dm_proto::v1;
use serde::{Deserialize, Serialize};

use super::{Event, Refusal, State, settings::check_ttl};

/// Ownership of one source by one process of one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Name of the owner.
    pub worker: String,
    /// The owner's process: a restarted worker does not inherit (R30).
    pub incarnation: Incarnation,
    /// Log index of the grant.
    pub epoch: Epoch,
    /// How long a renewal holds; the next leader waits this long (R31).
    pub ttl_ms: u64,
}

impl State {
    /// The lease of a source, if somebody owns it.
    pub fn lease(&self, source_id: &str) -> Option<&Lease> {
        self.sources
            .get(source_id)
            .and_then(|source| source.lease.as_ref())
    }

    /// Sources that the worker owns, whichever of its processes.
    pub fn owned_by(&self, worker: &str) -> Vec<String> {
        let owned = self.sources.iter().filter(|(_, source)| {
            source
                .lease
                .as_ref()
                .is_some_and(|lease| lease.worker == worker)
        });
        owned.map(|(source_id, _)| source_id.clone()).collect()
    }

    /// The longest TTL of any lease, which a new leader waits before it calls one expired (R31).
    pub fn lease_ttl_longest_ms(&self) -> u64 {
        self.sources
            .values()
            .filter_map(|source| source.lease.as_ref())
            .chain(self.orphaned_leases.values())
            .map(|lease| lease.ttl_ms)
            .max()
            .unwrap_or(0)
    }

    pub(super) fn apply_grant(
        &mut self,
        index: u64,
        command: &v1::Grant,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        let ttl_ms = if command.ttl_ms == 0 {
            self.settings.lease_ttl_ms
        } else {
            command.ttl_ms
        };
        self.require_epoch(&command.source_id, command.expected_epoch)?;
        let worker = self
            .workers
            .get(&command.worker)
            .ok_or_else(|| Refusal::WorkerUnknown(command.worker.clone()))?;
        if worker.incarnation.0 != command.incarnation {
            return Err(Refusal::IncarnationChanged {
                name: command.worker.clone(),
            });
        }
        let source = self.source_mut(&command.source_id)?;
        source.lease = Some(Lease {
            worker: command.worker.clone(),
            incarnation: Incarnation(command.incarnation),
            epoch: Epoch(index),
            ttl_ms,
        });
        source.last_epoch = Epoch(index);
        if source.pinned_to.as_deref() == Some(command.worker.as_str()) {
            source.pinned_to = None;
        }
        events.push(Event::Granted {
            source_id: command.source_id.clone(),
            worker: command.worker.clone(),
            epoch: index,
        });
        Ok(vec![command.source_id.clone()])
    }

    pub(super) fn apply_release(
        &mut self,
        command: &v1::Release,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        self.require_epoch(&command.source_id, command.expected_epoch)?;
        let source = self.source_mut(&command.source_id)?;
        if source.lease.take().is_some() {
            events.push(Event::Released {
                source_id: command.source_id.clone(),
                epoch: command.expected_epoch,
            });
        }
        Ok(vec![command.source_id.clone()])
    }

    pub(super) fn apply_retime_lease(
        &mut self,
        command: &v1::RetimeLease,
    ) -> Result<Vec<String>, Refusal> {
        self.require_epoch(&command.source_id, command.expected_epoch)?;
        check_ttl(command.ttl_ms)?;
        let source = self.source_mut(&command.source_id)?;
        if let Some(lease) = &mut source.lease {
            lease.ttl_ms = command.ttl_ms;
        }
        Ok(vec![command.source_id.clone()])
    }

    fn require_epoch(&self, source_id: &str, expected: u64) -> Result<(), Refusal> {
        let source = self
            .sources
            .get(source_id)
            .ok_or_else(|| Refusal::SourceUnknown(source_id.to_owned()))?;
        let found = source.lease.as_ref().map_or(0, |lease| lease.epoch.0);
        if found != expected {
            return Err(Refusal::EpochChanged {
                source_id: source_id.to_owned(),
                expected,
                found,
            });
        }
        Ok(())
    }
}
