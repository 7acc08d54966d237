//! Follows the structures of the source's tables along the stream.

use std::{collections::BTreeMap, sync::Arc};

use dm_binlog::RowsEvent;
use dm_ddl::{Context, Database, Kind, Schema, Statement, Table};
use dm_model::{BlockAllowList, DmError, Flavor, TableName, TransactionId, codes};

use super::{Change, TableCursors, Tracked, TrackedItem};
use crate::sync::decode::{Item, StatementText, Transaction};

/// Characters of a statement that an error shows.
const SHOWN_CHARS: usize = 300;

/// What is wrong, and what has to stop.
#[derive(Debug)]
pub(crate) enum TableFault {
    /// These tables stop; the transaction is looked at again without them.
    Tables(Vec<TableName>, DmError),
    /// It cannot be attributed to tables: the source stops (R24).
    Source(DmError),
}

/// Structures of the source's tables at the position of the stream.
#[derive(Debug)]
pub(crate) struct Tracker {
    schema: Schema,
    shared: BTreeMap<TableName, Arc<Table>>,
    pub(crate) cursors: TableCursors,
    filter: BlockAllowList,
    flavor: Flavor,
    version: u32,
}

impl Tracker {
    pub(crate) fn new(
        fold_names: bool,
        filter: BlockAllowList,
        cursors: TableCursors,
        flavor: Flavor,
        version: u32,
    ) -> Self {
        Self {
            schema: Schema::new(fold_names),
            shared: BTreeMap::new(),
            cursors,
            filter,
            flavor,
            version,
        }
    }

    /// Sets a table's structure: from its row, or from its snapshot.
    pub(crate) fn learn(&mut self, table: &TableName, structure: Table) {
        self.shared.remove(table);
        self.schema.insert(&table.schema, &table.table, structure);
    }

    /// Sets what new tables of a database get.
    pub(crate) fn learn_database(&mut self, name: &str, charset: &str, collation: &str) {
        let name = self.folded(name, "").schema;
        self.schema.databases.insert(
            name,
            Database {
                charset: Some(charset.to_owned()),
                collation: Some(collation.to_owned()),
            },
        );
    }

    /// The tables that have a structure.
    pub(crate) fn structure(&self, table: &TableName) -> Option<&Table> {
        self.schema.table(&table.schema, &table.table)
    }

    /// Source tables known now.
    pub(crate) fn tables(&self) -> Vec<TableName> {
        self.schema
            .tables
            .keys()
            .map(|(schema, table)| TableName::new(schema.clone(), table.clone()))
            .collect()
    }

    /// Finds out what of a transaction is still to be applied, and moves the structures past its DDLs.
    pub(crate) fn track(&mut self, transaction: &Transaction) -> Result<Tracked, TableFault> {
        let mut items = Vec::with_capacity(transaction.items.len());
        let mut done: Vec<Change> = Vec::new();
        for item in &transaction.items {
            let tracked = match item {
                Item::Rows(rows) => self.rows(rows, &transaction.id).map(|found| {
                    found.map(|(table, structure)| TrackedItem::Rows {
                        table,
                        structure,
                        rows: rows.clone(),
                    })
                }),
                Item::Statement(text) => self.statement(text, &transaction.id).map(|found| {
                    found.map(|change| {
                        done.push(change.clone());
                        TrackedItem::Change(change)
                    })
                }),
            };
            match tracked {
                Ok(found) => items.extend(found),
                Err(fault) => {
                    done.iter().rev().for_each(|change| self.undo(change));
                    return Err(fault);
                }
            }
        }
        Ok(Tracked {
            id: transaction.id.clone(),
            committed_ms: transaction.committed_ms,
            items,
            bytes: transaction.bytes,
        })
    }

    /// Puts back the structures of a DDL that did not happen.
    pub(crate) fn undo(&mut self, change: &Change) {
        for (table, before) in &change.before {
            self.shared.remove(table);
            match before {
                Some(structure) => {
                    self.schema
                        .insert(&table.schema, &table.table, structure.clone())
                }
                None => {
                    self.schema.remove(&table.schema, &table.table);
                }
            }
        }
    }

