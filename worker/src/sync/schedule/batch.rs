//! Whole upstream transactions that commit together.

use dm_model::{Position, TableName};

use super::Keyed;

/// A batch is full at this many rows.
const ROWS_MAX: usize = 2_000;
/// A batch is full at this many bytes of events: far below the packet and transaction limits of every target.
const BYTES_MAX: usize = 2 << 20;
/// A batch is full at this many transactions, so that a stream of empty ones still advances.
const TRANSACTIONS_MAX: usize = 5_000;

/// A run of upstream transactions for one target commit.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) transactions: Vec<Keyed>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    pub(crate) fn push(&mut self, transaction: Keyed) {
        self.rows += transaction.rows;
        self.bytes += transaction.bytes;
        self.transactions.push(transaction);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows >= ROWS_MAX
            || self.bytes >= BYTES_MAX
            || self.transactions.len() >= TRANSACTIONS_MAX
    }

    /// Rows to apply; zero for a batch that only moves the position.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The position after its last transaction, when it starts at `from`.
    pub(crate) fn end(&self, from: &Position) -> Position {
        let mut at = from.clone();
        for transaction in &self.transactions {
            at.advance(&transaction.id);
        }
        at
    }

    /// The same transactions without the rows of some tables (they have been stopped).
    pub(crate) fn without(&self, tables: &[TableName]) -> Self {
        let mut kept = Self::default();
        for transaction in &self.transactions {
            kept.push(
                tables
                    .iter()
                    .fold(transaction.clone(), |transaction, table| {
                        transaction.without(table)
                    }),
            );
        }
        kept
    }
}
