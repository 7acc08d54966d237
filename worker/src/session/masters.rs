//! Which masters are known.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// More masters than any cluster has; a bound on what a broken answer can make us remember.
const MASTERS_MAX: usize = 32;

/// Addresses of masters: those of `--join`, and those that the leader names.
#[derive(Debug)]
pub struct Masters {
    seeds: Vec<String>,
    learned: Mutex<Learned>,
}

#[derive(Debug, Default)]
struct Learned {
    masters: Vec<String>,
    leader: Option<String>,
}

impl Masters {
    /// Knows the addresses of `--join` so far.
    pub fn new(seeds: Vec<String>) -> Self {
        Self {
            seeds,
            learned: Mutex::new(Learned::default()),
        }
    }

    /// Replaces the learned addresses by what a leader named; an empty list teaches nothing.
    pub fn learn(&self, masters: &[String]) {
        if !masters.is_empty() {
            self.lock().masters = masters
                .iter()
                .filter(|m| !m.is_empty())
                .take(MASTERS_MAX)
                .cloned()
                .collect();
        }
    }

    /// Remembers who leads, or (`None`) that the last leader is gone.
    pub fn set_leader(&self, leader: Option<String>) {
        self.lock().leader = leader.filter(|address| !address.is_empty());
    }

    /// Who led when it was last heard.
    pub fn leader(&self) -> Option<String> {
        self.lock().leader.clone()
    }

    /// All addresses worth asking, each once: the leader first, learned ones before seeds.
    pub fn candidates(&self) -> Vec<String> {
        let learned = self.lock();
        let mut candidates: Vec<String> = Vec::new();
        for address in learned
            .leader
            .iter()
            .chain(&learned.masters)
            .chain(&self.seeds)
        {
            if !candidates.contains(address) {
                candidates.push(address.clone());
            }
        }
        candidates
    }

    fn lock(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn leader_first_then_learned_then_seeds() {
        let masters = Masters::new(names(&["a:1", "b:1"]));
        assert_eq!(masters.candidates(), names(&["a:1", "b:1"]));
        masters.learn(&names(&["b:1", "c:1", ""]));
        masters.set_leader(Some("c:1".into()));
        assert_eq!(masters.candidates(), names(&["c:1", "b:1", "a:1"]));
        masters.learn(&[]);
        masters.set_leader(Some(String::new()));
        assert_eq!(masters.leader(), None);
        assert_eq!(masters.candidates(), names(&["b:1", "c:1", "a:1"]));
    }
}
