//! When each peer was heard last.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Last contact with each peer, in either direction. Bounded by the membership: only members are ever accepted.
#[derive(Debug, Default)]
pub(super) struct Contacts(Mutex<BTreeMap<u64, Instant>>);

impl Contacts {
    pub(super) fn heard(&self, node_id: u64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node_id, Instant::now());
    }

    pub(super) fn silence(&self, node_id: u64) -> Option<Duration> {
        let last = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&node_id)
            .copied();
        last.map(|at| at.elapsed())
    }
}
