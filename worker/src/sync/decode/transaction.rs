//! An upstream transaction as it was logged.

use std::sync::Arc;

use dm_binlog::RowsEvent;
use dm_model::TransactionId;

use super::StatementSession;

/// A whole upstream transaction, or a statement that commits by itself.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) id: TransactionId,
    /// Upstream commit time in milliseconds since 1970.
    pub(crate) committed_ms: u64,
    pub(crate) items: Vec<Item>,
    /// Size of its events.
    pub(crate) bytes: usize,
}

/// A part of a transaction, in order.
#[derive(Debug)]
pub(crate) enum Item {
    Rows(Arc<RowsEvent<'static>>),
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
