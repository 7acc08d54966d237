//! Follows the structures of the source's tables along the stream.

use std::{collections::BTreeMap, sync::Arc};

use dm_binlog::RowsEvent;
use dm_ddl::{Context, Database, Kind, Schema, Statement, Table};
use dm_model::{
    BlockAllowList, DmError, Flavor, OnlineDdl, Operator, OperatorAction, TableName, TableRole,
    TransactionId, codes,
};

use super::{Change, Origin, TableCursors, Tracked, TrackedItem, origin::shown};
use crate::sync::{
    decode::{Item, StatementText, Transaction},
    operators::Operators,
};

/// What is wrong, and what has to stop.
#[derive(Debug)]
pub(crate) enum TableFault {
    /// These tables stop; the transaction is looked at again without them.
    Tables(Vec<TableName>, DmError),
    /// It cannot be attributed to tables: the source stops (R24).
    Source(DmError),
}

impl TableFault {
    /// Stops these tables, or the source when there are none.
    fn of(tables: Vec<TableName>, error: DmError) -> Self {
        if tables.is_empty() {
            Self::Source(error)
        } else {
            Self::Tables(tables, error)
        }
    }

    fn map(self, change: impl FnOnce(DmError) -> DmError) -> Self {
        match self {
            Self::Tables(tables, error) => Self::Tables(tables, change(error)),
            Self::Source(error) => Self::Source(change(error)),
        }
    }
}

