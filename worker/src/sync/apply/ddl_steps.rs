//! The statements that a change takes at the target: names routed, and cut to what the target's dialect can run. Pure.

use dm_ddl::{
    AlterSpec, Context, Kind, Statement,
    dialect::{Dialect, Refused, adapt},
};
use dm_model::{DmError, codes};
use tracing::warn;

use super::ddl::rewritten;
use crate::sync::{
    track::{Change, Origin},
    transform::Transformer,
};

/// All statements in order. `before`: SHOW CREATE TABLE at the target of the change's first table, for what depends on it.
pub(super) fn steps(
    change: &Change,
    transformer: &Transformer,
    dialect: Dialect,
    before: Option<&str>,
) -> Result<Vec<String>, DmError> {
    let mut steps = Vec::with_capacity(change.run.len());
    for statement in &change.run {
        if change.operator.is_none() {
            refuse_hidden_rows(change, statement)?;
        }
        if dialect == Dialect::Mysql {
            steps.push(rewritten(statement, transformer)?);
            continue;
        }
        // Adapted in terms of the source, so that what is suggested can be given to `binlog replace`.
        let qualified = statement.rewrite_resolved(
            &mut |schema, table| (schema.to_owned(), table.to_owned()),
            &mut str::to_owned,
        );
        let context = Context {
            default_schema: None,
            ansi_quotes: change.session.ansi_quotes(),
            no_backslash_escapes: change.session.no_backslash_escapes(),
            flavor: statement.server().flavor,
            version: statement.server().version,
        };
        let adapted = adapt(&qualified, &context, dialect, before)
            .map_err(|refused| incompatible(&refused, &change.origin))?;
        if !adapted.left_out.is_empty() {
            warn!(
                statement = qualified,
                left_out = ?adapted.left_out,
                "clauses that mean nothing at the target are left out"
            );
        }
        for part in &adapted.parts {
            let parsed = dm_ddl::parse(part, &context).map_err(|error| {
                DmError::new(
                    &codes::PARSE_SQL,
                    format!("our own part cannot be parsed: {part}"),
                )
                .with_cause(error)
            })?;
            for statement in &parsed {
                steps.push(rewritten(statement, transformer)?);
            }
        }
    }
    Ok(steps)
}

/// Names the clause, and offers what can run in its place.
fn incompatible(refused: &Refused, origin: &Origin) -> DmError {
    let known = refused.known;
    let message = format!(
        "TiDB cannot run `{}` ({}): {}",
        refused.clause, known.name, known.note
    );
    let error = DmError::new(&codes::TARGET_INCOMPATIBLE_DDL, message);
    let at = origin.place.flag();
    match refused.suggestion.as_deref() {
        Some("") => error.with_workaround(format!(
            "there is nothing to run: `dmctl binlog skip {} -b {at}`.",
            origin.subtask
        )),
        Some(text) => error.with_workaround(format!(
            "`dmctl binlog replace {} -b {at} \"{}\"`.",
            origin.subtask,
            text.replace('"', "\\\"").replace('`', "\\`")
        )),
        None => error.with_workaround(
            "prepare the table at the target, then `binlog skip` it, or load the table again.",
        ),
    }
}

/// Statements by which rows come, go or get values that no row event carries, and that another server would not choose alike.
fn refuse_hidden_rows(change: &Change, statement: &Statement) -> Result<(), DmError> {
    let Kind::AlterTable(alter) = statement.kind() else {
        return Ok(());
    };
    let refuse = |what: &str| {
        let message = format!("{what}: rows that it changes are not in the binlog");
        Err(DmError::new(&codes::SYNCER_UNSUPPORTED_STMT, message)
            .with_workaround("bring the target table to the same rows, then `binlog skip` it; or load the table again."))
    };
    if alter.ignore {
        return refuse("ALTER IGNORE drops rows that clash");
    }
    for clause in &alter.clauses {
        let text = statement
            .text()
            .get(clause.span.start..clause.span.end)
            .unwrap_or_default()
            .to_ascii_uppercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        match &clause.spec {
            AlterSpec::Other | AlterSpec::PartitionOperation { .. }
                if matches!(words.first(), Some(&("DISCARD" | "IMPORT")))
                    && words.contains(&"TABLESPACE") =>
            {
                return refuse("DISCARD and IMPORT TABLESPACE replace the table's file");
            }
            AlterSpec::AddColumn { column, .. } if column.auto_increment => {
                let ordered = change.before.iter().any(|(_, structure)| {
                    structure
                        .as_ref()
                        .is_some_and(|table| table.unique_not_null_key().is_some())
                });
                if !ordered {
                    return refuse(
                        "an AUTO_INCREMENT column numbers rows in an order that only the source knows",
                    );
                }
            }
            _ => {}
        }
    }
    Ok(())
}
