//! The source's tables, and what about them can't be carried over as it is.

use super::finding::Finding;
use super::privileges::some_of;
use super::probe::Probe;
use super::target::TargetFacts;
use dm_model::rules::is_system_schema;
use dm_model::{DmError, RuleSet, TableName};
use std::collections::{BTreeMap, BTreeSet};

/// A table that the task wants.
#[derive(Clone, Debug)]
pub(super) struct SourceTable {
    /// Its name at the source.
    pub(super) name: TableName,
    /// Its name in the target.
    pub(super) target: TableName,
    /// What tells its rows from those of others in the same target.
    pub(super) origin: Option<String>,
    pub(super) collation: String,
    /// It has a key without NULLs.
    pub(super) keyed: bool,
    /// The server's estimates.
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// Lists the tables that the task wants from a source, with their targets; then the names of those that it leaves out.
pub(super) async fn list(
    probe: &mut Probe,
    rules: &RuleSet,
) -> Result<(Vec<SourceTable>, Vec<TableName>), DmError> {
    type Columns = (String, String, Option<String>, Option<u64>, Option<u64>);
    let keyed = keyed(probe).await?;
    let rows: Vec<Columns> = probe
        .rows(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_COLLATION, TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES \
             WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1, 2",
        )
        .await?;
    let (mut tables, mut left_out) = (Vec::new(), Vec::new());
    for (schema, table, collation, rows, bytes) in rows {
        let allowed = rules.list.allows(&schema, Some(&table));
        let name = TableName::new(schema, table);
        if allowed {
            let keyed = keyed.contains(&name);
            let target = rules.router.route(&name)?;
            let origin = rules.origin(&name)?;
            tables.push(SourceTable {
                name,
                target,
                origin,
                collation: collation.unwrap_or_default(),
                keyed,
                rows: rows.unwrap_or_default(),
                bytes: bytes.unwrap_or_default(),
            });
        } else if !is_system_schema(&name.schema) {
            left_out.push(name);
        }
    }
    Ok((tables, left_out))
}

/// Looks at keys, foreign keys, character sets and collations.
pub(super) async fn check(
    probe: &mut Probe,
    tables: &[SourceTable],
    target: &TargetFacts,
) -> Finding {
    let mut finding = Finding::new(
        "table structure compatibility check",
        "check compatibility of table structure",
        &probe.address,
    );
    if let Err(error) = look(probe, tables, target, &mut finding).await {
        finding.not_evaluated(&error);
    }
    finding
}

async fn look(
    probe: &mut Probe,
    tables: &[SourceTable],
    target: &TargetFacts,
    finding: &mut Finding,
) -> Result<(), DmError> {
    let keyless: Vec<String> = tables
        .iter()
        .filter(|table| !table.keyed)
        .map(|table| table.name.to_string())
        .collect();
    if !keyless.is_empty() {
        finding.warn(
            format!(
                "no primary key and no unique key without NULLs: {}",
                some_of(&refs(&keyless))
            ),
            "Their rows are matched by all columns, one at a time: add a primary key for speed.",
        );
    }
    let wanted: BTreeSet<&TableName> = tables.iter().map(|table| &table.name).collect();
    let children: Vec<(String, String)> = probe
        .rows("SELECT DISTINCT CONSTRAINT_SCHEMA, TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS")
        .await?;
    let children: Vec<String> = children
        .into_iter()
        .map(|(schema, table)| TableName::new(schema, table))
        .filter(|name| wanted.contains(name))
        .map(|name| name.to_string())
        .collect();
    if !children.is_empty() {
        finding.warn(
            format!("foreign keys: {}", some_of(&refs(&children))),
            "Rows are written with foreign_key_checks=0, in the source's order per key.",
        );
    }
    text_columns(probe, tables, target, finding).await
}

/// Tables with a unique key of columns that are never NULL.
async fn keyed(probe: &mut Probe) -> Result<BTreeSet<TableName>, DmError> {
    let rows: Vec<(String, String)> = probe
        .rows(
            "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM (\
               SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME FROM information_schema.STATISTICS \
               WHERE NON_UNIQUE = 0 GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME \
               HAVING SUM(COALESCE(NULLABLE, '') = 'YES') = 0) complete_keys",
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(schema, table)| TableName::new(schema, table))
        .collect())
}

/// Character sets and collations that the target doesn't know.
async fn text_columns(
    probe: &mut Probe,
    tables: &[SourceTable],
    target: &TargetFacts,
    finding: &mut Finding,
) -> Result<(), DmError> {
    let wanted: BTreeSet<&TableName> = tables.iter().map(|table| &table.name).collect();
    let rows: Vec<(String, String, String, String)> = probe
        .rows(
            "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, CHARACTER_SET_NAME, COLLATION_NAME \
             FROM information_schema.COLUMNS WHERE CHARACTER_SET_NAME IS NOT NULL AND COLLATION_NAME IS NOT NULL",
        )
        .await?;
    let mut unknown: BTreeMap<(&'static str, String), BTreeSet<String>> = BTreeMap::new();
    for (schema, table, charset, collation) in rows {
        let name = TableName::new(schema, table);
        if !wanted.contains(&name) {
            continue;
        }
        if !target.knows_charset(&charset) {
            unknown
                .entry(("character set", charset))
                .or_default()
                .insert(name.to_string());
        } else if !target.knows_collation(&collation) {
            unknown
                .entry(("collation", collation))
                .or_default()
                .insert(name.to_string());
        }
    }
    for table in tables {
        if !table.collation.is_empty() && !target.knows_collation(&table.collation) {
            unknown
                .entry(("collation", table.collation.clone()))
                .or_default()
                .insert(table.name.to_string());
        }
    }
    for ((what, value), names) in unknown {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        finding.warn(
            format!("the target doesn't know the {what} {value}: {}", some_of(&names)),
            "Create these tables in the target with another one before the start, or leave them out with block-allow-list.",
        );
    }
    Ok(())
}

fn refs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[cfg(test)]
impl SourceTable {
    pub(super) fn for_test(schema: &str, table: &str, target: (&str, &str)) -> Self {
        Self {
            name: TableName::new(schema, table),
            target: TableName::new(target.0, target.1),
            origin: None,
            collation: String::new(),
            keyed: true,
            rows: 0,
            bytes: 0,
        }
    }

    pub(super) fn with_origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }
}
