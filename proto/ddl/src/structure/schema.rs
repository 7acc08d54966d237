//! All databases and tables of a source, as its DDL so far left them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Table, alter, create, keys};
use crate::context::Server;
use crate::error::ApplyError;
use crate::statement::{CharsetClause, Kind, Statement, TableRef};

/// A database's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Default character set of its tables, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Default collation of its tables, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
}

/// Databases and tables of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// `lower_case_table_names` isn't 0: names of databases and tables are kept in lower case.
    #[serde(default)]
    pub fold_names: bool,
    /// Databases by name.
    #[serde(default)]
    pub databases: BTreeMap<String, Database>,
    /// Tables by database and name.
    #[serde(default, with = "table_map")]
    pub tables: BTreeMap<(String, String), Table>,
}

impl Schema {
    /// An empty one; `fold_names` if the server's `lower_case_table_names` isn't 0.
    pub fn new(fold_names: bool) -> Self {
        Self {
            fold_names,
            ..Self::default()
        }
    }

    fn fold(&self, name: &str) -> String {
        if self.fold_names {
            name.to_lowercase()
        } else {
            name.to_owned()
        }
    }

    fn key(&self, table: &TableRef) -> (String, String) {
        (self.fold(&table.schema), self.fold(&table.table))
    }

    /// The table of this name.
    pub fn table(&self, schema: &str, table: &str) -> Option<&Table> {
        self.tables.get(&(self.fold(schema), self.fold(table)))
    }

    /// Puts a table in, replacing one of the same name.
    pub fn insert(&mut self, schema: &str, table: &str, structure: Table) {
        let (schema, table) = (self.fold(schema), self.fold(table));
        self.databases.entry(schema.clone()).or_default();
        self.tables.insert((schema, table), structure);
    }

    /// Takes a table out.
    pub fn remove(&mut self, schema: &str, table: &str) -> Option<Table> {
        self.tables.remove(&(self.fold(schema), self.fold(table)))
    }

    /// The database of this name.
    pub fn database(&self, name: &str) -> Option<&Database> {
        self.databases.get(&self.fold(name))
    }

    /// Does what the server did when it ran the statement. Transactions, DML and ignored statements change
    /// nothing. On an error nothing has changed.
    pub fn apply(&mut self, statement: &Statement) -> Result<(), ApplyError> {
        let server = statement.server();
        match statement.kind() {
            Kind::CreateDatabase {
                name,
                if_not_exists,
                or_replace,
                charset,
            } => self.create_database(name, *if_not_exists, *or_replace, charset, server),
            Kind::AlterDatabase { name, charset } => self.alter_database(name, charset, server),
            Kind::DropDatabase { name, if_exists } => self.drop_database(name, *if_exists),
            Kind::CreateTable(create) => {
                if !self.may_create(&create.table, create.if_not_exists, create.or_replace)? {
                    return Ok(());
                }
                let table =
                    create::build_table(create, self.database(&create.table.schema), server)?;
                self.insert(&create.table.schema, &create.table.table, table);
                Ok(())
            }
            Kind::CreateTableLike {
                table,
                source,
                if_not_exists,
                or_replace,
            } => {
                if !self.may_create(table, *if_not_exists, *or_replace)? {
                    return Ok(());
                }
                let copy = create::copy_table(self.existing(source)?);
                self.insert(&table.schema, &table.table, copy);
                Ok(())
            }
            Kind::CreateTableSelect(create) => {
                match self.may_create(&create.table, create.if_not_exists, create.or_replace)? {
                    true => Err(ApplyError::Unsupported("CREATE TABLE … SELECT")),
                    false => Ok(()),
                }
            }
            Kind::AlterTable(change) => self.alter_table(change, server),
            Kind::DropTable { tables, if_exists } => self.drop_tables(tables, *if_exists),
            Kind::RenameTable { pairs, if_exists } => self.rename_tables(pairs, *if_exists),
            Kind::TruncateTable { table } => self.existing(table).map(|_| ()),
            Kind::CreateIndex { table, key } => {
                self.edit(table, |t| alter::create_index(t, key, server))
            }
            Kind::DropIndex {
                table,
                name,
                if_exists,
            } => self.edit(table, |t| alter::drop_index(t, name, *if_exists)),
            Kind::Unknown => Err(ApplyError::Unsupported("this statement")),
            Kind::Transaction(_) | Kind::Ignored { .. } | Kind::Dml { .. } => Ok(()),
        }
    }

    fn existing(&self, table: &TableRef) -> Result<&Table, ApplyError> {
        self.tables
            .get(&self.key(table))
            .ok_or_else(|| unknown(table))
    }

    /// False when there is nothing to do.
    fn may_create(
        &self,
        table: &TableRef,
        if_not_exists: bool,
        or_replace: bool,
    ) -> Result<bool, ApplyError> {
        let exists = self.tables.contains_key(&self.key(table));
        match (exists, or_replace, if_not_exists) {
            (false, ..) | (true, true, _) => Ok(true),
            (true, false, true) => Ok(false),
            (true, false, false) => Err(duplicate(table)),
        }
    }

    fn edit(
        &mut self,
        table: &TableRef,
        change: impl FnOnce(&mut Table) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        let mut copy = self.existing(table)?.clone();
        change(&mut copy)?;
        let key = self.key(table);
        self.tables.insert(key, copy);
        Ok(())
    }

