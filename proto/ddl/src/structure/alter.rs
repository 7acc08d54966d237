//! ALTER TABLE, CREATE INDEX, DROP INDEX.

use super::alter_columns::{AlteredColumns, alter_columns, defined};
use super::charset::{Charset, built_in_collation, resolve};
use super::column::same_name;
use super::keys::{self, PRIMARY};
use super::{Database, ForeignKey, Key, KeyPart, Table, build, create};
use crate::context::{Flavor, Server};
use crate::error::ApplyError;
use crate::statement::{AlterClause, AlterSpec, AlterTable, CharsetClause, KeyDef, TableRef};

/// A table after an ALTER TABLE.
pub(crate) struct Altered {
    pub(crate) table: Table,
    pub(crate) renamed_to: Option<TableRef>,
}

/// Does what the clauses of an ALTER TABLE say, all together.
pub(crate) fn alter_table(
    table: &Table,
    change: &AlterTable,
    database: Option<&Database>,
    server: Server,
) -> Result<Altered, ApplyError> {
    check_modelled(&change.clauses)?;
    let mut altered = table.clone();
    let conversion = apply_options(&mut altered, &change.clauses, database, server);
    let defaults = Charset {
        charset: altered.charset.clone(),
        collation: altered.collation.clone(),
    };
    let columns = alter_columns(table, &change.clauses, &defaults, server)?;
    altered.columns.clone_from(&columns.columns);
    if let Some(charset) = conversion {
        convert_columns(&mut altered, table, change, &charset, server);
    }
    drop_keys(&mut altered, &change.clauses)?;
    follow_columns(&mut altered, table, &columns);
    rename_keys(&mut altered, &change.clauses)?;
    add_keys(&mut altered, change, server)?;
    keys::force_primary_not_null(&mut altered, server);
    keys::sort(&mut altered, server);
    let renamed_to = change
        .clauses
        .iter()
        .rev()
        .find_map(|clause| match &clause.spec {
            AlterSpec::RenameTable(new) => Some(new.clone()),
            _ => None,
        });
    Ok(Altered {
        table: altered,
        renamed_to,
    })
}

