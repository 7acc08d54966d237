//! ALTER DATABASE and ALTER TABLE.

use super::alter_clause::clause;
use super::cursor::{Cursor, Parsed};
use super::{options, partition};
use crate::statement::{AlterClause, AlterSpec, AlterTable, Kind, Span};

/// After ALTER.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Parsed<Kind> {
    if cursor.accept_any(&["DATABASE", "SCHEMA"]).is_some() {
        return database(cursor);
    }
    cursor.accept_any(&["ONLINE", "OFFLINE"]);
    let ignore = cursor.accept("IGNORE");
    if !cursor.accept("TABLE") {
        return Ok(Kind::Unknown);
    }
    let if_exists = cursor.if_exists();
    let table = cursor.defined_table()?;
    cursor.lock_wait();
    let clauses = clauses(cursor)?;
    Ok(Kind::AlterTable(AlterTable {
        table,
        if_exists,
        ignore,
        clauses,
    }))
}

fn database(cursor: &mut Cursor<'_>) -> Parsed<Kind> {
    let name = if options::at_database_options(cursor) {
        let name = cursor
            .context()
            .default_schema
            .unwrap_or_default()
            .to_owned();
        let at = cursor.last_end();
        cursor.note_schema(Span { start: at, end: at }, &name);
        name
    } else {
        cursor.schema()?
    };
    let charset = options::database_options(cursor);
    Ok(Kind::AlterDatabase { name, charset })
}

fn clauses(cursor: &mut Cursor<'_>) -> Parsed<Vec<AlterClause>> {
    let mut clauses = Vec::new();
    while !cursor.at_end() {
        let start = cursor.offset();
        let mut specs = Vec::new();
        if cursor.accept_all(&["REMOVE", "PARTITIONING"]) {
            specs.push(AlterSpec::Partitioning(false));
        } else if partition::accept_by(cursor) {
            specs.push(AlterSpec::Partitioning(true));
        } else {
            clause(cursor, &mut specs)?;
        }
        let span = Span {
            start,
            end: cursor.last_end(),
        };
        clauses.extend(specs.into_iter().map(|spec| AlterClause { spec, span }));
        let more = cursor.accept_punct(b',') || cursor.at_partitioning();
        if !more && !cursor.at_end() {
            return Err(cursor.expected("`,` or the end of the statement"));
        }
    }
    Ok(clauses)
}
