//! The columns that an ALTER TABLE leaves.
//!
//! The server judges all clauses by the table as it was, not one after the other: dropped and changed
//! columns go by their old names, and only then are new and moved ones put in place, in the order of the
//! text. So two columns can swap their names, and a column be dropped and added again.

use super::charset::Charset;
use super::column::same_name;
use super::{Column, Table, TypeKind, build};
use crate::context::{Flavor, Server};
use crate::error::ApplyError;
use crate::statement::{AlterClause, AlterSpec, ColumnDef, DefaultClause, Position};

/// Columns after an ALTER TABLE, and what became of the old ones.
pub(super) struct AlteredColumns {
    pub(super) columns: Vec<Column>,
    /// For each old column its new name, none if it was dropped.
    pub(super) new_names: Vec<Option<String>>,
}

/// Works out the columns; `defaults` are the table's after this statement.
pub(super) fn alter_columns(
    table: &Table,
    clauses: &[AlterClause],
    defaults: &Charset,
    server: Server,
) -> Result<AlteredColumns, ApplyError> {
    check_old_names(table, clauses, server)?;
    let mut work = Work {
        list: Vec::new(),
        new_names: Vec::new(),
        defaults,
        server,
    };
    for column in &table.columns {
        work.keep_or_change(column, clauses);
    }
    for clause in clauses {
        work.place(table, clause)?;
    }
    work.alter_defined(clauses);
    work.keep_names_added_again(table, clauses);
    let definitions: Vec<&ColumnDef> = clauses.iter().filter_map(defined).collect();
    let mut columns: Vec<Column> = work.list;
    promote(&definitions, &mut columns, server);
    super::create::check_names(&columns)?;
    Ok(AlteredColumns {
        columns,
        new_names: work.new_names,
    })
}

/// The definition in a clause that adds or changes a column.
pub(super) fn defined(clause: &AlterClause) -> Option<&ColumnDef> {
    match &clause.spec {
        AlterSpec::AddColumn { column, .. } | AlterSpec::ChangeColumn { column, .. } => {
            Some(column)
        }
        _ => None,
    }
}

/// Only the first TIMESTAMP of the whole table counts, and only if this statement defines it.
fn promote(definitions: &[&ColumnDef], columns: &mut [Column], server: Server) {
    let first = columns
        .iter_mut()
        .find(|column| column.ty.kind == TypeKind::Timestamp);
    if let Some(column) = first
        && let Some(definition) = definitions
            .iter()
            .find(|definition| column.is_named(&definition.name))
    {
        build::promote_first_timestamp(std::iter::once((*definition, column)), server);
    }
}

/// Every old name in the clauses must be a column, unless IF EXISTS says otherwise.
fn check_old_names(
    table: &Table,
    clauses: &[AlterClause],
    server: Server,
) -> Result<(), ApplyError> {
    // MariaDB lets a statement change what it adds, and give a default to what it changes.
    let defines = |name: &str| {
        let mut definitions = clauses.iter().filter_map(defined);
        server.flavor == Flavor::Mariadb
            && definitions.any(|definition| same_name(&definition.name, name))
    };
    let adds = |name: &str| {
        let mut specs = clauses.iter().map(|clause| &clause.spec);
        let is_added = |spec: &AlterSpec| matches!(spec, AlterSpec::AddColumn { column, .. } if same_name(&column.name, name));
        server.flavor == Flavor::Mariadb && specs.any(is_added)
    };
    for clause in clauses {
        let (name, if_exists) = match &clause.spec {
            AlterSpec::DropColumn { name, if_exists } => (name, *if_exists),
            AlterSpec::AlterColumn {
                name, if_exists, ..
            } => (name, *if_exists || defines(name)),
            AlterSpec::ChangeColumn {
                old,
                column,
                if_exists,
                ..
            } => (old, *if_exists || adds(&column.name)),
            AlterSpec::RenameColumn { old, if_exists, .. } => (old, *if_exists),
            _ => continue,
        };
        if !if_exists && table.column(name).is_none() {
            return Err(ApplyError::UnknownColumn(name.clone()));
        }
    }
    Ok(())
}

struct Work<'a> {
    list: Vec<Column>,
    new_names: Vec<Option<String>>,
    defaults: &'a Charset,
    server: Server,
}

