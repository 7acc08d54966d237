//! Do the rules that read values fit the tables they are for?

use super::finding::Finding;
use super::probe::Probe;
use super::tables::SourceTable;
use crate::sync::{RuleKeys, TablePlan, structure_of};
use dm_model::{DmError, RuleSet, TableName};
use mysql_async::Row;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Plans the tables that have rules for values, as the start would; those that don't fit, with the reason.
pub(super) async fn plans(
    probe: &mut Probe,
    rules: &RuleSet,
    tables: &[SourceTable],
) -> Result<BTreeMap<TableName, Result<Arc<TablePlan>, DmError>>, DmError> {
    let mut plans = BTreeMap::new();
    let reads_values = tables
        .iter()
        .filter(|table| reads_values(rules, &table.name));
    let keys = match RuleKeys::read(rules) {
        Ok(keys) => keys,
        Err(error) => {
            // Every table with a mask would fail for the same reason.
            let masked = tables.iter().find(|table| {
                rules
                    .masks
                    .for_table(&table.name)
                    .is_ok_and(|masks| !masks.is_empty())
            });
            if let Some(table) = masked {
                plans.insert(table.name.clone(), Err(error));
            }
            return Ok(plans);
        }
    };
    for table in reads_values {
        let rows: Vec<Row> = probe
            .rows(&format!("SHOW CREATE TABLE {}", table.name))
            .await?;
        let text = rows.first().and_then(|row| super::probe::text_of(row, 1));
        let plan = structure_of(&table.name, &text.unwrap_or_default(), &probe.identity)
            .and_then(|structure| TablePlan::with_rules(&table.name, &structure, rules, &keys));
        plans.insert(table.name.clone(), plan);
    }
    Ok(plans)
}

fn reads_values(rules: &RuleSet, table: &TableName) -> bool {
    !rules.expressions.names(table).is_empty()
        || rules
            .mappings
            .for_table(table)
            .map_or(true, |found| !found.is_empty())
        || rules
            .masks
            .for_table(table)
            .map_or(true, |found| !found.is_empty())
        || rules
            .extracted(table)
            .map_or(true, |found| !found.is_empty())
}

/// The same as a finding.
pub(super) async fn check(probe: &mut Probe, rules: &RuleSet, tables: &[SourceTable]) -> Finding {
    let mut finding = Finding::new(
        "rules check",
        "check whether column mappings, masks, expressions and extracted columns fit the tables",
        &probe.address,
    );
    match plans(probe, rules, tables).await {
        Ok(plans) => {
            for error in plans.into_values().filter_map(Result::err) {
                finding.fail(error.message.clone(), error.workaround.unwrap_or_default());
            }
        }
        Err(error) => finding.not_evaluated(&error),
    }
    finding
}
