//! A transaction of which each table and structure is known.

use std::sync::Arc;

use dm_binlog::RowsEvent;
use dm_ddl::{Statement, Table};
use dm_model::{TableName, TransactionId};

/// What of a transaction is still to be applied.
#[derive(Debug)]
pub(crate) struct Tracked {
    pub(crate) id: TransactionId,
    /// Upstream commit time in milliseconds since 1970.
    pub(crate) committed_ms: u64,
    pub(crate) items: Vec<TrackedItem>,
    pub(crate) bytes: usize,
}

/// A part of it, in order.
#[derive(Debug)]
pub(crate) enum TrackedItem {
    Rows {
        table: TableName,
        structure: Arc<Table>,
        rows: Arc<RowsEvent<'static>>,
    },
    Change(Change),
}

/// A DDL to be carried out.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) statement: Statement,
    /// Source tables that it changes; empty for a database.
    pub(crate) tables: Vec<TableName>,
    /// Their structures before it, for undoing.
    pub(crate) before: Vec<(TableName, Option<Table>)>,
    /// The upstream session had ANSI_QUOTES on.
    pub(crate) ansi_quotes: bool,
    /// The upstream session had NO_BACKSLASH_ESCAPES on.
    pub(crate) no_backslash_escapes: bool,
}
