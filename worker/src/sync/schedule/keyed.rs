//! A routed transaction whose rows are hashed: once, for ordering and for folding.

use std::sync::Arc;

use dm_model::{TableName, TransactionId};

use super::{RowKey, WriteSet};
use crate::sync::{
    apply::WritePlan,
    transform::{Routed, RowChange},
};

/// An upstream transaction that can be scheduled and encoded.
#[derive(Clone, Debug)]
pub(crate) struct Keyed {
    pub(crate) id: TransactionId,
    /// Upstream commit time in milliseconds since 1970.
    pub(crate) committed_ms: u64,
    pub(crate) items: Vec<KeyedItem>,
    /// Rows and bytes, for the bounds of batches.
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

/// The rows of one binlog event.
#[derive(Clone, Debug)]
pub(crate) struct KeyedItem {
    pub(crate) plan: Arc<WritePlan>,
    pub(crate) rows: Arc<Vec<RowChange>>,
    /// The key of each row, by which its changes fold.
    pub(crate) found: Arc<Vec<RowKey>>,
}

impl Keyed {
    /// Hashes the rows of a transaction; `plans` has one plan per item. What they touch is added to `set`, which is left sorted.
    pub(crate) fn new(routed: Routed, plans: Vec<Arc<WritePlan>>, set: &mut WriteSet) -> Self {
        assert_eq!(routed.items.len(), plans.len(), "a plan for each item");
        let items = routed
            .items
            .into_iter()
            .zip(plans)
            .map(|(item, plan)| {
                let found = item
                    .rows
                    .iter()
                    .map(|row| plan.keys.add(row, set))
                    .collect();
                KeyedItem {
                    plan,
                    rows: item.rows,
                    found: Arc::new(found),
                }
            })
            .collect();
        set.finish();
        Self {
            id: routed.id,
            committed_ms: routed.committed_ms,
            items,
            rows: routed.rows,
            bytes: routed.bytes,
        }
    }

    /// Leaves out the rows of source tables that are not wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&TableName) -> bool) {
        self.items.retain(|item| wanted(item.plan.source()));
        self.rows = self.items.iter().map(|item| item.rows.len()).sum();
    }

    /// The same transaction without the rows of one source table (it has been stopped).
    pub(crate) fn without(&self, table: &TableName) -> Self {
        let mut kept = self.clone();
        kept.items.retain(|item| item.plan.source() != table);
        kept.rows = kept.items.iter().map(|item| item.rows.len()).sum();
        kept
    }
}
