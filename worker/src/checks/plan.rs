//! What will happen: every table with its target, and the rules that decided it.

use super::check_task::Side;
use super::fitness;
use super::target::TargetFacts;
use dm_model::DmError;
use dm_model::rules::Mapped;
use serde::Serialize;
use std::collections::BTreeMap;

/// The whole answer; `dmctl check-task --plan` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Plan {
    tables: Vec<Planned>,
    left_out: Vec<LeftOut>,
    conflicts: Vec<String>,
    notes: Vec<String>,
    rows: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Planned {
    source: String,
    table: String,
    target: String,
    /// The rules that decided, with the key under which they stand.
    rules: Vec<String>,
    /// What becomes of columns.
    columns: Vec<String>,
    /// What is particular about it.
    notes: Vec<String>,
    rows: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct LeftOut {
    source: String,
    table: String,
    reason: String,
}

/// JSON of the plan.
pub(super) async fn render(sides: &mut [Side], facts: &TargetFacts) -> Result<String, DmError> {
    let mut plan = Plan {
        tables: Vec::new(),
        left_out: Vec::new(),
        conflicts: Vec::new(),
        notes: Vec::new(),
        rows: 0,
        bytes: 0,
    };
    let mut targets: BTreeMap<String, Vec<(String, Option<String>)>> = BTreeMap::new();
    for side in sides {
        let source = side.config.source_id.to_string();
        let plans = fitness::plans(&mut side.probe, &side.rules, &side.tables).await?;
        for table in &side.tables {
            let mut planned = planned(side, table)?;
            match plans.get(&table.name) {
                Some(Err(error)) => plan.conflicts.push(format!("{source}: {}", error.message)),
                Some(Ok(found)) if found.find_by.is_empty() => planned
                    .notes
                    .push("no key without NULLs: rows are matched by all columns".to_owned()),
                _ if !table.keyed => planned
                    .notes
                    .push("no key without NULLs: rows are matched by all columns".to_owned()),
                _ => {}
            }
            if !table.collation.is_empty() && !facts.knows_collation(&table.collation) {
                planned.notes.push(format!(
                    "the target doesn't know its collation {}",
                    table.collation
                ));
            }
            let owner = format!("{} of {source}", table.name);
            targets
                .entry(table.target.to_string().to_lowercase())
                .or_default()
                .push((owner, table.origin.clone()));
            plan.rows += table.rows;
            plan.bytes += table.bytes;
            plan.tables.push(planned);
        }
        plan.left_out
            .extend(side.left_out.iter().map(|name| LeftOut {
                source: source.clone(),
                table: name.to_string(),
                reason: list_reason(side),
            }));
        plan.notes.extend(differences(side));
    }
    for (target, owners) in targets.iter().filter(|(_, owners)| owners.len() > 1) {
        let owners: Vec<(String, Option<&str>)> = owners
            .iter()
            .map(|(owner, origin)| (owner.clone(), origin.as_deref()))
            .collect();
        if let Some(reason) = super::merge::indistinct(&owners) {
            plan.conflicts.push(format!(
                "{} tables go to {target}, and {reason}",
                owners.len()
            ));
        }
    }
    serde_json::to_string(&plan).map_err(|error| {
        DmError::new(
            &dm_model::codes::CONFIG_YAML_TRANSFORM,
            "the plan cannot be written",
        )
        .with_cause(error)
    })
}

fn planned(side: &Side, table: &super::tables::SourceTable) -> Result<Planned, DmError> {
    let (rules, name) = (&side.rules, &table.name);
    let mut decided = Vec::new();
    if let Some(route) = rules.router.rule_name(name)? {
        decided.push(format!("routes.{route}"));
    }
    let filters = rules.events.names(&name.schema, &name.table);
    decided.extend(filters.iter().map(|rule| format!("filters.{rule}")));
    let filters = rules.expressions.names(name);
    decided.extend(
        filters
            .iter()
            .map(|rule| format!("expression-filter.{rule}")),
    );
    let mut columns = Vec::new();
    for one in rules.extracted(name)? {
        columns.push(format!("+ {} = {:?}", one.column, one.value));
    }
    for mapping in rules.mappings.for_table(name)? {
        let what = match &mapping.mapped {
            Mapped::Prefix(text) => format!("prefix {text:?}"),
            Mapped::Suffix(text) => format!("suffix {text:?}"),
            Mapped::PartitionId(bits) => format!("partition id {bits}"),
        };
        columns.push(format!("{}: {what}", mapping.column));
        decided.push(format!("column-mappings.{}", mapping.rule));
    }
    for mask in rules.masks.for_table(name)? {
        columns.push(format!("{}: masked ({:?})", mask.column, mask.function));
        decided.push(format!("masks.{}", mask.rule));
    }
    decided.dedup();
    let mut notes = Vec::new();
    if let Some(rule) = rules.events.keeps_rows(&name.schema, &name.table) {
        notes.push(format!(
            "filters.{rule} may keep rows in the target: a row that comes again replaces the old one, and is counted"
        ));
    }
    Ok(Planned {
        source: side.config.source_id.to_string(),
        table: name.to_string(),
        target: table.target.to_string(),
        rules: decided,
        columns,
        notes,
        rows: table.rows,
        bytes: table.bytes,
    })
}

fn list_reason(side: &Side) -> String {
    let list = &side.subtask.block_allow_list;
    let lists = [
        ("do-dbs", list.do_dbs.len()),
        ("do-tables", list.do_tables.len()),
        ("ignore-dbs", list.ignore_dbs.len()),
        ("ignore-tables", list.ignore_tables.len()),
    ];
    let used: Vec<&str> = lists
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(key, _)| *key)
        .collect();
    format!("block-allow-list: {}", used.join(", "))
}

/// Where a rule does something else than in DM.
fn differences(side: &Side) -> Vec<String> {
    let mut notes = Vec::new();
    for named in &side.subtask.expressions {
        if !named.rule.insert_value_expr.is_empty() {
            notes.push(format!(
                "expression-filter.{}: unlike in DM, the copy leaves these rows out too, and an update that moves a row across the line inserts or deletes it",
                named.name
            ));
        }
    }
    for named in &side.subtask.filters {
        if named
            .rule
            .events
            .iter()
            .any(|event| event.trim().eq_ignore_ascii_case("all ddl"))
        {
            notes.push(format!(
                "filters.{}: unlike in DM, `all ddl` has the incompatible statements too",
                named.name
            ));
        }
    }
    notes
}
