//! An upstream transaction in terms of the target.

use std::sync::Arc;

use dm_model::{TableName, TransactionId};

use super::TablePlan;
use crate::sync::value::Value;

/// An upstream transaction, filtered, routed and with its rows decoded.
#[derive(Clone, Debug)]
pub(crate) struct Routed {
    pub(crate) id: TransactionId,
    /// Upstream commit time in milliseconds since 1970.
    pub(crate) committed_ms: u64,
    pub(crate) items: Vec<RoutedItem>,
    /// Rows and bytes, for the bounds of batches.
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

/// The rows of one binlog event.
#[derive(Clone, Debug)]
pub(crate) struct RoutedItem {
    pub(crate) table: Arc<TablePlan>,
    pub(crate) rows: Arc<Vec<RowChange>>,
}

/// A change of one row; values in the order of the plan's columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowChange {
    Insert(Vec<Value>),
    Update {
        before: Vec<Value>,
        after: Vec<Value>,
    },
    Delete(Vec<Value>),
}

impl Routed {
    /// Leaves out the rows of source tables that are not wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&TableName) -> bool) {
        self.items.retain(|item| wanted(&item.table.source));
        self.rows = self.items.iter().map(|item| item.rows.len()).sum();
    }

    /// The same transaction without the rows of one source table (it has been stopped).
    pub(crate) fn without(&self, table: &TableName) -> Self {
        let mut kept = self.clone();
        kept.items.retain(|item| item.table.source != *table);
        kept.rows = kept.items.iter().map(|item| item.rows.len()).sum();
        kept
    }
}
