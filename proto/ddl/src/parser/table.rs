//! DROP, RENAME and TRUNCATE.

use super::cursor::{Cursor, Parsed};
use crate::statement::{Kind, NameRole};

/// After DROP: a table, an index or a database.
pub(super) fn drop(cursor: &mut Cursor<'_>) -> Parsed<Kind> {
    if cursor.accept_any(&["DATABASE", "SCHEMA"]).is_some() {
        let if_exists = cursor.if_exists();
        let name = cursor.schema()?;
        return end(cursor, Kind::DropDatabase { name, if_exists });
    }
    if cursor.accept_any(&["TABLE", "TABLES"]).is_some() {
        let if_exists = cursor.if_exists();
        let mut tables = vec![cursor.table(NameRole::Target)?];
        while cursor.accept_punct(b',') {
            tables.push(cursor.table(NameRole::Target)?);
        }
        cursor.lock_wait();
        cursor.accept_any(&["RESTRICT", "CASCADE"]);
        return end(cursor, Kind::DropTable { tables, if_exists });
    }
    cursor.accept_any(&["ONLINE", "OFFLINE"]);
    if cursor.accept("INDEX") {
        let if_exists = cursor.if_exists();
        let name = cursor.name("an index name")?;
        cursor.expect("ON")?;
        let table = cursor.table(NameRole::Target)?;
        // ALGORITHM, LOCK, WAIT.
        cursor.skip_rest();
        return Ok(Kind::DropIndex {
            table,
            name,
            if_exists,
        });
    }
    Ok(Kind::Unknown)
}

/// After RENAME: pairs of tables.
pub(super) fn rename(cursor: &mut Cursor<'_>) -> Parsed<Kind> {
    if cursor.accept_any(&["TABLE", "TABLES"]).is_none() {
        return Ok(Kind::Unknown);
    }
    let if_exists = cursor.if_exists();
    let mut pairs = Vec::new();
    loop {
        let old = cursor.table(NameRole::Target)?;
        cursor.lock_wait();
        cursor.expect("TO")?;
        pairs.push((old, cursor.table(NameRole::NewName)?));
        if !cursor.accept_punct(b',') {
            return end(cursor, Kind::RenameTable { pairs, if_exists });
        }
    }
}

/// After TRUNCATE.
pub(super) fn truncate(cursor: &mut Cursor<'_>) -> Parsed<Kind> {
    cursor.accept("TABLE");
    let table = cursor.table(NameRole::Target)?;
    cursor.lock_wait();
    end(cursor, Kind::TruncateTable { table })
}

/// The statement, if nothing follows it.
fn end(cursor: &Cursor<'_>, kind: Kind) -> Parsed<Kind> {
    if cursor.at_end() {
        Ok(kind)
    } else {
        Err(cursor.expected("the end of the statement"))
    }
}