impl Work<'_> {
    /// First pass: an old column is dropped, redefined in its place, set aside to be moved, or kept.
    fn keep_or_change(&mut self, column: &Column, clauses: &[AlterClause]) {
        let mut kept = column.clone();
        for clause in clauses {
            match &clause.spec {
                AlterSpec::DropColumn { name, .. } if column.is_named(name) => {
                    self.new_names.push(None);
                    return;
                }
                AlterSpec::ChangeColumn {
                    old,
                    column: definition,
                    position,
                    ..
                } if column.is_named(old) => {
                    self.new_names.push(Some(definition.name.clone()));
                    if *position == Position::Unsaid {
                        self.list
                            .push(build::column(definition, self.defaults, self.server));
                    }
                    return;
                }
                AlterSpec::RenameColumn { old, new, .. } if column.is_named(old) => {
                    kept.name.clone_from(new)
                }
                AlterSpec::AlterColumn { name, change, .. } if column.is_named(name) => {
                    set_default(&mut kept, *change, self.server)
                }
                _ => {}
            }
        }
        self.new_names.push(Some(kept.name.clone()));
        self.list.push(kept);
    }

    /// Second pass: added and moved columns, in the order of the text.
    fn place(&mut self, table: &Table, clause: &AlterClause) -> Result<(), ApplyError> {
        let (definition, position) = match &clause.spec {
            AlterSpec::AddColumn {
                column,
                position,
                if_not_exists,
            } => {
                if *if_not_exists && self.list.iter().any(|have| have.is_named(&column.name)) {
                    return Ok(());
                }
                (column, position)
            }
            AlterSpec::ChangeColumn {
                old,
                column,
                position,
                ..
            } => {
                if table.column(old).is_none() {
                    self.replace_added(column);
                    return Ok(());
                }
                if *position == Position::Unsaid {
                    return Ok(());
                }
                (column, position)
            }
            _ => return Ok(()),
        };
        let column = build::column(definition, self.defaults, self.server);
        let at = match position {
            Position::Unsaid => self.list.len(),
            Position::First => 0,
            Position::After(name) => {
                let found = self
                    .list
                    .iter()
                    .position(|have| same_name(&have.name, name));
                found
                    .ok_or_else(|| ApplyError::UnknownColumn(name.clone()))?
                    .saturating_add(1)
            }
        };
        self.list.insert(at.min(self.list.len()), column);
        Ok(())
    }

    /// A change of a column that this statement adds (MariaDB): the later definition stands.
    fn replace_added(&mut self, definition: &ColumnDef) {
        let column = build::column(definition, self.defaults, self.server);
        if let Some(added) = self
            .list
            .iter_mut()
            .find(|have| have.is_named(&definition.name))
        {
            *added = column;
        }
    }

    /// Third pass: ALTER COLUMN of a column that this statement adds or changes (MariaDB).
    fn alter_defined(&mut self, clauses: &[AlterClause]) {
        for clause in clauses {
            let AlterSpec::AlterColumn { name, change, .. } = &clause.spec else {
                continue;
            };
            let mut definitions = clauses.iter().filter_map(defined);
            if definitions.any(|definition| same_name(&definition.name, name))
                && let Some(column) = self.list.iter_mut().find(|have| have.is_named(name))
            {
                set_default(column, *change, self.server);
            }
        }
    }

    /// A dropped column that is added again keeps its place in indexes.
    fn keep_names_added_again(&mut self, table: &Table, clauses: &[AlterClause]) {
        for (column, new_name) in table.columns.iter().zip(&mut self.new_names) {
            if new_name.is_none() {
                *new_name = clauses.iter().find_map(|clause| match &clause.spec {
                    AlterSpec::AddColumn { column: added, .. } if column.is_named(&added.name) => {
                        Some(added.name.clone())
                    }
                    _ => None,
                });
            }
        }
    }
}

fn set_default(column: &mut Column, change: DefaultClause, server: Server) {
    // Where TIMESTAMP is NOT NULL by itself, the zero time is its default by itself.
    let zero = column.ty.kind == TypeKind::Timestamp
        && !column.nullable
        && server.timestamps_are_not_null();
    match change {
        DefaultClause::Set => column.has_default = true,
        DefaultClause::SetNull | DefaultClause::Drop => column.has_default = zero,
        DefaultClause::Visible => column.invisible = false,
        DefaultClause::Invisible => column.invisible = true,
    }
}
