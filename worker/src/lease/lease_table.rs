//! All leases of this process.

use super::{BoottimeMs, LeaseView};
use crate::sync::FenceToken;
use dm_model::{ClusterId, Epoch, Generation, Incarnation, SourceId, TaskName};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Part of the TTL that the worker gives away, in per cent: it stops issuing work before the leader
/// may call the lease expired, with room for a slow thread and for clocks that tick differently.
const MARGIN_PER_CENT: u64 = 5;

/// What a start of a subtask was authorised with.
#[derive(Clone, Debug)]
pub struct StartRight {
    /// The cluster that granted it.
    pub cluster_id: ClusterId,
    /// The task.
    pub task: TaskName,
    /// The source.
    pub source: SourceId,
    /// Epoch of the lease of the source (index of its grant).
    pub lease_epoch: Epoch,
    /// Epoch of this start, never below the lease's.
    pub epoch: Epoch,
    /// Generation of the task.
    pub generation: Generation,
}

#[derive(Debug)]
struct Lease {
    epoch: Epoch,
    ttl_ms: u64,
    view: LeaseView,
    /// Never live again under this epoch.
    given_back: bool,
}

/// The leases that this process was granted, live or not. The only place that makes a [`FenceToken`].
#[derive(Debug)]
pub struct LeaseTable {
    incarnation: Incarnation,
    leases: Mutex<BTreeMap<SourceId, Lease>>,
}

