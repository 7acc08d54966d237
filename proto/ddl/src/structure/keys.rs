//! Adding indexes and foreign keys: the names that servers make up, and what follows for columns.

use super::column::same_name;
use super::{Column, ForeignKey, Generated, Key, KeyKind, KeyPart, Table, TypeKind};
use crate::context::{Flavor, Server};
use crate::error::ApplyError;
use crate::statement::{ForeignKeyDef, KeyDef};

/// Name of every primary key.
pub(super) const PRIMARY: &str = "PRIMARY";

/// Adds an index as declared.
pub(super) fn add_key(table: &mut Table, definition: &KeyDef) -> Result<(), ApplyError> {
    let mut parts = Vec::with_capacity(definition.parts.len());
    for part in &definition.parts {
        parts.push(checked_part(table, part)?);
    }
    let name = match (definition.kind, &definition.name) {
        (KeyKind::Primary, _) => String::from(PRIMARY),
        (_, Some(name)) => name.clone(),
        (_, None) => made_up_name(&table.keys, &parts),
    };
    if table.key(&name).is_some() {
        if definition.if_not_exists {
            return Ok(());
        }
        if !definition.or_replace {
            return Err(match definition.kind {
                KeyKind::Primary => ApplyError::MultiplePrimaryKeys,
                _ => ApplyError::DuplicateKey(name),
            });
        }
        table.keys.retain(|key| !key.is_named(&name));
    }
    drop_covered(table, &parts);
    let key = Key {
        name,
        kind: definition.kind,
        parts,
        implicit: false,
    };
    table.keys.push(key);
    Ok(())
}

/// Orders indexes as the server keeps and shows them: the primary key, unique keys, the rest, FULLTEXT.
///
/// MariaDB and MySQL 5.6 put a unique key whose column is NOT NULL only by the primary key sometimes later;
/// that is left out, as it can't change which key identifies a row.
pub(super) fn sort(table: &mut Table, server: Server) {
    let Table { keys, columns, .. } = table;
    keys.sort_by_cached_key(|key| rank(key, columns, server));
}

/// Lower ones come first: sort of index, has nullable parts, has computed parts, has prefixes.
type Rank = (u8, bool, bool, bool);

fn rank(key: &Key, columns: &[Column], server: Server) -> Rank {
    let parts: Vec<Option<&Column>> = key.parts.iter().map(|part| find(columns, part)).collect();
    let prefixed = key.parts.iter().any(|part| part.prefix.is_some());
    let computed_last = server.flavor == Flavor::Mysql && server.version >= 50_708;
    let is_computed = |column: &Column| column.generated == Some(Generated::Virtual);
    match key.kind {
        KeyKind::Primary => (0, false, false, false),
        // A unique key of whole BLOBs is a hash (MariaDB), which goes last.
        KeyKind::Unique
            if !prefixed
                && parts
                    .iter()
                    .flatten()
                    .any(|column| column.ty.kind.is_blob()) =>
        {
            (2, false, false, false)
        }
        KeyKind::Unique => {
            let nullable = parts
                .iter()
                .any(|part| part.is_none_or(|column| column.nullable));
            let computed = parts.iter().any(|part| part.is_none_or(is_computed));
            (1, nullable, computed && computed_last, prefixed)
        }
        KeyKind::Index | KeyKind::Spatial | KeyKind::Vector => (3, false, false, false),
        KeyKind::Fulltext => (4, false, false, false),
    }
}

/// The column of a part; none for an expression.
fn find<'a>(columns: &'a [Column], part: &KeyPart) -> Option<&'a Column> {
    let name = part.column.as_deref()?;
    columns.iter().find(|column| column.is_named(name))
}

/// The part under the column's own spelling, or an error if there is no such column.
fn checked_part(table: &Table, part: &KeyPart) -> Result<KeyPart, ApplyError> {
    let Some(name) = &part.column else {
        return Ok(part.clone());
    };
    let column = table
        .column(name)
        .ok_or_else(|| ApplyError::UnknownColumn(name.clone()))?;
    Ok(KeyPart {
        column: Some(column.name.clone()),
        prefix: fitting_prefix(part.prefix, column),
    })
}

/// A prefix that covers its whole column, or can't be one, is none.
pub(super) fn fitting_prefix(prefix: Option<u32>, column: &Column) -> Option<u32> {
    let kind = column.ty.kind;
    if kind.is_blob() {
        return prefix;
    }
    let bounded = matches!(
        kind,
        TypeKind::Char | TypeKind::VarChar | TypeKind::Binary | TypeKind::VarBinary
    );
    prefix.filter(|&prefix| bounded && column.ty.length.is_none_or(|length| prefix < length))
}

/// NOT NULL for every column of the primary key. MySQL 5.6 gives such a column a
/// default too, and every server that makes TIMESTAMP NOT NULL by itself does for these.
pub(super) fn force_primary_not_null(table: &mut Table, server: Server) {
    let with_default = server.flavor == Flavor::Mysql && server.version < 50_700;
    let zero_time =
        |column: &Column| column.ty.kind == TypeKind::Timestamp && server.timestamps_are_not_null();
    for index in table.primary_key().unwrap_or_default() {
        if let Some(column) = table
            .columns
            .get_mut(index)
            .filter(|column| column.nullable)
        {
            column.nullable = false;
            column.has_default |= with_default && !column.ty.kind.is_blob() || zero_time(column);
        }
    }
}

