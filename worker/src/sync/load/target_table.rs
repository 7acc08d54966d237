//! The target table of a copy.

use std::sync::{Mutex, PoisonError};

use dm_ddl::{Context, Flavor, Table};
use dm_model::{DmError, codes};
use mysql_async::{Conn, prelude::Queryable};

use crate::sync::{
    apply::{rewritten, show_create_text},
    errors,
    transform::{TablePlan, Transformer},
    upstream::{Upstream, show_create_database},
    value::quote_name,
};

/// Makes the table as the source has it, or checks that the one that is there takes every column.
pub(crate) async fn ensure(
    conn: &mut Conn,
    upstream: &Upstream,
    transformer: &Mutex<Transformer>,
    plan: &TablePlan,
    create: &str,
    structure: &Table,
) -> Result<(), DmError> {
    if let Some(found) = show_create_text(conn, &plan.target).await? {
        return check(&found, plan, structure);
    }
    refuse_to_invent(plan)?;
    ensure_database(conn, upstream, plan).await?;
    // SHOW CREATE TABLE names no database: the table's own is the default.
    let context = context(&plan.source.schema);
    let parsed = dm_ddl::parse(create, &context)
        .map_err(|error| not_understood(plan, create).with_cause(error))?;
    let statement = parsed.first().ok_or_else(|| not_understood(plan, create))?;
    let text = rewritten(
        statement,
        &transformer.lock().unwrap_or_else(PoisonError::into_inner),
    )?;
    match conn.query_drop(&text).await {
        Ok(()) => Ok(()),
        // An older owner, or another copier of the same task, was faster.
        Err(mysql_async::Error::Server(error)) if error.code == 1050 => {
            let found = show_create_text(conn, &plan.target)
                .await?
                .unwrap_or_default();
            check(&found, plan, structure)
        }
        Err(error) => {
            Err(errors::target(error).annotate(format!("creating {}: {text}", plan.target)))
        }
    }
}

async fn ensure_database(
    conn: &mut Conn,
    upstream: &Upstream,
    plan: &TablePlan,
) -> Result<(), DmError> {
    let exists: Option<u8> = conn
        .exec_first(
            "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?",
            (&plan.target.schema,),
        )
        .await
        .map_err(errors::target)?;
    if exists.is_some() {
        return Ok(());
    }
    // Its default character set and collation are the source's, where the target has them.
    let (mut source, _) = upstream.connect().await?;
    let create = show_create_database(&mut source, &plan.source.schema)
        .await?
        .unwrap_or_default();
    let options = create
        .find("/*!40100")
        .and_then(|at| create.get(at + "/*!40100".len()..))
        .and_then(|rest| rest.split("*/").next());
    let name = quote_name(&plan.target.schema);
    let with_options = format!(
        "CREATE DATABASE IF NOT EXISTS {name} {}",
        options.unwrap_or_default()
    );
    match conn.query_drop(with_options).await {
        Ok(()) => Ok(()),
        // Unknown character set or collation: every table names its own.
        Err(mysql_async::Error::Server(error)) if matches!(error.code, 1115 | 1273) => conn
            .query_drop(format!("CREATE DATABASE IF NOT EXISTS {name}"))
            .await
            .map_err(errors::target),
        Err(error) => Err(errors::target(error)),
    }
}

/// A table that is there must have every column that we write, and no other that needs a value.
fn check(found: &str, plan: &TablePlan, structure: &Table) -> Result<(), DmError> {
    let found = Table::parse_create(found, &context(&plan.target.schema))
        .map_err(|error| not_understood(plan, found).with_cause(error))?;
    let missing: Vec<&str> = plan
        .written()
        .map(|(_, column)| column.column.name.as_str())
        .filter(|name| found.column(name).is_none())
        .collect();
    let extra: Vec<&str> = found
        .columns
        .iter()
        .filter(|column| {
            structure.column(&column.name).is_none()
                && !plan
                    .written()
                    .any(|(_, own)| own.column.is_named(&column.name))
        })
        .filter(|column| {
            !column.nullable
                && !column.has_default
                && !column.auto_increment
                && column.generated.is_none()
        })
        .map(|column| column.name.as_str())
        .collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err(DmError::new(
        &codes::TARGET_STRUCTURE_DIFFERS,
        format!(
            "target table {} is there and differs from {}: missing columns [{}], columns without a default that the source lacks [{}]",
            plan.target,
            plan.source,
            missing.join(", "),
            extra.join(", ")
        ),
    ))
}

/// The origin of rows belongs into the key of their table, and which key that shall be only its owner knows.
fn refuse_to_invent(plan: &TablePlan) -> Result<(), DmError> {
    let names: Vec<&str> = plan
        .columns
        .iter()
        .filter(|column| column.written && !column.read)
        .map(|column| column.column.name.as_str())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let message = format!(
        "target table {} of {} is missing: a route keeps the origin of rows in columns {}",
        plan.target,
        plan.source,
        names.join(", ")
    );
    Err(
        DmError::new(&codes::TARGET_STRUCTURE_DIFFERS, message).with_workaround(
            "create it with these columns, in its primary key where rows of several tables can have the same one",
        ),
    )
}

/// Whether the target table has no rows of this source table.
pub(crate) async fn is_empty(conn: &mut Conn, plan: &TablePlan) -> Result<bool, DmError> {
    let row: Option<u8> = conn
        .query_first(format!(
            "SELECT 1 FROM {}{} LIMIT 1",
            plan.target_name(),
            own_rows(plan)
        ))
        .await
        .map_err(errors::target)?;
    Ok(row.is_none())
}

/// The WHERE that finds the rows of this source table; empty when the target table has no others.
pub(crate) fn own_rows(plan: &TablePlan) -> String {
    plan.own_rows
        .as_ref()
        .map_or_else(String::new, |condition| format!(" WHERE {condition}"))
}

fn not_understood(plan: &TablePlan, text: &str) -> DmError {
    DmError::new(
        &codes::SCHEMA_TRACKER_CANNOT_EXEC_DDL,
        format!(
            "the structure of {} cannot be understood: {text}",
            plan.source
        ),
    )
}

/// SHOW CREATE TABLE of our own sessions: no sql_mode.
fn context(schema: &str) -> Context<'_> {
    Context {
        default_schema: Some(schema),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: Flavor::Mysql,
        version: 90_700,
    }
}