/// Structures of the source's tables at the position of the stream.
#[derive(Debug)]
pub(crate) struct Tracker {
    pub(super) schema: Schema,
    shared: BTreeMap<TableName, Arc<Table>>,
    pub(crate) cursors: TableCursors,
    /// Operators in force; whoever drives the tracker keeps them new.
    pub(crate) operators: Arc<Operators>,
    /// `<task> -s <source>`, for the commands that errors offer.
    pub(crate) subtask: String,
    /// Names of the tables of gh-ost and pt-osc; none by default.
    pub(crate) online: OnlineDdl,
    pub(super) filter: BlockAllowList,
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
            operators: Arc::default(),
            subtask: String::new(),
            online: OnlineDdl::default(),
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
                Item::Statement(text) => self
                    .statement(text, &transaction.id)
                    .map(|found| {
                        found.map(|change| {
                            done.push(change.clone());
                            TrackedItem::Change(Box::new(change))
                        })
                    })
                    .map_err(|fault| {
                        let origin = Origin::new(text, &transaction.id, &self.subtask);
                        fault.map(|error| origin.annotate(error))
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
        if !self.shared.contains_key(&table) && self.role(&table) != TableRole::Real {
            return Ok(None);
        }
        if !self.filter.allows(&table.schema, Some(&table.table)) {
            return Ok(None);
        }
        if !self.cursors.admits(&table, id) {
            self.cursors.pass(&table, id);
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

    /// What of a statement is to be done, by the operator that stands at its place if there is one.
    fn statement(
        &mut self,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let Some(operator) = self.operators.find(id, text.start).cloned() else {
            return self.logged(text, id);
        };
        let origin = Origin::new(text, id, &self.subtask);
        if !operator.hash.is_empty() && operator.hash != origin.hash {
            let message = format!(
                "`binlog {}` was given for another statement (hash {}) than the one that stands here",
                operator.action, operator.hash
            );
            let error = DmError::new(&codes::OPERATOR_MISMATCH, message);
            return match self.logged(text, id)? {
                Some(change) => {
                    self.undo(&change);
                    Err(TableFault::of(change.tables, error))
                }
                None => Ok(None),
            };
        }
        match operator.action {
            OperatorAction::Skip => self.skipped(text, id),
            OperatorAction::Replace => self.replaced(&operator, text, id),
            OperatorAction::Inject => self.injected(&operator, text, id),
        }
    }

    /// Nothing goes to the target; the history follows the statement as far as it can be followed.
    fn skipped(
        &mut self,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let change = match self.logged(text, id) {
            Ok(Some(change)) => change,
            Ok(None) | Err(TableFault::Source(_)) => return Ok(None),
            Err(TableFault::Tables(tables, _)) => Change {
                before: self.structures_of(&tables),
                tables,
                ..self.bare_change(text, id)
            },
        };
        Ok(Some(Change {
            run: Vec::new(),
            operator: Some(OperatorAction::Skip),
            ..change
        }))
    }

    /// The given statements run. Rows keep coming in the source's shape, so the history follows the source's statement, and the
    /// given ones only where that cannot be followed.
    fn replaced(
        &mut self,
        operator: &Operator,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let given = self.given(operator).map_err(TableFault::Source)?;
        let change = match self.logged(text, id) {
            Ok(Some(change)) => change,
            Ok(None) => return Ok(None),
            Err(_) => match self.follow_all(&given, text, id)? {
                Some(change) => change,
                None => return Ok(None),
            },
        };
        self.with_given(change, given, operator, id).map(Some)
    }

    /// The given statements run, then the source's. The source never ran them, so the history follows the source's statement, and
    /// the given ones too only where that alone cannot be followed.
    fn injected(
        &mut self,
        operator: &Operator,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let mut run = self.given(operator).map_err(TableFault::Source)?;
        let change = match self.logged(text, id) {
            Ok(Some(change)) => change,
            Ok(None) => return Ok(None),
            Err(fault) => {
                let Ok(Some(mut first)) = self.follow_all(&run, text, id) else {
                    return Err(fault);
                };
                match self.logged(text, id) {
                    Ok(Some(second)) => {
                        first.merge_before(second.before);
                        Change {
                            run: second.run,
                            ..first
                        }
                    }
                    Ok(None) => first,
                    Err(fault) => {
                        self.undo(&first);
                        return Err(fault);
                    }
                }
            }
        };
        run.extend(change.run.iter().cloned());
        self.with_given(change, run, operator, id).map(Some)
    }

    /// The change runs the given statements. They may touch tables of this task only, and the change waits for those as well.
    fn with_given(
        &mut self,
        mut change: Change,
        given: Vec<Statement>,
        operator: &Operator,
        id: &TransactionId,
    ) -> Result<Change, TableFault> {
        for (schema, table) in given.iter().flat_map(changed_tables) {
            let table = self.folded(&schema, &table);
            if change.tables.contains(&table) {
                continue;
            }
            if !self.filter.allows(&table.schema, Some(&table.table))
                || !self.cursors.admits(&table, id)
            {
                self.undo(&change);
                let message = format!(
                    "the statement given by `binlog {}` names {table}, which this task leaves out or which stands elsewhere",
                    operator.action
                );
                let error = DmError::new(&codes::SYNCER_EVENT, message);
                return Err(TableFault::of(change.tables, error));
            }
            let structure = self.structure(&table).cloned();
            change.merge_before(vec![(table, structure)]);
        }
        change.run = given;
        change.operator = Some(operator.action);
        Ok(change)
    }

    /// The statements of an operator, read as the source's server would.
    fn given(&self, operator: &Operator) -> Result<Vec<Statement>, DmError> {
        let plain = StatementText::default();
        let mut given = Vec::with_capacity(operator.sqls.len());
        for sql in &operator.sqls {
            let parsed = dm_ddl::parse(sql, &self.context(&plain)).map_err(|error| {
                let message = format!(
                    "the statement given by `binlog {}` cannot be parsed: {}",
                    operator.action,
                    shown(sql)
                );
                DmError::new(&codes::PARSE_SQL, message).with_cause(error)
            })?;
            given.extend(parsed);
        }
        Ok(given)
    }

    /// One change of several statements in a row; `None` when none of them is due.
    fn follow_all(
        &mut self,
        given: &[Statement],
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let mut all: Option<Change> = None;
        for statement in given {
            match self.parsed(statement, text, id) {
                Ok(Some(change)) => match &mut all {
                    Some(all) => all.merge_before(change.before),
                    None => all = Some(change),
                },
                Ok(None) => {}
                Err(fault) => {
                    if let Some(done) = &all {
                        self.undo(done);
                    }
                    return Err(fault);
                }
            }
        }
        Ok(all)
    }

    pub(super) fn context<'a>(&self, text: &'a StatementText) -> Context<'a> {
        Context {
            default_schema: Some(&text.default_schema)
                .filter(|schema| !schema.is_empty())
                .map(String::as_str),
            ansi_quotes: text.session.ansi_quotes(),
            no_backslash_escapes: text.session.no_backslash_escapes(),
            flavor: match self.flavor {
                Flavor::Mysql => dm_ddl::Flavor::Mysql,
                Flavor::Mariadb => dm_ddl::Flavor::Mariadb,
            },
            version: self.version,
        }
    }

    /// The statement as it was logged.
    pub(super) fn logged(
        &mut self,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let unreadable = |cause: &dyn std::fmt::Display| {
            let message = "the statement cannot be parsed";
            TableFault::Source(DmError::new(&codes::PARSE_SQL, message).with_cause(cause))
        };
        let parsed =
            dm_ddl::parse(&text.text, &self.context(text)).map_err(|error| unreadable(&error))?;
        match parsed.as_slice() {
            [] => Ok(None),
            [statement] => self.parsed(statement, text, id),
            _ => Err(unreadable(&"several statements in one event")),
        }
    }

    fn parsed(
        &mut self,
        statement: &Statement,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        match statement.kind() {
            Kind::Transaction(_) | Kind::Ignored { .. } => Ok(None),
            Kind::Dml { what } => self.statement_dml(statement, what, id),
            Kind::Unknown => Err(TableFault::Source(DmError::new(
                &codes::SYNCER_PARSE_DDL,
                "the statement is not known",
            ))),
            Kind::CreateDatabase { name, .. }
            | Kind::AlterDatabase { name, .. }
            | Kind::DropDatabase { name, .. } => self.database(statement, name, text, id),
            _ => self.tables_statement(statement, text, id),
        }
    }

    /// Rows changed by a statement instead of row events are never lost silently: the table that it changes stops. Where the text
    /// does not say which tables those are, the source stops.
    fn statement_dml(
        &self,
        statement: &Statement,
        what: &str,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        let error = DmError::new(
            &codes::SYNC_UNIT_DML_STATEMENT_FOUND,
            format!("{what} in statement format"),
        )
        .with_workaround(
            "set binlog_format=ROW upstream, also for open sessions, and load the table again",
        );
        let named: Vec<TableName> = changed_tables(statement)
            .into_iter()
            .map(|(schema, table)| self.folded(&schema, &table))
            .collect();
        if named.is_empty() || !names_all_it_changes(statement, what) {
            return Err(TableFault::Source(error));
        }
        let due: Vec<TableName> = named
            .into_iter()
            .filter(|table| self.filter.allows(&table.schema, Some(&table.table)))
            .filter(|table| self.cursors.admits(table, id))
            .collect();
        if due.is_empty() {
            Ok(None)
        } else {
            Err(TableFault::Tables(due, error))
        }
    }

    fn database(
        &mut self,
        statement: &Statement,
        name: &str,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Option<Change>, TableFault> {
        if !self.filter.allows(name, None) {
            return Ok(None);
        }
        if matches!(statement.kind(), Kind::DropDatabase { .. }) {
            return self.drop_database(name, text, id);
        }
        if !self.cursors.is_main() {
            let _already_so = self.schema.apply(statement);
            return Ok(None);
        }
        // The databases are learnt as they are now, so a statement of the past may find its effect there already.
        let _already_so = self.schema.apply(statement);
        Ok(Some(Change {
            run: vec![statement.clone()],
            ..self.bare_change(text, id)
        }))
    }

    /// A change of nothing.
    pub(super) fn bare_change(&self, text: &StatementText, id: &TransactionId) -> Change {
        Change {
            origin: Origin::new(text, id, &self.subtask),
            run: Vec::new(),
            operator: None,
            tables: Vec::new(),
            history_only: Vec::new(),
            before: Vec::new(),
            session: text.session.clone(),
        }
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
        self.cursors.pass_schema(&schema, id);
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
            session: text.session.with_plain_quotes(),
            ..text.clone()
        };
        let change = self.logged(&expanded, id)?;
        Ok(change.map(|change| Change {
            origin: Origin::new(text, id, &self.subtask),
            ..change
        }))
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
        if let Some(followed) = self.online_statement(statement, &changed, text, id) {
            return followed;
        }
        let ours: Vec<TableName> = changed
            .iter()
            .filter(|table| self.filter.allows(&table.schema, Some(&table.table)))
            .cloned()
            .collect();
        let (due, passed): (Vec<TableName>, Vec<TableName>) = ours
            .into_iter()
            .partition(|table| self.cursors.admits(table, id));
        passed.iter().for_each(|table| self.cursors.pass(table, id));
        if due.is_empty() {
            return Ok(None);
        }
        if due.len() != changed.len() {
            let message =
                "the statement names tables that are not at the same point or not all of this task";
            let error = DmError::new(&codes::NOT_YET_SUPPORTED, message)
                .with_workaround("use one statement per table upstream");
            return Err(TableFault::Tables(due, error));
        }
        self.change(statement, due, text, id).map(Some)
    }

    pub(super) fn structures_of(&self, tables: &[TableName]) -> Vec<(TableName, Option<Table>)> {
        tables
            .iter()
            .map(|table| (table.clone(), self.structure(table).cloned()))
            .collect()
    }

    fn change(
        &mut self,
        statement: &Statement,
        tables: Vec<TableName>,
        text: &StatementText,
        id: &TransactionId,
    ) -> Result<Change, TableFault> {
        let before = self.structures_of(&tables);
        // A table that is dropped here but never was ours has nothing to drop at the target either.
        if let Err(error) = self.schema.apply(statement) {
            let error = DmError::new(
                &codes::SCHEMA_TRACKER_CANNOT_EXEC_DDL,
                "cannot follow the statement",
            )
            .with_cause(error);
            return Err(TableFault::of(tables, error));
        }
        tables.iter().for_each(|table| {
            self.shared.remove(table);
        });
        Ok(Change {
            run: vec![statement.clone()],
            tables,
            before,
            ..self.bare_change(text, id)
        })
    }

    /// The table is gone, or its structure is kept elsewhere.
    pub(crate) fn forget(&mut self, table: &TableName) {
        self.shared.remove(table);
        self.schema.remove(&table.schema, &table.table);
    }

    /// The name as this source's names are compared.
    pub(crate) fn folded(&self, schema: &str, table: &str) -> TableName {
        if self.schema.fold_names {
            TableName::new(schema.to_lowercase(), table.to_lowercase())
        } else {
            TableName::new(schema, table)
        }
    }
}

/// Whether the tables that were noted in a statement on rows are all that it changes: only joins change others.
fn names_all_it_changes(statement: &Statement, what: &str) -> bool {
    let follows = match what {
        "insert" | "replace" | "load data" => return true,
        "update" => &["SET"][..],
        "delete" => &["", "WHERE", "ORDER", "LIMIT"][..],
        _ => return false,
    };
    let [name] = statement.names() else {
        return false;
    };
    let rest = statement.text().get(name.span.end..).unwrap_or_default();
    let next = rest.split_whitespace().next().unwrap_or_default();
    follows.iter().any(|word| word.eq_ignore_ascii_case(next))
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

#[cfg(test)]
#[path = "tracker_test.rs"]
mod tests;