    fn alter_table(
        &mut self,
        change: &crate::statement::AlterTable,
        server: Server,
    ) -> Result<(), ApplyError> {
        let table = match self.existing(&change.table) {
            Err(_) if change.if_exists => return Ok(()),
            found => found?,
        };
        let changed =
            alter::alter_table(table, change, self.database(&change.table.schema), server)?;
        let old = self.key(&change.table);
        let new = match &changed.renamed_to {
            Some(new) => self.key(new),
            None => old.clone(),
        };
        if new != old && self.tables.contains_key(&new) {
            return Err(changed
                .renamed_to
                .as_ref()
                .map_or_else(|| unknown(&change.table), duplicate));
        }
        self.tables.insert(old, changed.table);
        if let Some(to) = &changed.renamed_to {
            self.move_table(&change.table, to);
        }
        Ok(())
    }

    fn drop_tables(&mut self, tables: &[TableRef], if_exists: bool) -> Result<(), ApplyError> {
        if !if_exists {
            for table in tables {
                self.existing(table)?;
            }
        }
        for table in tables {
            self.tables.remove(&self.key(table));
        }
        Ok(())
    }

    fn rename_tables(
        &mut self,
        pairs: &[(TableRef, TableRef)],
        if_exists: bool,
    ) -> Result<(), ApplyError> {
        let mut done: Vec<&(TableRef, TableRef)> = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let (old, new) = pair;
            let exists = self.tables.contains_key(&self.key(old));
            let problem = if !exists && !if_exists {
                Some(unknown(old))
            } else if exists && self.tables.contains_key(&self.key(new)) {
                Some(duplicate(new))
            } else {
                None
            };
            if let Some(problem) = problem {
                for (old, new) in done.into_iter().rev() {
                    self.move_table(new, old);
                }
                return Err(problem);
            }
            if exists {
                self.move_table(old, new);
                done.push(pair);
            }
        }
        Ok(())
    }

    /// Renames a table that exists to a name that is free; foreign keys follow.
    fn move_table(&mut self, from: &TableRef, to: &TableRef) {
        let (old, new) = (self.key(from), self.key(to));
        let Some(mut table) = self.tables.remove(&old) else {
            return;
        };
        keys::rename_made_up_constraints(&mut table, &from.table, &to.table);
        self.databases.entry(new.0.clone()).or_default();
        self.tables.insert(new, table);
        let fold = self.fold_names;
        let folded = |name: &str| {
            if fold {
                name.to_lowercase()
            } else {
                name.to_owned()
            }
        };
        for key in self
            .tables
            .values_mut()
            .flat_map(|table| &mut table.foreign_keys)
        {
            if folded(&key.parent_schema) == old.0 && folded(&key.parent_table) == old.1 {
                key.parent_schema.clone_from(&to.schema);
                key.parent_table.clone_from(&to.table);
            }
        }
    }

    fn create_database(
        &mut self,
        name: &str,
        if_not_exists: bool,
        or_replace: bool,
        charset: &CharsetClause,
        server: Server,
    ) -> Result<(), ApplyError> {
        let name = self.fold(name);
        if self.databases.contains_key(&name) {
            match (or_replace, if_not_exists) {
                (true, _) => self.drop_database(&name, true)?,
                (false, true) => return Ok(()),
                (false, false) => return Err(ApplyError::DuplicateDatabase(name)),
            }
        }
        self.databases.insert(
            name,
            create::database(charset, &Database::default(), server),
        );
        Ok(())
    }

    fn alter_database(
        &mut self,
        name: &str,
        charset: &CharsetClause,
        server: Server,
    ) -> Result<(), ApplyError> {
        let name = self.fold(name);
        let so_far = self
            .databases
            .get(&name)
            .ok_or_else(|| ApplyError::UnknownDatabase(name.clone()))?;
        let changed = create::database(charset, so_far, server);
        self.databases.insert(name, changed);
        Ok(())
    }

    fn drop_database(&mut self, name: &str, if_exists: bool) -> Result<(), ApplyError> {
        let name = self.fold(name);
        if self.databases.remove(&name).is_none() && !if_exists {
            return Err(ApplyError::UnknownDatabase(name));
        }
        self.tables.retain(|(schema, _), _| *schema != name);
        Ok(())
    }
}

fn unknown(table: &TableRef) -> ApplyError {
    ApplyError::UnknownTable {
        schema: table.schema.clone(),
        table: table.table.clone(),
    }
}

fn duplicate(table: &TableRef) -> ApplyError {
    ApplyError::DuplicateTable {
        schema: table.schema.clone(),
        table: table.table.clone(),
    }
}

/// Tables as a list of `[schema, name, table]`: JSON has no composite keys.
mod table_map {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::Table;

    type Tables = BTreeMap<(String, String), Table>;

    pub(super) fn serialize<S: Serializer>(tables: &Tables, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(
            tables
                .iter()
                .map(|((schema, name), table)| (schema, name, table)),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Tables, D::Error> {
        let rows = Vec::<(String, String, Table)>::deserialize(input)?;
        Ok(rows
            .into_iter()
            .map(|(schema, name, table)| ((schema, name), table))
            .collect())
    }
}
