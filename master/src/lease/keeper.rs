//! One term's knowledge about leases.

use std::collections::{BTreeMap, BTreeSet};

use dm_proto::v1::LeaseRef;

use crate::{
    scheduler::{Observed, SeenWorker},
    state::State,
};

/// Renewals, give-backs and replacements in one term of leadership. A new term starts with a new one.
#[derive(Debug, Default)]
pub struct Keeper {
    inherited_until_ms: u64,
    inherited_epoch_max: u64,
    /// The cluster's TTL, and since when this leader has known it.
    ttl: (u64, u64),
    renewed_ms: BTreeMap<(String, u64), u64>,
    given_back: BTreeSet<(String, u64)>,
    /// Leases whose replacement was or will be proposed. Never taken back: an unknown outcome may land.
    replacing: BTreeSet<(String, u64)>,
}

impl Keeper {
    /// Starts a term: everything in `state` is inherited and waits the longest TTL of it (R31).
    pub fn start_term(state: &State, now_ms: u64) -> Self {
        let wait_ms = state
            .lease_ttl_longest_ms()
            .max(state.settings.lease_ttl_ms);
        Keeper {
            inherited_until_ms: now_ms.saturating_add(wait_ms),
            inherited_epoch_max: state.applied,
            ttl: (state.settings.lease_ttl_ms, now_ms),
            ..Keeper::default()
        }
    }

    /// Renews those of `asked` that this very process holds now, and returns them.
    pub fn renew(
        &mut self,
        state: &State,
        worker: &str,
        incarnation: u64,
        asked: &[LeaseRef],
        now_ms: u64,
    ) -> Vec<LeaseRef> {
        let mut renewed = Vec::new();
        for wanted in asked {
            let key = (wanted.source_id.clone(), wanted.epoch);
            let holds = state.lease(&wanted.source_id).is_some_and(|lease| {
                lease.worker == worker
                    && lease.incarnation.0 == incarnation
                    && lease.epoch.0 == wanted.epoch
            });
            if !holds || self.replacing.contains(&key) || self.given_back.contains(&key) {
                continue;
            }
            self.renewed_ms.insert(key, now_ms);
            renewed.push(wanted.clone());
        }
        renewed
    }

    /// The owner stopped this source: its lease may go elsewhere. Ignored when it is not the owner.
    pub fn give_back(&mut self, state: &State, worker: &str, incarnation: u64, lease: &LeaseRef) {
        let holds = state.lease(&lease.source_id).is_some_and(|held| {
            held.worker == worker
                && held.incarnation.0 == incarnation
                && held.epoch.0 == lease.epoch
        });
        if holds {
            self.given_back
                .insert((lease.source_id.clone(), lease.epoch));
        }
    }

    /// From now on this lease is not renewed; called before its replacement is proposed (R31).
    pub fn refuse_renewal(&mut self, source_id: &str, epoch: u64) {
        if epoch != 0 {
            self.replacing.insert((source_id.to_owned(), epoch));
        }
    }

    /// What the scheduler shall see. Forgets leases that are gone, and dates those that are new.
    pub fn observe(
        &mut self,
        state: &State,
        workers: BTreeMap<String, SeenWorker>,
        now_ms: u64,
    ) -> Observed {
        if self.ttl.0 != state.settings.lease_ttl_ms {
            self.ttl = (state.settings.lease_ttl_ms, now_ms);
        }
        let held = |key: &(String, u64)| {
            state
                .lease(&key.0)
                .is_some_and(|lease| lease.epoch.0 == key.1)
        };
        self.renewed_ms.retain(|key, _| held(key));
        self.given_back.retain(held);
        self.replacing.retain(held);
        for (source_id, source) in &state.sources {
            let Some(lease) = &source.lease else { continue };
            if lease.epoch.0 > self.inherited_epoch_max {
                self.renewed_ms
                    .entry((source_id.clone(), lease.epoch.0))
                    .or_insert(now_ms);
            }
        }
        Observed {
            now_ms,
            inherited_until_ms: self.inherited_until_ms,
            inherited_epoch_max: self.inherited_epoch_max,
            ttl_since_ms: self.ttl.1,
            workers,
            renewed_ms: self.renewed_ms.clone(),
            given_back: self.given_back.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use dm_proto::v1::{Command, Grant, PutSource, RegisterWorker, command::Kind};

    use super::*;

    fn owned() -> State {
        let mut state = State::default();
        let kinds = [
            Kind::PutSource(PutSource {
                source_id: "s".into(),
                yaml: "y".into(),
                create_only: true,
                relay_only: false,
            }),
            Kind::RegisterWorker(RegisterWorker {
                name: "w".into(),
                addr: "a".into(),
                incarnation: 7,
            }),
            Kind::Grant(Grant {
                source_id: "s".into(),
                worker: "w".into(),
                incarnation: 7,
                expected_epoch: 0,
                ttl_ms: 1000,
            }),
        ];
        for (index, kind) in kinds.into_iter().enumerate() {
            let command = Command {
                kind: Some(kind),
                ..Command::default()
            };
            assert!(state.apply(index as u64 + 1, &command).0.ok);
        }
        state
    }

    fn lease(epoch: u64) -> LeaseRef {
        LeaseRef {
            source_id: "s".into(),
            epoch,
        }
    }

    #[test]
    fn r30_only_the_pair_in_applied_state_is_renewed() {
        let state = owned();
        let mut keeper = Keeper::start_term(&state, 0);
        assert_eq!(keeper.renew(&state, "w", 7, &[lease(3)], 1), vec![lease(3)]);
        assert!(
            keeper.renew(&state, "w", 7, &[lease(2)], 1).is_empty(),
            "another epoch"
        );
        assert!(
            keeper.renew(&state, "w", 8, &[lease(3)], 1).is_empty(),
            "another incarnation"
        );
        assert!(
            keeper.renew(&state, "v", 7, &[lease(3)], 1).is_empty(),
            "another worker"
        );
    }

    #[test]
    fn r31_no_renewal_once_a_replacement_is_proposed() {
        let state = owned();
        let mut keeper = Keeper::start_term(&state, 0);
        keeper.refuse_renewal("s", 3);
        assert!(keeper.renew(&state, "w", 7, &[lease(3)], 1).is_empty());
    }

    #[test]
    fn given_back_by_the_owner_only() {
        let state = owned();
        let mut keeper = Keeper::start_term(&state, 0);
        keeper.give_back(&state, "w", 8, &lease(3));
        assert!(
            keeper
                .observe(&state, BTreeMap::new(), 1)
                .given_back
                .is_empty()
        );
        keeper.give_back(&state, "w", 7, &lease(3));
        assert_eq!(
            keeper.observe(&state, BTreeMap::new(), 1).given_back.len(),
            1
        );
    }
}
