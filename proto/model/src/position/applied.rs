//! How much of a stream is in a target.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Islands, Place, Position, TransactionId};

/// Everything up to a point, and some transactions beyond it: lanes commit out of order (R4, R14).
///
/// As JSON it is the point's, with an additional `beyond` when there is something.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Every transaction up to here is in; the stream is read from here.
    #[serde(flatten)]
    pub at: Position,
    /// These are in too, and are skipped when they are read again.
    #[serde(default, skip_serializing_if = "Islands::is_empty")]
    pub beyond: Islands,
}

impl Applied {
    /// True when the transaction is in.
    pub fn covers(&self, transaction: &TransactionId) -> bool {
        self.at.covers(transaction)
            || (!self.beyond.is_empty()
                && self
                    .beyond
                    .contains(&Place::of(transaction, self.at.gtid.is_some())))
    }

    /// True when everything before `goal` is in.
    pub fn reaches(&self, goal: &Position) -> bool {
        self.at.reaches(goal)
    }

    /// What is in according to either (R14); both are of one source, so one of the points reaches the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let at = if self.at.reaches(&other.at) {
            &self.at
        } else {
            &other.at
        };
        let mut beyond = self.beyond.clone();
        beyond.union(&other.beyond);
        beyond.forget_before(at);
        Self {
            at: at.clone(),
            beyond,
        }
    }
}

impl From<Position> for Applied {
    fn from(at: Position) -> Self {
        Self {
            at,
            beyond: Islands::default(),
        }
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.beyond.is_empty() {
            write!(f, "{}", self.at)
        } else {
            write!(f, "{} and {}", self.at, self.beyond)
        }
    }
}

#[cfg(test)]
#[path = "applied_test.rs"]
mod tests;
