//! CREATE: definitions as written → structure.

use super::charset::{Charset, resolve};
use super::{Column, Database, Table, build, keys};
use crate::context::Server;
use crate::error::ApplyError;
use crate::statement::{CharsetClause, ColumnDef, CreateTable, TableItem};

/// The table that a CREATE TABLE makes in a database of these defaults.
pub(crate) fn build_table(
    create: &CreateTable,
    database: Option<&Database>,
    server: Server,
) -> Result<Table, ApplyError> {
    let defaults = resolve(&create.options.charset, &database_charset(database), server);
    let mut table = Table {
        charset: defaults.charset.clone(),
        collation: defaults.collation.clone(),
        engine: create.options.engine.clone(),
        partitioned: create.options.partitioned,
        ..Table::default()
    };
    let definitions: Vec<&ColumnDef> = create.items.iter().filter_map(as_column).collect();
    if create.options.system_versioned && !definitions.iter().any(|column| column.row_period) {
        return Err(ApplyError::Unsupported(
            "WITH SYSTEM VERSIONING with hidden columns",
        ));
    }
    let mut columns: Vec<Column> = definitions
        .iter()
        .map(|definition| build::column(definition, &defaults, server))
        .collect();
    build::promote_first_timestamp(definitions.into_iter().zip(&mut columns), server);
    check_names(&columns)?;
    table.columns = columns;
    add_keys(&mut table, create, server)?;
    Ok(table)
}

fn as_column(item: &TableItem) -> Option<&ColumnDef> {
    match item {
        TableItem::Column(column) => Some(column),
        _ => None,
    }
}

fn add_keys(table: &mut Table, create: &CreateTable, server: Server) -> Result<(), ApplyError> {
    let declared = || {
        create.items.iter().filter_map(|item| {
            if let TableItem::Key(key) = item {
                Some(key)
            } else {
                None
            }
        })
    };
    for item in &create.items {
        match item {
            TableItem::Key(key) => keys::add_key(table, key)?,
            TableItem::ForeignKey(key) => {
                keys::add_foreign_key(table, &create.table.table, key, declared(), server)?
            }
            TableItem::Period { columns } => make_not_null(table, columns),
            TableItem::Column(_) | TableItem::Check { .. } => {}
        }
    }
    keys::force_primary_not_null(table, server);
    keys::sort(table, server);
    Ok(())
}

/// A period's columns are NOT NULL.
pub(super) fn make_not_null(table: &mut Table, names: &[String]) {
    for column in &mut table.columns {
        if names.iter().any(|name| column.is_named(name)) {
            column.nullable = false;
        }
    }
}

/// An error if there is no column, or two have the same name.
pub(super) fn check_names(columns: &[Column]) -> Result<(), ApplyError> {
    if columns.is_empty() {
        return Err(ApplyError::NoColumns);
    }
    let mut names: Vec<String> = columns
        .iter()
        .map(|column| column.name.to_lowercase())
        .collect();
    names.sort_unstable();
    let twice = names.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(a.clone()),
        _ => None,
    });
    twice.map_or(Ok(()), |name| Err(ApplyError::DuplicateColumn(name)))
}

/// A database's defaults.
pub(super) fn database_charset(database: Option<&Database>) -> Charset {
    database.map_or_else(Charset::default, |database| Charset {
        charset: database.charset.clone(),
        collation: database.collation.clone(),
    })
}

/// CREATE TABLE … LIKE copies all but foreign keys.
pub(crate) fn copy_table(source: &Table) -> Table {
    Table {
        foreign_keys: Vec::new(),
        shadow: None,
        ..source.clone()
    }
}

/// The defaults of a database after CREATE or ALTER DATABASE.
pub(crate) fn database(clause: &CharsetClause, so_far: &Database, server: Server) -> Database {
    let found = resolve(clause, &database_charset(Some(so_far)), server);
    Database {
        charset: found.charset,
        collation: found.collation,
    }
}
