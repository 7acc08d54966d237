//! May the source's account do what a migration needs?

use super::finding::Finding;
use super::grants::Grants;
use super::item::{Item, Wanted};
use super::probe::Probe;
use super::tables::SourceTable;
use std::collections::BTreeMap;

/// Tables named in one problem; the rest is counted.
const NAMED_MAX: usize = 5;

/// Looks at the privileges of the source's account; `schemas` are those that the block-allow-list names
/// literally, for the case that none of their tables can be seen.
pub(super) async fn check(
    probe: &mut Probe,
    wanted: &Wanted,
    tables: &[SourceTable],
    schemas: &[String],
) -> Vec<Finding> {
    let (replication, dump) = (
        wanted.wants(Item::ReplicationPrivilege),
        wanted.wants(Item::DumpPrivilege),
    );
    let mut findings = Vec::new();
    if !replication && !dump {
        return findings;
    }
    let grants = Grants::read(probe).await;
    let address = &probe.address;
    if replication {
        let mut finding = Finding::new(
            "source db replication privilege checker",
            "check replication privileges of source DB",
            address,
        );
        match &grants {
            Ok(grants) => replicating(grants, &mut finding),
            Err(error) => finding.not_evaluated(error),
        }
        findings.push(finding);
    }
    if dump {
        let mut finding = Finding::new(
            "source db dump privilege checker",
            "check dump privileges of source DB",
            address,
        );
        match &grants {
            Ok(grants) => dumping(grants, tables, schemas, &mut finding),
            Err(error) => finding.not_evaluated(error),
        }
        findings.push(finding);
    }
    findings
}

fn replicating(grants: &Grants, finding: &mut Finding) {
    let mut missing = Vec::new();
    if !grants.global("REPLICATION SLAVE") {
        missing.push("REPLICATION SLAVE");
    }
    // MariaDB calls it BINLOG MONITOR since 10.5, and accepts the old name.
    if !grants.global("REPLICATION CLIENT") && !grants.global("BINLOG MONITOR") {
        missing.push("REPLICATION CLIENT");
    }
    if !missing.is_empty() {
        let statement = grants.statement(&missing, "*.*");
        finding.fail(
            format!("lack of {} privilege: run {statement}", missing.join(", ")),
            statement,
        );
    }
}

fn dumping(grants: &Grants, tables: &[SourceTable], schemas: &[String], finding: &mut Finding) {
    // A table of which nothing is granted isn't even seen.
    for schema in schemas {
        let seen = tables
            .iter()
            .any(|table| table.name.schema.eq_ignore_ascii_case(schema));
        if !seen && !grants.on_schema("SELECT", schema) {
            let statement =
                grants.statement(&["SELECT", "LOCK TABLES"], &format!("{}.*", quoted(schema)));
            finding.fail(
                format!("no table of schema {schema} can be seen: run {statement}"),
                statement,
            );
        }
    }
    let mut lacking: BTreeMap<(&str, Vec<&str>), Vec<&str>> = BTreeMap::new();
    for table in tables {
        let (schema, name) = (table.name.schema.as_str(), table.name.table.as_str());
        let mut missing = Vec::new();
        if !grants.on_table("SELECT", schema, name) {
            missing.push("SELECT");
        }
        if !grants.on_table("LOCK TABLES", schema, name) {
            missing.push("LOCK TABLES");
        }
        if !missing.is_empty() {
            lacking.entry((schema, missing)).or_default().push(name);
        }
    }
    for ((schema, missing), names) in lacking {
        let statement = grants.statement(&missing, &format!("{}.*", quoted(schema)));
        let text = format!(
            "lack of {} on {schema}: {}: run {statement}",
            missing.join(", "),
            some_of(&names)
        );
        finding.fail(text, statement);
    }
}

/// The first names, and how many more there are.
pub(super) fn some_of(names: &[&str]) -> String {
    let shown = names
        .iter()
        .take(NAMED_MAX)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// An identifier in backticks.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
