//! How fast a load copies.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The speed of the last interval is shown.
const INTERVAL: Duration = Duration::from_secs(1);

/// Bytes per second over all copiers of a subtask.
#[derive(Debug)]
pub(crate) struct LoadRate(Mutex<Window>);

#[derive(Debug)]
struct Window {
    began: Instant,
    bytes: u64,
    per_s: u64,
}

impl Default for LoadRate {
    fn default() -> Self {
        Self(Mutex::new(Window {
            began: Instant::now(),
            bytes: 0,
            per_s: 0,
        }))
    }
}

impl LoadRate {
    /// Counts copied bytes; returns the speed, in bytes per second.
    pub(crate) fn add(&self, bytes: u64) -> u64 {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        window.bytes += bytes;
        let elapsed = window.began.elapsed();
        if elapsed >= INTERVAL {
            let ms = u64::try_from(elapsed.as_millis())
                .unwrap_or(u64::MAX)
                .max(1);
            window.per_s = window.bytes.saturating_mul(1_000) / ms;
            (window.began, window.bytes) = (Instant::now(), 0);
        }
        window.per_s
    }
}
