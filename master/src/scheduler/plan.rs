//! The decision itself.

use std::collections::BTreeMap;

use super::{Action, Observed};
use crate::state::{Lease, Source, State, level_of};
use dm_proto::v1::{RetimeLease, command::Kind};

/// The steps that the leader shall propose now, in a fixed order.
pub fn plan(state: &State, observed: &Observed) -> Vec<Action> {
    let mut planner = Planner::new(state, observed);
    let mut actions = Vec::new();
    for (source_id, source) in &state.sources {
        actions.extend(planner.plan_source(source_id, source));
    }
    actions
}

struct Planner<'a> {
    state: &'a State,
    observed: &'a Observed,
    /// Sources per live worker, grants of this plan included.
    load: BTreeMap<&'a str, usize>,
}

impl<'a> Planner<'a> {
    fn new(state: &'a State, observed: &'a Observed) -> Self {
        let mut load = BTreeMap::new();
        for (name, worker) in &state.workers {
            let Some(seen) = observed.workers.get(name) else {
                continue;
            };
            let silent_ms = observed.now_ms.saturating_sub(seen.heard_ms);
            let same_process = seen.incarnation == worker.incarnation.0;
            if same_process && !seen.leaving && silent_ms <= state.settings.lease_ttl_ms {
                load.insert(name.as_str(), 0);
            }
        }
        let mut planner = Planner {
            state,
            observed,
            load,
        };
        for (source_id, source) in &state.sources {
            if let Some(lease) = &source.lease
                && !planner.has_ended(source_id, lease)
            {
                planner.count(&lease.worker);
            }
        }
        planner
    }

    fn plan_source(&mut self, source_id: &str, source: &Source) -> Option<Action> {
        let pinned = source
            .pinned_to
            .as_deref()
            .and_then(|worker| self.live(worker));
        let Some(lease) = &source.lease else {
            let worker = pinned.or_else(|| self.least_loaded())?;
            return self.grant(source_id, worker, 0);
        };
        let epoch = lease.epoch.0;
        if self.has_ended(source_id, lease) {
            return match pinned.or_else(|| self.least_loaded()) {
                Some(worker) => self.grant(source_id, worker, epoch),
                None => Some(Action::Release {
                    source_id: source_id.to_owned(),
                    expected_epoch: epoch,
                }),
            };
        }
        if pinned.is_some_and(|worker| worker != lease.worker) {
            return Some(Action::Drain {
                source_id: source_id.to_owned(),
                epoch,
            });
        }
        self.retime(source_id, lease)
    }

    /// A longer TTL may stand in the log at once. A shorter one only when no renewal of the old one can be in use any more.
    fn retime(&self, source_id: &str, lease: &Lease) -> Option<Action> {
        let ttl_ms = self.state.settings.lease_ttl_ms;
        let known_ms = self
            .observed
            .now_ms
            .saturating_sub(self.observed.ttl_since_ms);
        let due = ttl_ms > lease.ttl_ms || (ttl_ms < lease.ttl_ms && known_ms > lease.ttl_ms);
        let retime = Action::Retime {
            source_id: source_id.to_owned(),
            expected_epoch: lease.epoch.0,
            ttl_ms,
        };
        let kind = Kind::RetimeLease(RetimeLease::default());
        (due && self.state.has_level(level_of(&kind))).then_some(retime)
    }

    fn grant(&mut self, source_id: &str, worker: &'a str, expected_epoch: u64) -> Option<Action> {
        let incarnation = self.state.workers.get(worker)?.incarnation.0;
        self.count(worker);
        Some(Action::Grant {
            source_id: source_id.to_owned(),
            worker: worker.to_owned(),
            incarnation,
            expected_epoch,
        })
    }

    /// True when the lease may be replaced: given back, its process gone for good, or its TTL over.
    fn has_ended(&self, source_id: &str, lease: &Lease) -> bool {
        let key = (source_id.to_owned(), lease.epoch.0);
        if self.observed.given_back.contains(&key) {
            return true;
        }
        // The name now belongs to another process of the same address, so the old one is dead.
        let replaced = self
            .state
            .workers
            .get(&lease.worker)
            .is_none_or(|worker| worker.incarnation != lease.incarnation);
        if replaced {
            return true;
        }
        let inherited = lease.epoch.0 <= self.observed.inherited_epoch_max;
        if inherited && self.observed.now_ms < self.observed.inherited_until_ms {
            return false;
        }
        match self.observed.renewed_ms.get(&key) {
            Some(renewed_ms) => self.observed.now_ms.saturating_sub(*renewed_ms) > lease.ttl_ms,
            // Not renewed by this leader, and the wait for inherited leases is over. A grant of this
            // leader's own is always in the map.
            None => inherited,
        }
    }

    fn live(&self, worker: &str) -> Option<&'a str> {
        self.load.get_key_value(worker).map(|(name, _)| *name)
    }

    fn least_loaded(&self) -> Option<&'a str> {
        self.load
            .iter()
            .min_by_key(|(name, load)| (**load, **name))
            .map(|(name, _)| *name)
    }

    fn count(&mut self, worker: &str) {
        if let Some(load) = self.load.get_mut(worker) {
            *load += 1;
        }
    }
}
