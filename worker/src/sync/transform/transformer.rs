//! Decodes rows under their structure and routes them.

use std::{collections::BTreeMap, sync::Arc};

use dm_binlog::{Image, RowPlan, RowsEvent, RowsKind, TableMap};
use dm_ddl::Table;
use dm_model::{DmError, RuleSet, TableName, TransactionId, codes, rules::Verdict};

use super::{Routed, RoutedItem, RowChange, RuleKeys, TablePlan};
use crate::sync::{
    track::{TableFault, Tracked, TrackedItem},
    value::Value,
};

/// Rules, and plans per table.
#[derive(Debug)]
pub(crate) struct Transformer {
    rules: RuleSet,
    keys: RuleKeys,
    plans: BTreeMap<TableName, Planned>,
}

/// A plan and what it was made from.
#[derive(Debug)]
struct Planned {
    structure: Arc<Table>,
    plan: Arc<TablePlan>,
    /// How to read rows under the TABLE_MAP that was met last.
    rows: Option<(Arc<TableMap>, RowPlan)>,
}

impl Transformer {
    pub(crate) fn new(rules: RuleSet, keys: RuleKeys) -> Self {
        Self {
            rules,
            keys,
            plans: BTreeMap::new(),
        }
    }

    /// The target of a source table.
    pub(crate) fn route(&self, table: &TableName) -> Result<TableName, DmError> {
        self.rules.router.route(table)
    }

    /// What the rows of a table look like under a structure that is not tracked (yet).
    pub(crate) fn plan_for(
        &self,
        table: &TableName,
        structure: &Table,
    ) -> Result<Arc<TablePlan>, DmError> {
        TablePlan::with_rules(table, structure, &self.rules, &self.keys)
    }

    /// The target of a source database.
    pub(crate) fn route_schema(&self, schema: &str) -> Result<String, DmError> {
        self.rules.router.route_schema(schema)
    }

    /// The plan of a table with this structure.
    pub(crate) fn plan(
        &mut self,
        table: &TableName,
        structure: &Arc<Table>,
    ) -> Result<Arc<TablePlan>, DmError> {
        if let Some(planned) = self.plans.get(table)
            && Arc::ptr_eq(&planned.structure, structure)
        {
            return Ok(planned.plan.clone());
        }
        let plan = TablePlan::with_rules(table, structure, &self.rules, &self.keys)?;
        self.plans.insert(
            table.clone(),
            Planned {
                structure: structure.clone(),
                plan: plan.clone(),
                rows: None,
            },
        );
        Ok(plan)
    }

    /// The rows of one event.
    fn decode(
        &mut self,
        event: &RowsEvent<'static>,
        plan: &TablePlan,
        id: &TransactionId,
    ) -> Result<Vec<RowChange>, DmError> {
        let known = self.plans.get_mut(&plan.source);
        // Equal maps come as the same one.
        let fits = |known: &&mut Planned| matches!(&known.rows, Some((map, _)) if Arc::ptr_eq(map, &event.map));
        if let Some(Planned {
            rows: Some((_, row_plan)),
            ..
        }) = known.filter(fits)
        {
            return decode(event, row_plan, plan, id);
        }
        let row_plan = RowPlan::new(&event.map, &plan.unsigned)
            .map_err(|error| undecodable(plan, id, &error))?;
        let rows = decode(event, &row_plan, plan, id);
        if let Some(known) = self.plans.get_mut(&plan.source) {
            known.rows = Some((event.map.clone(), row_plan));
        }
        rows
    }

    /// The rows of a transaction in terms of the target. DDLs among its items are the caller's.
    pub(crate) fn transform(&mut self, tracked: &Tracked) -> Result<Routed, TableFault> {
        let mut routed = Routed {
            id: tracked.id.clone(),
            mark: tracked.mark.clone(),
            committed_ms: tracked.committed_ms,
            items: Vec::new(),
            rows: 0,
            bytes: tracked.bytes,
        };
        for item in &tracked.items {
            let TrackedItem::Rows {
                table,
                structure,
                rows,
            } = item
            else {
                continue;
            };
            let fault = |error| TableFault::Tables(vec![table.clone()], error);
            let plan = self.plan(table, structure).map_err(fault)?;
            let verdict = match rows.kind {
                RowsKind::Insert => &plan.events.insert,
                RowsKind::Update => &plan.events.update,
                RowsKind::Delete => &plan.events.delete,
            };
            match verdict {
                Verdict::Do => {}
                Verdict::Ignore(_) => continue,
                Verdict::Error(rule) => {
                    let message = format!(
                        "rows of {table} at {}: filter rule {rule} refuses {:?} events",
                        tracked.id, rows.kind
                    );
                    return Err(fault(DmError::new(&codes::EVENT_REFUSED, message)));
                }
            }
            let decoded = self.decode(rows, &plan, &tracked.id).map_err(fault)?;
            let item = RoutedItem {
                table: plan,
                rows: Arc::new(decoded),
            };
            routed.rows += item.rows.len();
            routed.items.push(item);
        }
        Ok(routed)
    }
}

fn decode(
    event: &RowsEvent<'static>,
    row_plan: &RowPlan,
    plan: &TablePlan,
    id: &TransactionId,
) -> Result<Vec<RowChange>, DmError> {
    let changes = event.rows(row_plan).map(|change| {
        let change = change.map_err(|error| undecodable(plan, id, &error))?;
        let before = change
            .before
            .map(|image| values(image, plan, id))
            .transpose()?;
        let after = change
            .after
            .map(|image| values(image, plan, id))
            .transpose()?;
        match (before, after) {
            (None, Some(after)) => Ok(RowChange::Insert(after)),
            (Some(before), Some(after)) => Ok(RowChange::Update { before, after }),
            (Some(before), None) => Ok(RowChange::Delete(before)),
            (None, None) => Err(undecodable(plan, id, &"it has no image")),
        }
    });
    match &plan.rules {
        None => changes.collect(),
        Some(rules) => changes
            .filter_map(|change| {
                change
                    .and_then(|change| rules.change(change))
                    .map_err(|error| error.annotate(format!("at {id}")))
                    .transpose()
            })
            .collect(),
    }
}

fn undecodable(plan: &TablePlan, id: &TransactionId, cause: &dyn std::fmt::Display) -> DmError {
    DmError::new(
        &codes::SYNCER_GET_EVENT,
        format!("a row of {} at {id} cannot be decoded", plan.source),
    )
    .with_cause(cause)
}

fn values(image: Image<'_>, plan: &TablePlan, id: &TransactionId) -> Result<Vec<Value>, DmError> {
    let mut values = Vec::with_capacity(plan.columns.len());
    for (raw, planned) in image.into_iter().zip(&plan.columns) {
        let column = &planned.column;
        let Some(raw) = raw else {
            // The target computes these by itself.
            if !planned.written {
                values.push(Value::Null);
                continue;
            }
            let message = format!(
                "the row image of {} at {id} lacks column `{}`",
                plan.source, column.name
            );
            return Err(DmError::new(&codes::BINLOG_NOT_LOG_COLUMN, message)
                .with_workaround("set binlog_row_image=FULL upstream, also for open sessions"));
        };
        values.push(
            Value::from_binlog(raw, column, planned.charset).map_err(|error| {
                DmError::new(
                    &codes::VALUE_UNREADABLE,
                    format!(
                        "column `{}` of a row of {} at {id}: {error}",
                        column.name, plan.source
                    ),
                )
            })?,
        );
    }
    Ok(values)
}
