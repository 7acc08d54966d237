//! The binlog operators in force, as the pipeline sees them. Pure.

use dm_model::{Operator, TransactionId};

/// Operators of one subtask, oldest first. They are never consumed: whoever reads a statement again finds the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operators(Vec<Operator>);

impl Operators {
    /// As the leader sent them.
    pub fn new(operators: Vec<Operator>) -> Self {
        Self(operators)
    }

    /// What is to be done with the statement whose event starts at `offset`; the newest decision counts.
    pub(crate) fn find(&self, transaction: &TransactionId, offset: u64) -> Option<&Operator> {
        self.0
            .iter()
            .rev()
            .find(|operator| operator.place.is_of(transaction, offset))
    }
}