/// The name of an index that was declared without one: its first column's, numbered from 2 if taken.
fn made_up_name(keys: &[Key], parts: &[KeyPart]) -> String {
    let first = parts
        .first()
        .and_then(|part| part.column.as_deref())
        .unwrap_or("functional_index");
    let free = |name: &str| !same_name(name, PRIMARY) && !keys.iter().any(|key| key.is_named(name));
    if free(first) {
        return first.to_owned();
    }
    // More names than keys: one is free.
    let tries = 2..keys.len().saturating_add(4);
    let numbered = tries
        .map(|number| format!("{first}_{number}"))
        .find(|name| free(name));
    numbered.unwrap_or_else(|| first.to_owned())
}

/// Adds a foreign key to the table of this name, with the index that it needs unless one of `declared`, the
/// statement's other indexes, serves it.
pub(super) fn add_foreign_key<'a>(
    table: &mut Table,
    name: &str,
    definition: &ForeignKeyDef,
    mut declared: impl Iterator<Item = &'a KeyDef>,
    server: Server,
) -> Result<(), ApplyError> {
    let mut columns = Vec::with_capacity(definition.columns.len());
    for column in &definition.columns {
        let found = table
            .column(column)
            .ok_or_else(|| ApplyError::UnknownColumn(column.clone()))?;
        columns.push(found.name.clone());
    }
    // MariaDB takes the index's name for the constraint.
    let symbol = match server.flavor {
        Flavor::Mysql => definition.constraint.as_ref(),
        Flavor::Mariadb => definition.constraint.as_ref().or(definition.index.as_ref()),
    };
    let constraint = match symbol {
        Some(constraint) => constraint.clone(),
        None => format!("{name}_ibfk_{}", last_number(table, name).saturating_add(1)),
    };
    if table
        .foreign_keys
        .iter()
        .any(|key| same_name(&key.name, &constraint))
    {
        return match definition.if_not_exists {
            true => Ok(()),
            false => Err(ApplyError::DuplicateKey(constraint)),
        };
    }
    let parts: Vec<KeyPart> = columns
        .iter()
        .map(|column| KeyPart {
            column: Some(column.clone()),
            prefix: None,
        })
        .collect();
    let served = table
        .keys
        .iter()
        .any(|key| covers(key.kind, &key.parts, &parts))
        || declared.any(|key| covers(key.kind, &key.parts, &parts));
    if !served {
        let named = definition.constraint.as_ref().or(definition.index.as_ref());
        let index = named
            .cloned()
            .unwrap_or_else(|| made_up_name(&table.keys, &parts));
        table.keys.push(Key {
            name: index,
            kind: KeyKind::Index,
            parts,
            implicit: true,
        });
    }
    table.foreign_keys.push(ForeignKey {
        name: constraint,
        columns,
        parent_schema: definition.parent.schema.clone(),
        parent_table: definition.parent.table.clone(),
        parent_columns: definition.parent_columns.clone(),
    });
    Ok(())
}

fn last_number(table: &Table, name: &str) -> u32 {
    let prefix = format!("{name}_ibfk_");
    let numbers = table
        .foreign_keys
        .iter()
        .filter_map(|key| key.name.strip_prefix(&prefix)?.parse().ok());
    numbers.max().unwrap_or(0)
}

/// Whether an index starts with these whole columns.
fn covers(kind: KeyKind, have: &[KeyPart], parts: &[KeyPart]) -> bool {
    let usable = !matches!(kind, KeyKind::Fulltext | KeyKind::Spatial | KeyKind::Vector);
    usable
        && have.len() >= parts.len()
        && have
            .iter()
            .zip(parts)
            .all(|(have, want)| same_part(have, want))
}

fn same_part(a: &KeyPart, b: &KeyPart) -> bool {
    let same = a
        .column
        .as_deref()
        .zip(b.column.as_deref())
        .is_some_and(|(a, b)| same_name(a, b));
    same && a.prefix.is_none() && b.prefix.is_none()
}

/// Indexes that the server made for foreign keys go when these parts make them superfluous.
fn drop_covered(table: &mut Table, parts: &[KeyPart]) {
    table.keys.retain(|key| {
        let covered = key.parts.len() <= parts.len()
            && key.parts.iter().zip(parts).all(|(a, b)| same_part(a, b));
        !(key.implicit && covered)
    });
}

/// Foreign keys named by the server carry the table's name: a rename renames them too.
pub(super) fn rename_made_up_constraints(table: &mut Table, old: &str, new: &str) {
    let prefix = format!("{old}_ibfk_");
    for key in &mut table.foreign_keys {
        if let Some(number) = key
            .name
            .strip_prefix(&prefix)
            .filter(|rest| rest.parse::<u32>().is_ok())
        {
            key.name = format!("{new}_ibfk_{number}");
        }
    }
}