impl LeaseTable {
    /// An empty table of the process `incarnation`.
    pub fn new(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            leases: Mutex::new(BTreeMap::new()),
        }
    }

    /// The process that these leases belong to.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Enters a grant. It is not live before the leader has confirmed it in an ack (R30). A lower
    /// epoch than the one held is old news and changes nothing; a higher one ends the old lease.
    pub fn adopt(&self, source: &SourceId, epoch: Epoch, ttl_ms: u64) -> LeaseView {
        let mut leases = self.lock();
        if let Some(lease) = leases.get_mut(source) {
            if lease.epoch == epoch {
                // The masters changed the TTL of a lease that goes on, and count by the new one already.
                lease.ttl_ms = ttl_ms;
            }
            if lease.epoch >= epoch {
                return lease.view.clone();
            }
            lease.view.revoke();
        }
        let view = LeaseView::pending();
        leases.insert(
            source.clone(),
            Lease {
                epoch,
                ttl_ms,
                view: view.clone(),
                given_back: false,
            },
        );
        view
    }

    /// Extends a lease that the leader confirmed in its answer to a heartbeat sent at `sent_at`.
    /// Only exactly the epoch that was listed is extended. False when this lease isn't held.
    pub fn renew(&self, source: &SourceId, epoch: Epoch, sent_at: BoottimeMs, ttl_ms: u64) -> bool {
        let mut leases = self.lock();
        match leases.get_mut(source) {
            Some(lease) if lease.epoch == epoch && !lease.given_back => {
                // The masters wait for the TTL that stands in the grant, so a longer one of today does not count (R31).
                lease
                    .view
                    .extend(sent_at.after_ms(usable_ms(ttl_ms.min(lease.ttl_ms))));
                true
            }
            _ => false,
        }
    }

    /// The shortest TTL of the leases held: heartbeats must keep up with it.
    pub fn shortest_ttl_ms(&self) -> Option<u64> {
        self.lock().values().map(|lease| lease.ttl_ms).min()
    }

    /// Gives a lease up at once: every token that hangs from it is dead.
    pub fn release(&self, source: &SourceId) {
        if let Some(lease) = self.lock().remove(source) {
            lease.view.revoke();
        }
    }

    /// Ends a lease for good before the leader is told so: whatever it still believes, nothing is started
    /// under this epoch any more, and heartbeats don't list it, so it expires if that message is lost.
    pub fn give_back(&self, source: &SourceId, epoch: Epoch) {
        if let Some(lease) = self
            .lock()
            .get_mut(source)
            .filter(|lease| lease.epoch == epoch)
        {
            lease.given_back = true;
            lease.view.revoke();
        }
    }

    /// What a heartbeat lists: all leases, also lapsed ones (the leader may still confirm them).
    pub fn held(&self) -> Vec<(SourceId, Epoch)> {
        self.lock()
            .iter()
            .filter(|(_, lease)| !lease.given_back)
            .map(|(source, lease)| (source.clone(), lease.epoch))
            .collect()
    }

    /// How many leases are live.
    pub fn live_count(&self) -> usize {
        let now = BoottimeMs::now();
        self.lock()
            .values()
            .filter(|lease| lease.view.is_live_at(now))
            .count()
    }

    /// The right to write, when the lease that authorised it is held and live.
    pub fn token(&self, right: &StartRight) -> Option<FenceToken> {
        let leases = self.lock();
        let lease = leases.get(&right.source)?;
        if lease.epoch != right.lease_epoch || right.epoch < lease.epoch || !lease.view.is_live() {
            return None;
        }
        Some(FenceToken::mint(
            right.cluster_id,
            right.task.clone(),
            right.source.clone(),
            right.generation,
            right.epoch,
            self.incarnation,
            lease.view.clone(),
            lease.ttl_ms,
        ))
    }

    /// The right to end the writes of a subtask that another process was given (R32): its epoch is the entry that stopped the
    /// subtask, so nothing is ever started under it. Good for `ttl_ms` from now.
    pub fn stopping_token(&self, right: &StartRight, ttl_ms: u64) -> FenceToken {
        FenceToken::mint(
            right.cluster_id,
            right.task.clone(),
            right.source.clone(),
            right.generation,
            right.epoch,
            self.incarnation,
            LeaseView::until(BoottimeMs::now().after_ms(ttl_ms)),
            ttl_ms,
        )
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SourceId, Lease>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a TTL that work is issued in.
fn usable_ms(ttl_ms: u64) -> u64 {
    ttl_ms.saturating_sub(ttl_ms.saturating_mul(MARGIN_PER_CENT) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL_MS: u64 = 5_000;

    fn source(name: &str) -> SourceId {
        SourceId::new(name).expect("valid")
    }

    fn table() -> LeaseTable {
        LeaseTable::new(Incarnation(7))
    }

    fn right(lease_epoch: u64, epoch: u64) -> StartRight {
        StartRight {
            cluster_id: ClusterId(1),
            task: TaskName::new("t").expect("valid"),
            source: source("s"),
            lease_epoch: Epoch(lease_epoch),
            epoch: Epoch(epoch),
            generation: Generation(3),
        }
    }

    #[test]
    fn grant_is_not_live_before_it_is_confirmed() {
        let table = table();
        let view = table.adopt(&source("s"), Epoch(5), TTL_MS);
        assert!(!view.is_live());
        assert!(table.token(&right(5, 5)).is_none());
        assert!(table.renew(&source("s"), Epoch(5), BoottimeMs::now(), TTL_MS));
        assert!(view.is_live());
        let token = table.token(&right(5, 9)).expect("live");
        assert_eq!(
            (token.epoch(), token.incarnation(), token.ttl_ms()),
            (Epoch(9), Incarnation(7), TTL_MS)
        );
    }

    #[test]
    fn deadline_counts_from_the_sending_and_ends_before_the_ttl() {
        let table = table();
        let view = table.adopt(&source("s"), Epoch(5), TTL_MS);
        let sent_at = BoottimeMs::from_ms(1_000_000);
        table.renew(&source("s"), Epoch(5), sent_at, TTL_MS);
        assert!(view.is_live_at(sent_at.after_ms(4_749)));
        assert!(!view.is_live_at(sent_at.after_ms(4_750)));
        // An ack of an older heartbeat that arrives late takes nothing away.
        table.renew(&source("s"), Epoch(5), BoottimeMs::from_ms(999_000), TTL_MS);
        assert!(view.is_live_at(sent_at.after_ms(4_749)));
    }

    #[test]
    fn only_the_listed_epoch_is_renewed() {
        let table = table();
        let view = table.adopt(&source("s"), Epoch(5), TTL_MS);
        assert!(!table.renew(&source("s"), Epoch(4), BoottimeMs::now(), TTL_MS));
        assert!(!table.renew(&source("s"), Epoch(6), BoottimeMs::now(), TTL_MS));
        assert!(!table.renew(&source("other"), Epoch(5), BoottimeMs::now(), TTL_MS));
        assert!(!view.is_live());
    }

    #[test]
    fn newer_grant_ends_the_older_one() {
        let table = table();
        let old = table.adopt(&source("s"), Epoch(5), TTL_MS);
        table.renew(&source("s"), Epoch(5), BoottimeMs::now(), TTL_MS);
        let token = table.token(&right(5, 5)).expect("live");
        let new = table.adopt(&source("s"), Epoch(8), TTL_MS);
        assert!(!old.is_live() && !token.is_live() && !new.is_live());
        // Old news of the first grant changes nothing.
        table.adopt(&source("s"), Epoch(5), TTL_MS);
        assert_eq!(table.held(), vec![(source("s"), Epoch(8))]);
        table.renew(&source("s"), Epoch(8), BoottimeMs::now(), TTL_MS);
        assert!(new.is_live() && !old.is_live());
        // A start that was authorised under the older grant gets nothing.
        assert!(table.token(&right(5, 5)).is_none());
        assert!(table.token(&right(8, 7)).is_none());
    }

    #[test]
    fn r31_a_changed_ttl_counts_from_the_next_renewal_on() {
        let table = table();
        let view = table.adopt(&source("s"), Epoch(5), TTL_MS);
        let sent_at = BoottimeMs::from_ms(1_000_000);
        table.renew(&source("s"), Epoch(5), sent_at, 2 * TTL_MS);
        assert!(
            !view.is_live_at(sent_at.after_ms(TTL_MS)),
            "not before the log says so"
        );
        table.adopt(&source("s"), Epoch(5), 2 * TTL_MS);
        table.renew(&source("s"), Epoch(5), sent_at, 2 * TTL_MS);
        assert!(view.is_live_at(sent_at.after_ms(TTL_MS)));
    }

    #[test]
    fn released_lease_kills_its_tokens() {
        let table = table();
        table.adopt(&source("s"), Epoch(5), TTL_MS);
        table.renew(&source("s"), Epoch(5), BoottimeMs::now(), TTL_MS);
        let token = table.token(&right(5, 5)).expect("live");
        assert_eq!(table.live_count(), 1);
        table.release(&source("s"));
        assert!(!token.is_live());
        assert!(table.held().is_empty());
    }

    #[test]
    fn a_lease_that_was_given_back_never_lives_again() {
        let table = table();
        let view = table.adopt(&source("s"), Epoch(5), TTL_MS);
        table.renew(&source("s"), Epoch(5), BoottimeMs::now(), TTL_MS);
        table.give_back(&source("s"), Epoch(4));
        assert!(view.is_live());
        table.give_back(&source("s"), Epoch(5));
        assert!(!view.is_live() && table.held().is_empty());
        // What the leader sends before it has seen that changes nothing.
        assert!(!table.adopt(&source("s"), Epoch(5), TTL_MS).is_live());
        assert!(!table.renew(&source("s"), Epoch(5), BoottimeMs::now(), TTL_MS));
        assert!(table.token(&right(5, 5)).is_none());
        table.adopt(&source("s"), Epoch(6), TTL_MS);
        assert!(table.renew(&source("s"), Epoch(6), BoottimeMs::now(), TTL_MS));
    }
}
