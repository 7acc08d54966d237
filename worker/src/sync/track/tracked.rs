//! A transaction of which each table and structure is known.

use std::sync::Arc;

use dm_binlog::RowsEvent;
use dm_ddl::{Statement, Table};
use dm_model::{OperatorAction, TableName, TransactionId};

use super::Origin;
use crate::sync::decode::StatementSession;

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
    Change(Box<Change>),
}

/// A DDL to be carried out.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// What it is in the source's binlog.
    pub(crate) origin: Origin,
    /// What goes to the target, in order; empty when an operator left it out.
    pub(crate) run: Vec<Statement>,
    /// Why `run` is not the source's statement.
    pub(crate) operator: Option<OperatorAction>,
    /// Source tables that it changes; empty for a database.
    pub(crate) tables: Vec<TableName>,
    /// Tables of an online schema change that it leaves in the history, or takes out of it; none of them is at the target.
    pub(crate) history_only: Vec<TableName>,
    /// Structures before it of all tables that it names, for undoing.
    pub(crate) before: Vec<(TableName, Option<Table>)>,
    /// Settings of the upstream's session.
    pub(crate) session: StatementSession,
}

impl Change {
    /// Takes in the tables of a further statement of the same event; what a table was before all of them counts.
    pub(super) fn merge_before(&mut self, before: Vec<(TableName, Option<Table>)>) {
        for (table, structure) in before {
            if !self.tables.contains(&table) {
                self.tables.push(table.clone());
            }
            if !self.before.iter().any(|(known, _)| *known == table) {
                self.before.push((table, structure));
            }
        }
    }
}
