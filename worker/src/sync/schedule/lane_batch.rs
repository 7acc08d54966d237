//! What a lane commits at once.

use dm_model::TableName;

use super::{Keyed, Seq};

/// Upstream transactions for one commit of a lane, in stream order.
#[derive(Debug, Default)]
pub(crate) struct LaneBatch {
    pub(crate) seqs: Vec<Seq>,
    pub(crate) transactions: Vec<Keyed>,
}

impl LaneBatch {
    pub(crate) fn push(&mut self, seq: Seq, transaction: Keyed) {
        self.seqs.push(seq);
        self.transactions.push(transaction);
    }

    /// Rows to apply; zero for a batch that only moves the position.
    pub(crate) fn rows(&self) -> u64 {
        self.transactions
            .iter()
            .map(|transaction| transaction.rows as u64)
            .sum()
    }

    /// Bytes of events.
    pub(crate) fn bytes(&self) -> u64 {
        self.transactions
            .iter()
            .map(|transaction| transaction.bytes as u64)
            .sum()
    }

    /// Leaves out the rows of tables that do not want them.
    pub(crate) fn retain(&mut self, wanted: impl Fn(Seq, &TableName) -> bool) {
        for (seq, transaction) in self.seqs.iter().zip(&mut self.transactions) {
            transaction.retain(|table| wanted(*seq, table));
        }
    }
}
