//! Waiting between tries.

use std::time::Duration;

/// First wait.
const FIRST_MS: u64 = 100;
/// Longest wait: a target that comes back is noticed within it.
const LONGEST_MS: u64 = 2_000;

/// Doubles from [`FIRST_MS`] to [`LONGEST_MS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next_ms: u64,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next_ms: FIRST_MS }
    }

    /// The next wait.
    pub(crate) fn step(&mut self) -> Duration {
        let wait = Duration::from_millis(self.next_ms);
        self.next_ms = (self.next_ms * 2).min(LONGEST_MS);
        wait
    }
}
