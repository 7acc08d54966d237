//! When each peer was heard last.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Last contact with each peer, in either direction. Bounded by the membership: only members are ever accepted.
#[derive(Debug)]
pub(super) struct Contacts {
    heard: Mutex<BTreeMap<u64, Instant>>,
    /// When a leader last sent entries or a heartbeat. Answers to our own questions don't count: a removed member gets those too.
    led: Mutex<Instant>,
}

impl Default for Contacts {
    fn default() -> Self {
        Self {
            heard: Mutex::default(),
            led: Mutex::new(Instant::now()),
        }
    }
}

impl Contacts {
    pub(super) fn heard(&self, node_id: u64) {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node_id, Instant::now());
    }

    pub(super) fn led(&self) {
        *self.led.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn led_since(&self) -> Duration {
        self.led
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }

    pub(super) fn silence(&self, node_id: u64) -> Option<Duration> {
        let last = self
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&node_id)
            .copied();
        last.map(|at| at.elapsed())
    }
}
