//! Partitions: recognised, their bounds skipped.

use super::cursor::{Cursor, Parsed};
use crate::statement::{AlterSpec, NameRole};

/// Skips PARTITION BY with its definitions, up to a query or START TRANSACTION; false if it doesn't come next.
pub(super) fn accept_by(cursor: &mut Cursor<'_>) -> bool {
    if !cursor.accept_all(&["PARTITION", "BY"]) {
        return false;
    }
    let ends = [
        "AS", "SELECT", "IGNORE", "REPLACE", "WITH", "START", "VALUES", "TABLE",
    ];
    while !cursor.at_end() && !cursor.any_word(&ends) {
        cursor.skip_item();
    }
    true
}

/// Operations whose first word is enough when PARTITION follows; each runs to the end of the statement.
const OPERATIONS: [&str; 12] = [
    "ADD",
    "DROP",
    "TRUNCATE",
    "COALESCE",
    "REORGANIZE",
    "ANALYZE",
    "CHECK",
    "OPTIMIZE",
    "REBUILD",
    "REPAIR",
    "DISCARD",
    "IMPORT",
];

/// An operation on partitions, if one comes next.
pub(super) fn operation(cursor: &mut Cursor<'_>) -> Parsed<Option<AlterSpec>> {
    if cursor.accept_all(&["EXCHANGE", "PARTITION"]) {
        cursor.name("a partition's name")?;
        cursor.expect("WITH")?;
        cursor.expect("TABLE")?;
        let exchanged = Some(cursor.table(NameRole::Target)?);
        cursor.skip_rest();
        return Ok(Some(AlterSpec::PartitionOperation {
            what: "EXCHANGE PARTITION",
            exchanged,
        }));
    }
    if let Some(spec) = convert(cursor)? {
        return Ok(Some(spec));
    }
    let Some(what) = OPERATIONS
        .iter()
        .find(|verb| cursor.words(&[verb, "PARTITION"]))
        .copied()
    else {
        return Ok(None);
    };
    cursor.skip_rest();
    Ok(Some(AlterSpec::PartitionOperation {
        what,
        exchanged: None,
    }))
}

/// MariaDB turns a partition into a table, or a table into a partition.
fn convert(cursor: &mut Cursor<'_>) -> Parsed<Option<AlterSpec>> {
    let what = if cursor.accept_all(&["CONVERT", "PARTITION"]) {
        cursor.name("a partition's name")?;
        cursor.expect("TO")?;
        cursor.expect("TABLE")?;
        "CONVERT PARTITION"
    } else if cursor.accept_all(&["CONVERT", "TABLE"]) {
        "CONVERT TABLE"
    } else {
        return Ok(None);
    };
    let exchanged = Some(cursor.table(NameRole::Target)?);
    cursor.skip_rest();
    Ok(Some(AlterSpec::PartitionOperation { what, exchanged }))
}