fn check_modelled(clauses: &[AlterClause]) -> Result<(), ApplyError> {
    for clause in clauses {
        match &clause.spec {
            AlterSpec::SystemVersioning => {
                return Err(ApplyError::Unsupported("SYSTEM VERSIONING"));
            }
            AlterSpec::PartitionOperation {
                what: what @ ("CONVERT PARTITION" | "CONVERT TABLE"),
                ..
            } => {
                return Err(ApplyError::Unsupported(what));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Table options; returns the character set that columns are converted to.
fn apply_options(
    table: &mut Table,
    clauses: &[AlterClause],
    database: Option<&Database>,
    server: Server,
) -> Option<Charset> {
    let mut conversion = None;
    let mut named = None;
    for clause in clauses {
        match &clause.spec {
            AlterSpec::Options(options) => {
                if options.charset != CharsetClause::default() {
                    let so_far = Charset {
                        charset: table.charset.clone(),
                        collation: table.collation.clone(),
                    };
                    let charset = resolve(&options.charset, &so_far, server);
                    set_defaults(table, charset.clone());
                    named = Some(charset);
                }
                if options.engine.is_some() {
                    table.engine.clone_from(&options.engine);
                }
            }
            AlterSpec::ConvertCharset(wanted) => {
                let charset = resolve(
                    &conversion_target(wanted, database, server),
                    &create::database_charset(database),
                    server,
                );
                set_defaults(table, charset.clone());
                conversion = Some(charset);
            }
            AlterSpec::Partitioning(partitioned) => table.partitioned = *partitioned,
            _ => {}
        }
    }
    // Columns are converted, but a default that is named stands (newer MariaDB; MySQL refuses both at once).
    let stands = server.flavor == Flavor::Mariadb && server.version >= 100_900;
    if let (true, Some(charset), Some(_)) = (stands, named, &conversion) {
        set_defaults(table, charset);
    }
    conversion
}

/// CONVERT TO CHARACTER SET DEFAULT is the database's; newer MariaDB takes only its character set, with the
/// collation that was built in as that one's default.
fn conversion_target(
    wanted: &CharsetClause,
    database: Option<&Database>,
    server: Server,
) -> CharsetClause {
    let newer = server.flavor == Flavor::Mariadb && server.version >= 100_900;
    match database.and_then(|database| database.charset.clone()) {
        Some(charset) if newer && *wanted == CharsetClause::default() => CharsetClause {
            collation: built_in_collation(&charset),
            charset: Some(charset),
        },
        _ => wanted.clone(),
    }
}

fn convert_columns(
    altered: &mut Table,
    old: &Table,
    change: &AlterTable,
    charset: &Charset,
    server: Server,
) {
    let before = altered.columns.clone();
    for column in &mut altered.columns {
        let mut definitions = change.clauses.iter().filter_map(defined);
        let grows = !definitions.any(|definition| column.is_named(&definition.name));
        build::convert(&mut column.ty, charset, grows);
    }
    // MySQL 5.6 finds nothing to do then, also not for the table's defaults.
    let only = |clause: &AlterClause| matches!(clause.spec, AlterSpec::ConvertCharset(_));
    let idle = altered.columns == before && change.clauses.iter().all(only);
    if idle && server.flavor == Flavor::Mysql && server.version < 50_700 {
        (altered.charset, altered.collation) = (old.charset.clone(), old.collation.clone());
    }
}

fn set_defaults(table: &mut Table, charset: Charset) {
    (table.charset, table.collation) = (charset.charset, charset.collation);
}

fn drop_keys(table: &mut Table, clauses: &[AlterClause]) -> Result<(), ApplyError> {
    for clause in clauses {
        match &clause.spec {
            AlterSpec::DropPrimaryKey { if_exists } => drop_index(table, PRIMARY, *if_exists)?,
            AlterSpec::DropKey { name, if_exists } => drop_index(table, name, *if_exists)?,
            AlterSpec::DropForeignKey { name, if_exists } => {
                let settled = drop_foreign_key(table, name) || *if_exists;
                if !settled {
                    return Err(ApplyError::UnknownConstraint(name.clone()));
                }
            }
            // Neither a foreign key nor an index: a check, which isn't modelled.
            AlterSpec::DropConstraint { name, .. } => {
                let was_foreign = drop_foreign_key(table, name);
                if !was_foreign {
                    table
                        .keys
                        .retain(|key| !(key.is_unique() && key.is_named(name)));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn drop_foreign_key(table: &mut Table, name: &str) -> bool {
    let before = table.foreign_keys.len();
    table
        .foreign_keys
        .retain(|key: &ForeignKey| !same_name(&key.name, name));
    table.foreign_keys.len() < before
}

/// Old keys follow their columns: renamed with them, shortened or gone when they are dropped.
fn follow_columns(altered: &mut Table, old: &Table, columns: &AlteredColumns) {
    let new_name = |name: &str| {
        columns
            .new_names
            .get(old.column_index(name)?)
            .cloned()
            .flatten()
    };
    let mut kept: Vec<Key> = Vec::with_capacity(altered.keys.len());
    for mut key in std::mem::take(&mut altered.keys) {
        key.parts = key
            .parts
            .into_iter()
            .filter_map(|part| follow(part, &new_name, altered))
            .collect();
        if !key.parts.is_empty() {
            kept.push(key);
        }
    }
    altered.keys = kept;
    for foreign in &mut altered.foreign_keys {
        foreign.columns = foreign
            .columns
            .iter()
            .filter_map(|name| new_name(name))
            .collect();
    }
}

fn follow(
    part: KeyPart,
    new_name: &dyn Fn(&str) -> Option<String>,
    altered: &Table,
) -> Option<KeyPart> {
    let Some(name) = &part.column else {
        return Some(part);
    };
    let column = altered.column(&new_name(name)?)?;
    Some(KeyPart {
        column: Some(column.name.clone()),
        prefix: keys::fitting_prefix(part.prefix, column),
    })
}

fn rename_keys(table: &mut Table, clauses: &[AlterClause]) -> Result<(), ApplyError> {
    let before = table.keys.clone();
    for clause in clauses {
        let AlterSpec::RenameKey {
            old,
            new,
            if_exists,
        } = &clause.spec
        else {
            continue;
        };
        match before
            .iter()
            .position(|key| key.is_named(old))
            .and_then(|at| table.keys.get_mut(at))
        {
            Some(key) => key.name.clone_from(new),
            None if *if_exists => {}
            None => return Err(ApplyError::UnknownKey(old.clone())),
        }
        if table.keys.iter().filter(|key| key.is_named(new)).count() > 1
            && !renamed_away(clauses, new)
        {
            return Err(ApplyError::DuplicateKey(new.clone()));
        }
    }
    Ok(())
}

fn renamed_away(clauses: &[AlterClause], name: &str) -> bool {
    clauses.iter().any(
        |clause| matches!(&clause.spec, AlterSpec::RenameKey { old, .. } if same_name(old, name)),
    )
}

fn add_keys(table: &mut Table, change: &AlterTable, server: Server) -> Result<(), ApplyError> {
    let declared = || {
        change
            .clauses
            .iter()
            .filter_map(|clause| match &clause.spec {
                AlterSpec::AddKey(key) => Some(key),
                _ => None,
            })
    };
    for clause in &change.clauses {
        match &clause.spec {
            AlterSpec::AddKey(key) => keys::add_key(table, key)?,
            AlterSpec::AddForeignKey(key) => {
                keys::add_foreign_key(table, &change.table.table, key, declared(), server)?;
            }
            AlterSpec::AddPeriod { columns } => create::make_not_null(table, columns),
            _ => {}
        }
    }
    Ok(())
}

/// CREATE INDEX.
pub(crate) fn create_index(
    table: &mut Table,
    key: &KeyDef,
    server: Server,
) -> Result<(), ApplyError> {
    keys::add_key(table, key)?;
    keys::sort(table, server);
    Ok(())
}

/// DROP INDEX.
pub(crate) fn drop_index(table: &mut Table, name: &str, if_exists: bool) -> Result<(), ApplyError> {
    let before = table.keys.len();
    table.keys.retain(|key| !key.is_named(name));
    match table.keys.len() < before || if_exists {
        true => Ok(()),
        false => Err(ApplyError::UnknownKey(name.to_owned())),
    }
}