    fn rows(
        &mut self,
        rows: &RowsEvent<'static>,
        id: &TransactionId,
    ) -> Result<Option<(TableName, Arc<Table>)>, TableFault> {
        let table = self.folded(&rows.map.schema, &rows.map.table);
        if !self.filter.allows(&table.schema, Some(&table.table))
            || !self.cursors.admits(&table, id)
        {
            return Ok(None);
        }
        let Some(structure) = self.shared(&table) else {
            let error = DmError::new(&codes::TABLE_NOT_TRACKED, format!("rows of {table} at {id}, whose structure is not known"))
                .with_workaround("its CREATE TABLE lies before the start of this task: load the table, or start earlier");
            return Err(TableFault::Tables(vec![table], error));
        };
        if let Some(difference) = super::matching::difference(&structure, &rows.map) {
            let error = DmError::new(
                &codes::SYNCER_UNIT_DML_COLUMN_NOT_MATCH,
                format!("rows of {table} at {id} are not those of its structure: {difference}"),
            )
            .with_workaround(
                "its structure changed where this task did not see it: load the table again",
            );
            return Err(TableFault::Tables(vec![table], error));
        }
        Ok(Some((table, structure)))
    }

    fn shared(&mut self, table: &TableName) -> Option<Arc<Table>> {
        if let Some(structure) = self.shared.get(table) {
            return Some(structure.clone());
        }
        let structure = Arc::new(self.schema.table(&table.schema, &table.table)?.clone());
        self.shared.insert(table.clone(), structure.clone());
        Some(structure)
    }

    fn statement(
        &mut self,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let context = Context {
            default_schema: Some(&text.default_schema)
                .filter(|schema| !schema.is_empty())
                .map(String::as_str),
            ansi_quotes: text.ansi_quotes,
            no_backslash_escapes: text.no_backslash_escapes,
            flavor: match self.flavor {
                Flavor::Mysql => dm_ddl::Flavor::Mysql,
                Flavor::Mariadb => dm_ddl::Flavor::Mariadb,
            },
            version: self.version,
        };
        let unreadable = |cause: &dyn std::fmt::Display| {
            let message = format!(
                "the statement at {id} cannot be parsed: {}",
                shown(&text.text)
            );
            TableFault::Source(DmError::new(&codes::PARSE_SQL, message).with_cause(cause))
        };
        let parsed = dm_ddl::parse(&text.text, &context).map_err(|error| unreadable(&error))?;
        let [statement] = parsed.as_slice() else {
            if parsed.is_empty() {
                return Ok(None);
            }
            return Err(unreadable(&"several statements in one event"));
        };
        match statement.kind() {
            Kind::Transaction(_) | Kind::Ignored { .. } => Ok(None),
            Kind::Dml { what } => {
                let message = format!("{what} in statement format at {id}: {}", shown(&text.text));
                Err(TableFault::Source(
                    DmError::new(&codes::SYNC_UNIT_DML_STATEMENT_FOUND, message)
                        .with_workaround("set binlog_format=ROW upstream"),
                ))
            }
            Kind::Unknown => {
                let message = format!("the statement at {id} is not known: {}", shown(&text.text));
                Err(TableFault::Source(DmError::new(
                    &codes::SYNCER_PARSE_DDL,
                    message,
                )))
            }
            Kind::CreateDatabase { name, .. }
            | Kind::AlterDatabase { name, .. }
            | Kind::DropDatabase { name, .. } => self.database(statement, name, text, id),
            _ => self.tables_statement(statement, text, id),
        }
    }

    fn database(
        &mut self,
        statement: &Statement,
        name: &str,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        if !self.filter.allows(name, None)
            || self.cursors.floor().is_some_and(|floor| floor.covers(id))
        {
            return Ok(None);
        }
        if matches!(statement.kind(), Kind::DropDatabase { .. }) {
            return self.drop_database(name, text, id);
        }
        // The databases are learnt as they are now, so a statement of the past may find its effect there already.
        let _already_so = self.schema.apply(statement);
        Ok(Some(Change {
            statement: statement.clone(),
            tables: Vec::new(),
            before: Vec::new(),
            ansi_quotes: text.ansi_quotes,
            no_backslash_escapes: text.no_backslash_escapes,
        }))
    }

