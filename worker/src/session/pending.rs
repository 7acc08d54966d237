//! Heartbeats that are not answered yet.

use crate::lease::BoottimeMs;
use std::collections::VecDeque;

/// Far more than one connection leaves unanswered before it is given up.
const PENDING_MAX: usize = 64;

/// When each unanswered heartbeat was sent: leases are counted from there.
#[derive(Debug, Default)]
pub(super) struct Pending {
    sent: VecDeque<(u64, BoottimeMs)>,
}

impl Pending {
    /// Notes a heartbeat; when too many are open the oldest is forgotten (its ack then renews nothing).
    pub(super) fn sent(&mut self, seq: u64, at: BoottimeMs) {
        if self.sent.len() == PENDING_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back((seq, at));
    }

    /// When the heartbeat `seq` was sent. It and older ones are settled; an unknown one is `None`.
    pub(super) fn answered(&mut self, seq: u64) -> Option<BoottimeMs> {
        while let Some((first, at)) = self.sent.front().copied() {
            if first > seq {
                return None;
            }
            self.sent.pop_front();
            if first == seq {
                return Some(at);
            }
        }
        None
    }

    /// When the oldest unanswered one was sent.
    pub(super) fn oldest(&self) -> Option<BoottimeMs> {
        self.sent.front().map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_settle_once_and_in_order() {
        let mut pending = Pending::default();
        for seq in 1..=4 {
            pending.sent(seq, BoottimeMs::from_ms(seq * 100));
        }
        assert_eq!(pending.oldest(), Some(BoottimeMs::from_ms(100)));
        assert_eq!(pending.answered(2), Some(BoottimeMs::from_ms(200)));
        assert_eq!(pending.answered(2), None);
        assert_eq!(pending.answered(1), None);
        assert_eq!(pending.answered(9), None);
        assert_eq!(pending.oldest(), None);
    }

    #[test]
    fn is_bounded() {
        let mut pending = Pending::default();
        for seq in 0..1_000 {
            pending.sent(seq, BoottimeMs::from_ms(seq));
        }
        assert_eq!(pending.answered(10), None);
        assert_eq!(pending.answered(999), Some(BoottimeMs::from_ms(999)));
    }
}
