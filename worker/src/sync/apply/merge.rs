//! What becomes of a DDL whose target table has rows of other source tables too.
//!
//! Without shard-DDL locks only what touches nobody else's rows is done: a new table joins a target that is there, and what would
//! take all rows away is left (R40). What changes the structure under the others is refused by name.

use std::sync::Arc;

use dm_ddl::{Context, Flavor, Kind, Table};
use dm_model::{DmError, TableName, codes};

use super::{
    applier::Applier,
    ddl::{DdlFault, show_create_text},
};
use crate::sync::{
    track::{Change, Tracker},
    transform::{TablePlan, Transformer},
};

/// What is done about a DDL.
#[derive(Debug)]
pub(super) enum Treatment {
    /// It is sent to the target.
    CarryOut,
    /// Only the structures follow it; why.
    Leave(String),
    /// A new table whose rows go into a target table that is there.
    Join(Arc<TablePlan>),
}

/// Decides. An error names the tables that stand in the way.
pub(super) fn treatment(
    change: &Change,
    tracker: &Tracker,
    transformer: &Transformer,
) -> Result<Treatment, DmError> {
    if let Some(rule) = &change.ignored {
        return Ok(Treatment::Leave(format!("filter rule {rule} ignores it")));
    }
    // Whoever gave the operator has decided.
    if change.operator.is_some() {
        return Ok(Treatment::CarryOut);
    }
    for (table, before) in &change.before {
        let after = tracker.structure(table);
        let Some(structure) = after.or(before.as_ref()) else {
            continue;
        };
        let plan = transformer.plan_for(table, structure)?;
        let others = sharing(table, &plan, tracker, transformer)?;
        if plan.own_rows.is_none() && others.is_empty() {
            continue;
        }
        let takes_all = change.run.iter().any(|statement| {
            matches!(
                statement.kind(),
                Kind::TruncateTable { .. } | Kind::DropTable { .. }
            )
        });
        if takes_all {
            return Ok(Treatment::Leave(format!(
                "{} has or may have rows of other tables (R40)",
                plan.target
            )));
        }
        if before.is_none() {
            distinct(table, &plan, &others, tracker, transformer)?;
            return Ok(Treatment::Join(plan));
        }
        if let Some(other) = others.first() {
            let message = format!(
                "{table} and {other} are both routed to {}: changing it needs shard DDL locks, which come in a later release",
                plan.target
            );
            return Err(DmError::new(&codes::MERGE_NOT_YET_SUPPORTED, message).with_workaround(
                "leave the statement out by a filter, change the target by hand, and use `binlog skip`",
            ));
        }
    }
    Ok(Treatment::CarryOut)
}

/// Other tables of the source with the same target; some targets fold the case of names (R39).
fn sharing(
    table: &TableName,
    plan: &TablePlan,
    tracker: &Tracker,
    transformer: &Transformer,
) -> Result<Vec<TableName>, DmError> {
    let target = plan.target.to_string().to_lowercase();
    let mut others = Vec::new();
    for other in tracker.tables() {
        if other != *table && transformer.route(&other)?.to_string().to_lowercase() == target {
            others.push(other);
        }
    }
    Ok(others)
}

/// Rows of several tables in one need something that tells whose they are.
fn distinct(
    table: &TableName,
    plan: &TablePlan,
    others: &[TableName],
    tracker: &Tracker,
    transformer: &Transformer,
) -> Result<(), DmError> {
    for other in others {
        let Some(structure) = tracker.structure(other) else {
            continue;
        };
        let other_plan = transformer.plan_for(other, structure)?;
        told_apart((table, plan), (other, &other_plan))?;
    }
    Ok(())
}

/// Fails unless the rows of two tables with one target can be told apart there.
pub(crate) fn told_apart(
    (table, plan): (&TableName, &TablePlan),
    (other, other_plan): (&TableName, &TablePlan),
) -> Result<(), DmError> {
    let reason = match (&plan.own_rows, &other_plan.own_rows) {
        (Some(own), Some(others)) if own != others => return Ok(()),
        (Some(_), Some(_)) => "their rules give both the same origin",
        _ => "nothing tells whose a row is",
    };
    let message = format!(
        "{table} and {other} are both routed to {}, and {reason}",
        plan.target
    );
    Err(DmError::new(&codes::MERGE_NOT_YET_SUPPORTED, message).with_workaround(
        "add extract-table, extract-schema or extract-source to the routes, or a column mapping with partition id for the key",
    ))
}

impl Applier {
    /// The target of a new table is there and has what its rows need.
    pub(super) async fn join_target(&mut self, plan: &TablePlan) -> Result<(), DdlFault> {
        let conn = self.connected().await?;
        let found = show_create_text(conn, &plan.target).await?;
        let context = Context {
            default_schema: Some(&plan.target.schema),
            ansi_quotes: false,
            no_backslash_escapes: false,
            flavor: Flavor::Mysql,
            version: 90_700,
        };
        let structure = found
            .as_deref()
            .map(|text| Table::parse_create(text, &context))
            .transpose()
            .map_err(|error| {
                let message = format!("the structure of {} cannot be understood", plan.target);
                DdlFault::Refused(
                    DmError::new(&codes::SCHEMA_TRACKER_CANNOT_EXEC_DDL, message).with_cause(error),
                )
            })?
            .unwrap_or_default();
        let missing: Vec<&str> = plan
            .written()
            .map(|(_, column)| column.column.name.as_str())
            .filter(|name| structure.column(name).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!(
            "target table {} of {} lacks columns {}",
            plan.target,
            plan.source,
            missing.join(", ")
        );
        Err(DdlFault::Refused(DmError::new(
            &codes::TARGET_STRUCTURE_DIFFERS,
            message,
        )))
    }
}
