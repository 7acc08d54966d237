//! An upstream transaction as it was logged.

use std::sync::Arc;

use dm_binlog::RowsEvent;
use dm_model::{BinlogPosition, TransactionId};

use super::{Digest, Mark, StatementSession};

/// A whole upstream transaction, a statement that commits by itself, or a part of a giant transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    /// Its name. In a part that is not the last, `end` is only where that part's last event ends.
    pub(crate) id: TransactionId,
    /// Which part of the upstream transaction this is.
    pub(crate) part: Part,
    /// How the stream stands after it.
    pub(crate) mark: Mark,
    /// Upstream commit time in milliseconds since 1970.
    pub(crate) committed_ms: u64,
    pub(crate) items: Vec<Item>,
    /// Size of its events.
    pub(crate) bytes: usize,
}

/// A part of an upstream transaction. A giant one is handed over piece by piece, so that memory stays bounded (R14).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// Where the transaction's first event starts: names it before its end is known.
    pub(crate) begin: BinlogPosition,
    /// Ordinal of the first row here among the rows of the upstream transaction, from 0, over all tables, before any filter.
    pub(crate) first_row: u64,
    /// The transaction's commit follows this part.
    pub(crate) last: bool,
    /// Of the logical rows from the transaction's beginning to the end of this part.
    pub(crate) digest: Digest,
}

impl Default for Part {
    /// A whole transaction.
    fn default() -> Self {
        Self {
            begin: BinlogPosition::default(),
            first_row: 0,
            last: true,
            digest: Digest::default(),
        }
    }
}

impl Part {
    /// Nothing of the transaction lies outside.
    pub(crate) fn is_whole(&self) -> bool {
        self.first_row == 0 && self.last
    }
}

/// A piece of a transaction, in order.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Rows(Arc<RowsEvent<'static>>),
    /// The upstream rolled these back, which counts for transactional tables only.
    RolledBack(Arc<RowsEvent<'static>>),
    Statement(StatementText),
}

/// The text of a QUERY event and what its session adds to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatementText {
    pub(crate) text: String,
    pub(crate) default_schema: String,
    /// Offset of its event in the file.
    pub(crate) start: u64,
    pub(crate) session: StatementSession,
}
