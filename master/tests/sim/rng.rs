//! The one source of chance.

use std::sync::{Arc, Mutex};

use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};

/// Seeded, shared by all parts of one run.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<StdRng>>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        self.0.lock().unwrap().random_range(0..bound.max(1))
    }

    /// From `low` to `high`.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True once in `times`.
    pub fn once_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn number(&self) -> u64 {
        self.0.lock().unwrap().next_u64() | 1
    }
}
