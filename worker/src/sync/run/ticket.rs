//! Agreement on one join: either the second reader ends it, or the main stream takes it back, never both.

use std::sync::atomic::{AtomicU8, Ordering};

const OPEN: u8 = 0;
const ENDING: u8 = 1;
const WITHDRAWN: u8 = 2;

/// A join that has been agreed on.
#[derive(Debug, Default)]
pub(super) struct Ticket(AtomicU8);

impl Ticket {
    /// The second reader is about to commit that it has dealt with everything up to the join point. False: the join was withdrawn.
    pub(super) fn end(&self) -> bool {
        self.decide(ENDING)
    }

    /// The main stream passes the tables over again. False: too late, the commit is on its way.
    pub(super) fn withdraw(&self) -> bool {
        self.decide(WITHDRAWN)
    }

    fn decide(&self, decision: u8) -> bool {
        self.0
            .compare_exchange(OPEN, decision, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r33_only_one_side_decides_a_join() {
        let ticket = Ticket::default();
        assert!(ticket.end());
        assert!(!ticket.withdraw());
        let ticket = Ticket::default();
        assert!(ticket.withdraw());
        assert!(!ticket.end());
    }
}
