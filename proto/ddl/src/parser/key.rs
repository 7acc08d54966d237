//! Indexes, foreign keys and checks.

use super::cursor::{Cursor, Parsed};
use crate::lexer::TokenKind;
use crate::statement::{ForeignKeyDef, KeyDef, TableItem, TableRef};
use crate::structure::{KeyKind, KeyPart};

/// A definition inside CREATE TABLE or after ADD that isn't a column: none if a column comes next.
pub(super) fn definition(cursor: &mut Cursor<'_>) -> Parsed<Option<TableItem>> {
    if cursor.accept_all(&["PERIOD", "FOR"]) {
        cursor.name("a period's name")?;
        let columns = column_list(cursor)?;
        return Ok(Some(TableItem::Period { columns }));
    }
    let constraint = cursor.accept("CONSTRAINT");
    if constraint {
        cursor.if_not_exists();
    }
    let keywords = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"];
    let symbol = match constraint && !cursor.any_word(&keywords) {
        true => Some(cursor.name("a constraint's name")?),
        false => None,
    };
    let item = if cursor.accept("FOREIGN") {
        cursor.expect("KEY")?;
        TableItem::ForeignKey(foreign_key(cursor, symbol)?)
    } else if cursor.accept("CHECK") {
        cursor.skip_bracket()?;
        TableItem::Check { name: symbol }
    } else if let Some(kind) = kind(cursor)? {
        let mut key = head(cursor, kind)?;
        key.parts = parts(cursor)?;
        key.name = key.name.or(symbol);
        TableItem::Key(key)
    } else if constraint {
        return Err(cursor.expected("a constraint"));
    } else {
        return Ok(None);
    };
    cursor.skip_clause();
    Ok(Some(item))
}

fn kind(cursor: &mut Cursor<'_>) -> Parsed<Option<KeyKind>> {
    if cursor.accept("PRIMARY") {
        cursor.expect("KEY")?;
        return Ok(Some(KeyKind::Primary));
    }
    if cursor.accept_any(&["KEY", "INDEX"]).is_some() {
        return Ok(Some(KeyKind::Index));
    }
    // VECTOR isn't reserved: it may be a column's name.
    let vector = cursor.words(&["VECTOR", "KEY"]) || cursor.words(&["VECTOR", "INDEX"]);
    let kind = if cursor.accept("UNIQUE") {
        KeyKind::Unique
    } else if cursor.accept("FULLTEXT") {
        KeyKind::Fulltext
    } else if cursor.accept("SPATIAL") {
        KeyKind::Spatial
    } else if vector || cursor.word("VECTOR") && cursor.punct_at(1, b'(') {
        cursor.skip(1);
        KeyKind::Vector
    } else {
        return Ok(None);
    };
    cursor.accept_any(&["KEY", "INDEX"]);
    Ok(Some(kind))
}

/// An index's name and type, up to its parts or ON.
pub(super) fn head(cursor: &mut Cursor<'_>, kind: KeyKind) -> Parsed<KeyDef> {
    let if_not_exists = cursor.if_not_exists();
    let unnamed = cursor.punct(b'(') || cursor.word("USING");
    let name = if unnamed {
        None
    } else {
        Some(cursor.name("an index name")?)
    };
    if cursor.accept_any(&["USING", "TYPE"]).is_some() {
        cursor.name("an index type")?;
    }
    let name = if kind == KeyKind::Primary { None } else { name };
    Ok(KeyDef {
        name,
        kind,
        parts: Vec::new(),
        if_not_exists,
        or_replace: false,
    })
}

/// An index's parts in brackets.
pub(super) fn parts(cursor: &mut Cursor<'_>) -> Parsed<Vec<KeyPart>> {
    cursor.expect_punct(b'(')?;
    let mut parts = Vec::new();
    loop {
        parts.push(part(cursor)?);
        if cursor.accept_punct(b')') {
            return Ok(parts);
        }
        if !cursor.accept_punct(b',') {
            return Err(cursor.expected("`,` or `)`"));
        }
    }
}

fn part(cursor: &mut Cursor<'_>) -> Parsed<KeyPart> {
    if cursor.punct(b'(') {
        cursor.skip_clause();
        return Ok(KeyPart {
            column: None,
            prefix: None,
        });
    }
    let column = cursor.column()?;
    if cursor.accept_all(&["WITHOUT", "OVERLAPS"]) {
        // A period of MariaDB: the key doesn't compare values alone.
        return Ok(KeyPart {
            column: None,
            prefix: None,
        });
    }
    let mut prefix = None;
    if cursor.punct(b'(') && cursor.peek_at(1).kind == TokenKind::Number {
        cursor.skip(1);
        prefix = cursor.number();
        cursor.expect_punct(b')')?;
    }
    // ASC, DESC.
    cursor.skip_clause();
    Ok(KeyPart {
        column: Some(column),
        prefix,
    })
}

fn foreign_key(cursor: &mut Cursor<'_>, constraint: Option<String>) -> Parsed<ForeignKeyDef> {
    let if_not_exists = cursor.if_not_exists();
    let index = match cursor.punct(b'(') {
        true => None,
        false => Some(cursor.name("an index name")?),
    };
    let columns = column_list(cursor)?;
    let (parent, parent_columns) = references(cursor)?;
    Ok(ForeignKeyDef {
        constraint,
        index,
        columns,
        parent,
        parent_columns,
        if_not_exists,
    })
}

/// REFERENCES with all that belongs to it.
pub(super) fn references(cursor: &mut Cursor<'_>) -> Parsed<(TableRef, Vec<String>)> {
    cursor.expect("REFERENCES")?;
    let parent = cursor.parent_table()?;
    let columns = if cursor.punct(b'(') {
        column_list(cursor)?
    } else {
        Vec::new()
    };
    loop {
        if cursor.accept("MATCH") {
            cursor.skip(1);
        } else if cursor.words(&["ON", "DELETE"]) || cursor.words(&["ON", "UPDATE"]) {
            // The action is one word or two.
            cursor.skip(2);
            if !cursor.accept_all(&["NO", "ACTION"]) && !cursor.accept("SET") {
                cursor.accept_any(&["RESTRICT", "CASCADE"]);
            } else {
                cursor.accept_any(&["NULL", "DEFAULT"]);
            }
        } else {
            return Ok((parent, columns));
        }
    }
}

fn column_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    Ok(parts(cursor)?
        .into_iter()
        .filter_map(|part| part.column)
        .collect())
}