    /// Other sources may have tables in the target database, and tables that were made again since are ahead of this: only the
    /// tables that the statement dropped are dropped.
    fn drop_database(
        &mut self,
        name: &str,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let schema = self.folded(name, "").schema;
        let due: Vec<TableName> = self
            .tables()
            .into_iter()
            .filter(|table| {
                table.schema == schema
                    && self.filter.allows(&table.schema, Some(&table.table))
                    && self.cursors.admits(table, id)
            })
            .collect();
        if due.is_empty() {
            return Ok(None);
        }
        let names: Vec<String> = due.iter().map(ToString::to_string).collect();
        let expanded = StatementText {
            text: format!("DROP TABLE IF EXISTS {}", names.join(", ")),
            ansi_quotes: false,
            no_backslash_escapes: false,
            ..text.clone()
        };
        self.statement(&expanded, id)
    }

    fn tables_statement(
        &mut self,
        statement: &Statement,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let changed: Vec<TableName> = changed_tables(statement)
            .into_iter()
            .map(|(schema, table)| self.folded(&schema, &table))
            .collect();
        let ours: Vec<TableName> = changed
            .iter()
            .filter(|table| self.filter.allows(&table.schema, Some(&table.table)))
            .cloned()
            .collect();
        let due: Vec<TableName> = ours
            .iter()
            .filter(|table| self.cursors.admits(table, id))
            .cloned()
            .collect();
        if due.is_empty() {
            return Ok(None);
        }
        if due.len() != changed.len() {
            let message = format!(
                "the statement at {id} names tables that are not at the same point or not all of this task: {}",
                shown(&text.text)
            );
            let error = DmError::new(&codes::NOT_YET_SUPPORTED, message)
                .with_workaround("use one statement per table upstream");
            return Err(TableFault::Tables(due, error));
        }
        self.change(statement, due, text, id).map(Some)
    }

    fn change(
        &mut self,
        statement: &Statement,
        tables: Vec<TableName>,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Change, TableFault> {
        let before: Vec<(TableName, Option<Table>)> = tables
            .iter()
            .map(|table| (table.clone(), self.structure(table).cloned()))
            .collect();
        // A table that is dropped here but never was ours has nothing to drop at the target either.
        if let Err(error) = self.schema.apply(statement) {
            let message = format!("cannot follow the statement at {id}: {}", shown(&text.text));
            let error =
                DmError::new(&codes::SCHEMA_TRACKER_CANNOT_EXEC_DDL, message).with_cause(error);
            return Err(if tables.is_empty() {
                TableFault::Source(error)
            } else {
                TableFault::Tables(tables, error)
            });
        }
        tables.iter().for_each(|table| {
            self.shared.remove(table);
        });
        Ok(Change {
            statement: statement.clone(),
            tables,
            before,
            ansi_quotes: text.ansi_quotes,
            no_backslash_escapes: text.no_backslash_escapes,
        })
    }

    fn folded(&self, schema: &str, table: &str) -> TableName {
        if self.schema.fold_names {
            TableName::new(schema.to_lowercase(), table.to_lowercase())
        } else {
            TableName::new(schema, table)
        }
    }
}

/// The tables that a statement changes; those that it only reads (LIKE, foreign keys) don't have to be at its point.
fn changed_tables(statement: &Statement) -> Vec<(String, String)> {
    use dm_ddl::NameRole::{NewName, Target};
    let mut tables: Vec<(String, String)> = statement
        .names()
        .iter()
        .filter(|name| matches!(name.role, Target | NewName))
        .filter_map(|name| Some((name.schema.clone(), name.table.clone()?)))
        .collect();
    tables.sort();
    tables.dedup();
    tables
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
#[path = "tracker_test.rs"]
mod tests;
