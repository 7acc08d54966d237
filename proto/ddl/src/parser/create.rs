//! CREATE DATABASE, TABLE and INDEX.

use super::cursor::{Cursor, Parsed};
use super::parse::Outcome;
use super::{column, key, options, partition};
use crate::statement::{CreateTable, Kind, NameRole, Span, TableItem, TableOptions, TableRef};
use crate::structure::KeyKind;

/// After CREATE.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Outcome> {
    let or_replace = cursor.accept_all(&["OR", "REPLACE"]);
    if cursor.accept("TABLE") {
        return table(cursor, or_replace);
    }
    if cursor.accept_any(&["DATABASE", "SCHEMA"]).is_some() {
        let if_not_exists = cursor.if_not_exists();
        let name = cursor.schema()?;
        let charset = options::database_options(cursor);
        return Ok(Kind::CreateDatabase {
            name,
            if_not_exists,
            or_replace,
            charset,
        }
        .into());
    }
    cursor.accept_any(&["ONLINE", "OFFLINE"]);
    let kind = match cursor.accept_any(&["UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"]) {
        Some("UNIQUE") => KeyKind::Unique,
        Some("FULLTEXT") => KeyKind::Fulltext,
        Some("SPATIAL") => KeyKind::Spatial,
        Some(_) => KeyKind::Vector,
        None => KeyKind::Index,
    };
    cursor.accept_any(&["ONLINE", "OFFLINE"]);
    if cursor.accept("INDEX") {
        return index(cursor, kind, or_replace).map(Outcome::from);
    }
    Ok(Kind::Unknown.into())
}

fn index(cursor: &mut Cursor<'_>, kind: KeyKind, or_replace: bool) -> Parsed<Kind> {
    let mut definition = key::head(cursor, kind)?;
    definition.or_replace = or_replace;
    cursor.expect("ON")?;
    let table = cursor.table(NameRole::Target)?;
    definition.parts = key::parts(cursor)?;
    // Options of the index, ALGORITHM, LOCK.
    cursor.skip_rest();
    Ok(Kind::CreateIndex {
        table,
        key: definition,
    })
}

fn table(cursor: &mut Cursor<'_>, or_replace: bool) -> Parsed<Outcome> {
    let if_not_exists = cursor.if_not_exists();
    let table = cursor.defined_table()?;
    if let Some(source) = like(cursor)? {
        return Ok(Kind::CreateTableLike {
            table,
            source,
            if_not_exists,
            or_replace,
        }
        .into());
    }
    let items = match cursor.punct(b'(') && !at_query(cursor) {
        true => definitions(cursor)?,
        false => Vec::new(),
    };
    let tail = tail(cursor)?;
    let create = CreateTable {
        table,
        if_not_exists,
        or_replace,
        items,
        options: tail.options,
        start_transaction: tail.suffix.is_some(),
    };
    if tail.query {
        return Ok(Kind::CreateTableSelect(create).into());
    }
    if create.items.is_empty() {
        return Err(cursor.expected("column definitions"));
    }
    Ok(Outcome {
        kind: Kind::CreateTable(create),
        suffix: tail.suffix,
    })
}

/// LIKE and its table, in brackets or not.
fn like(cursor: &mut Cursor<'_>) -> Parsed<Option<TableRef>> {
    let bracket = cursor.punct(b'(') && cursor.word_at(1, "LIKE");
    if bracket {
        cursor.skip(1);
    }
    if !cursor.accept("LIKE") {
        return Ok(None);
    }
    let source = cursor.table(NameRole::Source)?;
    if bracket {
        cursor.expect_punct(b')')?;
    }
    // Nothing may follow but MariaDB's options of the copy, which change no column.
    cursor.skip_rest();
    Ok(Some(source))
}

/// Definitions in brackets.
pub(super) fn definitions(cursor: &mut Cursor<'_>) -> Parsed<Vec<TableItem>> {
    cursor.expect_punct(b'(')?;
    let mut items = Vec::new();
    loop {
        definition(cursor, &mut items)?;
        if cursor.accept_punct(b')') {
            return Ok(items);
        }
        if !cursor.accept_punct(b',') {
            return Err(cursor.expected("`,` or `)`"));
        }
    }
}

fn definition(cursor: &mut Cursor<'_>, items: &mut Vec<TableItem>) -> Parsed<()> {
    if let Some(found) = key::definition(cursor)? {
        items.push(found);
        return Ok(());
    }
    let (definition, keys) = column::column(cursor)?;
    items.push(TableItem::Column(definition));
    items.extend(keys);
    Ok(())
}

/// Whether a query comes next, in brackets or not.
fn at_query(cursor: &Cursor<'_>) -> bool {
    let mut ahead = 0;
    while cursor.punct_at(ahead, b'(') {
        ahead = ahead.saturating_add(1);
    }
    let with = cursor.word_at(ahead, "WITH") && !cursor.word_at(ahead.saturating_add(1), "SYSTEM");
    with || ["SELECT", "VALUES", "TABLE"]
        .iter()
        .any(|word| cursor.word_at(ahead, word))
}

/// What follows the definitions.
#[derive(Default)]
struct Tail {
    options: TableOptions,
    query: bool,
    suffix: Option<Span>,
}

fn tail(cursor: &mut Cursor<'_>) -> Parsed<Tail> {
    let mut tail = Tail::default();
    while !cursor.at_end() {
        if cursor.words(&["START", "TRANSACTION"]) {
            let start = cursor.offset();
            cursor.skip(2);
            tail.suffix = Some(Span {
                start,
                end: cursor.last_end(),
            });
        } else if cursor.word("AS") || at_query(cursor) {
            tail.query = true;
            cursor.skip_rest();
        } else if partition::accept_by(cursor) {
            tail.options.partitioned = true;
        } else {
            options::table_option(cursor, &mut tail.options)?;
        }
    }
    Ok(tail)
}
