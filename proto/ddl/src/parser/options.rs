//! Options of tables and databases.

use super::cursor::{Cursor, Parsed};
use crate::lexer::{TokenKind, decode_name};
use crate::statement::{CharsetClause, NameRole, TableOptions};

/// Reads one option of a table that bears on structure, or skips one item of another.
pub(super) fn table_option(cursor: &mut Cursor<'_>, options: &mut TableOptions) -> Parsed<()> {
    if charset_option(cursor, &mut options.charset) {
        return Ok(());
    }
    if cursor.accept_all(&["WITH", "SYSTEM", "VERSIONING"]) {
        options.system_versioned = true;
    } else if cursor.accept("ENGINE") {
        cursor.accept_punct(b'=');
        options.engine = value(cursor);
    } else if cursor.accept("UNION") {
        cursor.accept_punct(b'=');
        union_tables(cursor)?;
    } else {
        cursor.skip_item();
    }
    Ok(())
}

/// The tables of a MERGE table.
fn union_tables(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.expect_punct(b'(')?;
    while !cursor.accept_punct(b')') {
        cursor.table(NameRole::Source)?;
        cursor.accept_punct(b',');
    }
    Ok(())
}

/// Reads `[DEFAULT] CHARACTER SET [=] x` or `[DEFAULT] COLLATE [=] x`; false if neither comes next.
pub(super) fn charset_option(cursor: &mut Cursor<'_>, clause: &mut CharsetClause) -> bool {
    let mark = cursor.mark();
    cursor.accept("DEFAULT");
    if accept_charset(cursor) {
        cursor.accept_punct(b'=');
        clause.charset = name_or_default(cursor);
    } else if cursor.accept("COLLATE") {
        cursor.accept_punct(b'=');
        clause.collation = name_or_default(cursor);
    } else {
        cursor.back_to(mark);
        return false;
    }
    true
}

/// CHARACTER SET, CHAR SET or CHARSET.
pub(super) fn accept_charset(cursor: &mut Cursor<'_>) -> bool {
    cursor.accept_all(&["CHARACTER", "SET"])
        || cursor.accept_all(&["CHAR", "SET"])
        || cursor.accept("CHARSET")
}

/// The name of a character set or collation in lower case; none for DEFAULT.
pub(super) fn name_or_default(cursor: &mut Cursor<'_>) -> Option<String> {
    if cursor.accept("DEFAULT") {
        return None;
    }
    value(cursor).map(|name| name.to_ascii_lowercase())
}

/// A name or a string.
fn value(cursor: &mut Cursor<'_>) -> Option<String> {
    match cursor.peek().kind {
        TokenKind::Word | TokenKind::QuotedName => {
            let token = cursor.next();
            Some(decode_name(cursor.raw(token)))
        }
        _ => cursor.string(),
    }
}

/// Options of a database up to the end of the statement.
pub(super) fn database_options(cursor: &mut Cursor<'_>) -> CharsetClause {
    let mut clause = CharsetClause::default();
    while !cursor.at_end() {
        if !charset_option(cursor, &mut clause) {
            cursor.skip_item();
        }
    }
    clause
}

/// Whether the options of ALTER DATABASE come next, its name left out.
pub(super) fn at_database_options(cursor: &Cursor<'_>) -> bool {
    if cursor.any_word(&["DEFAULT", "CHARACTER", "CHAR", "COLLATE", "READ"]) {
        return true;
    }
    // Not reserved: they are options unless an option follows.
    let named = [
        "DEFAULT",
        "CHARACTER",
        "CHAR",
        "CHARSET",
        "COLLATE",
        "READ",
        "ENCRYPTION",
        "COMMENT",
        "UPGRADE",
    ];
    cursor.any_word(&["CHARSET", "ENCRYPTION", "COMMENT"])
        && !named.iter().any(|word| cursor.word_at(1, word))
}
