//! gh-ost and pt-online-schema-change: what they do to a table is followed as the ALTER that they mean. Pure.
//!
//! The tools make a *shadow* of a table, change its structure, fill it, and swap it with the real one, which becomes *trash*. Rows of
//! shadows and trash are dropped. Statements on a shadow go to the history only, and are remembered with it; the swap runs them on
//! the real table at the target. They are remembered in the same row, and by the same commit, as the structure, so a crash or a
//! second reading neither loses nor doubles one.
//!
//! A swap runs only if the remembered statements lead from the real table's structure to the shadow's. So a task that began in the
//! middle, two migrations at once and a tool that does more than its ALTER stop the table instead of guessing.

use dm_ddl::{Context, Kind, Schema, Statement, Table, TableRef};
use dm_model::{DmError, TableName, TableRole, TransactionId, codes};

use super::{Change, TableFault, Tracker};
use crate::sync::decode::StatementText;

/// Kept with the former self of a real table while nothing has taken its place.
const MOVED_AWAY: &str = "moved away";

/// What a statement did to the tables of one migration.
type Followed = Result<Option<Change>, TableFault>;

impl Tracker {
    /// Whether the table belongs to a tool. A name alone doesn't say it: there must be a real table, and no history of its own.
    pub(super) fn role(&self, table: &TableName) -> TableRole {
        let role = self.online.role(&table.table);
        let real = match &role {
            TableRole::Real => return role,
            TableRole::Shadow(real) | TableRole::Trash(real) => {
                TableName::new(table.schema.clone(), real.clone())
            }
        };
        let own = self.structure(table);
        let is_ours = own.is_some_and(|structure| structure.shadow.is_none());
        if is_ours || (own.is_none() && self.structure(&real).is_none()) {
            return TableRole::Real;
        }
        role
    }

    /// Follows a statement that names a shadow or trash table; `None` when it names neither.
    pub(super) fn online_statement(
        &mut self,
        statement: &Statement,
        changed: &[TableName],
        text: &StatementText,
        id: &TransactionId,
    ) -> Option<Followed> {
        let roles: Vec<(TableName, TableRole)> = changed
            .iter()
            .map(|table| (table.clone(), self.role(table)))
            .collect();
        if roles.iter().all(|(_, role)| *role == TableRole::Real) {
            return None;
        }
        Some(match statement.kind() {
            Kind::RenameTable { pairs, .. } => self.online_rename(pairs, text, id),
            Kind::DropTable { tables, if_exists } => self.online_drop(tables, *if_exists, text, id),
            _ => self.shadow_changed(statement, &roles, text, id),
        })
    }

    /// CREATE, ALTER, TRUNCATE … of a shadow or a trash table.
    fn shadow_changed(
        &mut self,
        statement: &Statement,
        roles: &[(TableName, TableRole)],
        text: &StatementText,
        id: &TransactionId,
    ) -> Followed {
        let [(table, TableRole::Shadow(real))] = roles else {
            return Ok(None);
        };
        let real = TableName::new(table.schema.clone(), real.clone());
        if !self.admits_online(&real, id) {
            return Ok(None);
        }
        let before = self.structures_of(&[real.clone(), table.clone()]);
        let creates = matches!(
            statement.kind(),
            Kind::CreateTable(_) | Kind::CreateTableLike { .. }
        );
        let known = self
            .structure(table)
            .and_then(|structure| structure.shadow.clone());
        let mut remembered = match (creates, known) {
            (true, _) => {
                // Whatever an abandoned migration left.
                self.schema.remove(&table.schema, &table.table);
                Vec::new()
            }
            (false, Some(remembered)) => remembered,
            // Its CREATE was before this task: the swap will say so.
            (false, None) => return Ok(None),
        };
        if matches!(statement.kind(), Kind::TruncateTable { .. }) {
            return Ok(None);
        }
        if let Err(error) = self.schema.apply(statement) {
            let error = DmError::new(
                &codes::SCHEMA_TRACKER_CANNOT_EXEC_DDL,
                format!("cannot follow the online schema change of {real}"),
            )
            .with_cause(error);
            let change = Change {
                before,
                ..self.bare_change(text, id)
            };
            self.undo(&change);
            return Err(TableFault::Tables(vec![real], error));
        }
        if !creates {
            remembered.push(statement.rewrite_resolved(
                &mut |schema, name| (schema.to_owned(), name.to_owned()),
                &mut str::to_owned,
            ));
        }
        if let Some(structure) = self.structure(table).cloned() {
            let structure = Table {
                shadow: Some(remembered),
                ..structure
            };
            self.learn(table, structure);
        }
        Ok(Some(Change {
            tables: vec![real],
            history_only: vec![table.clone()],
            before,
            ..self.bare_change(text, id)
        }))
    }

    /// A shadow or trash table that goes leaves nothing to do; real tables named beside it are dropped.
    fn online_drop(
        &mut self,
        tables: &[TableRef],
        if_exists: bool,
        text: &StatementText,
        id: &TransactionId,
    ) -> Followed {
        let mut history_only = Vec::new();
        let mut owners = Vec::new();
        let mut dropped = Vec::new();
        for table in tables {
            let table = self.folded(&table.schema, &table.table);
            let real = match self.role(&table) {
                TableRole::Real => {
                    dropped.push(table);
                    continue;
                }
                TableRole::Shadow(real) | TableRole::Trash(real) => {
                    TableName::new(table.schema.clone(), real)
                }
            };
            let moved = self.is_moved_away(&table);
            if !self.admits_online(&real, id) || self.structure(&table).is_none() {
                continue;
            }
            if moved {
                // Nothing took its place: what is dropped is the real table.
                dropped.push(real);
            } else {
                owners.push(real);
            }
            history_only.push(table);
        }
        let mut change = Change {
            before: self.structures_of(&[owners.clone(), history_only.clone()].concat()),
            tables: owners,
            ..self.bare_change(text, id)
        };
        for table in &history_only {
            self.schema.remove(&table.schema, &table.table);
        }
        change.history_only = history_only;
        if !dropped.is_empty() {
            let names: Vec<String> = dropped.iter().map(ToString::to_string).collect();
            let exists = if if_exists { " IF EXISTS" } else { "" };
            let plain = StatementText {
                text: format!("DROP TABLE{exists} {}", names.join(", ")),
                session: text.session.with_plain_quotes(),
                ..text.clone()
            };
            match self.logged(&plain, id) {
                Ok(Some(real)) => {
                    change.run = real.run;
                    change.merge_before(real.before);
                }
                Ok(None) => {}
                Err(fault) => {
                    self.undo(&change);
                    return Err(fault);
                }
            }
        }
        let nothing = change.tables.is_empty() && change.history_only.is_empty();
        Ok((!nothing).then_some(change))
    }

    /// The swap, in one statement or two; a swap that is taken back; and what can't be followed.
    fn online_rename(
        &mut self,
        pairs: &[(TableRef, TableRef)],
        text: &StatementText,
        id: &TransactionId,
    ) -> Followed {
        let mut change = self.bare_change(text, id);
        let mut swapped_in = Vec::new();
        let mut moved_out = Vec::new();
        for (old, new) in pairs {
            let (old, new) = (
                self.folded(&old.schema, &old.table),
                self.folded(&new.schema, &new.table),
            );
            let stop = |real: TableName, what: String| {
                let error = DmError::new(&codes::SYNCER_UNSUPPORTED_STMT, what);
                Err(TableFault::Tables(vec![real], error.with_workaround(
                    "make the target table what it now is at the source, then `binlog skip` it; or load the table again.",
                )))
            };
            match (self.role(&old), self.online.role(&new.table)) {
                (TableRole::Shadow(real), _) if real == new.table => {
                    swapped_in.push((old, new));
                }
                (TableRole::Real, TableRole::Trash(real)) if real == old.table => {
                    moved_out.push((old, new));
                }
                (TableRole::Trash(real), _) if real == new.table => {
                    if !self.admits_online(&new, id) {
                        continue;
                    }
                    if !self.is_moved_away(&old) {
                        self.undo(&change);
                        return stop(
                            new.clone(),
                            format!(
                                "{old} takes the place of {new}: its rows are not those that were followed"
                            ),
                        );
                    }
                    // A swap that was taken back half-way: nothing happened.
                    let before = self.structures_of(&[new.clone(), old.clone()]);
                    change.add_online(&new, &old, before);
                    self.schema.remove(&old.schema, &old.table);
                }
                (TableRole::Shadow(real), TableRole::Trash(_)) => {
                    let real = TableName::new(old.schema.clone(), real);
                    if self.admits_online(&real, id) && self.structure(&old).is_some() {
                        let before = self.structures_of(&[real.clone(), old.clone()]);
                        change.add_online(&real, &old, before);
                        self.schema.remove(&old.schema, &old.table);
                    }
                }
                (role, _) => {
                    let real = match role {
                        TableRole::Real => old.clone(),
                        TableRole::Shadow(real) | TableRole::Trash(real) => {
                            TableName::new(old.schema.clone(), real)
                        }
                    };
                    self.undo(&change);
                    return stop(
                        real,
                        format!("{old} becomes {new}, which is no step of an online schema change"),
                    );
                }
            }
        }
        for (shadow, real) in swapped_in {
            if !self.admits_online(&real, id) {
                continue;
            }
            if let Err(error) = self.swap(&shadow, &real, &mut change) {
                self.undo(&change);
                return Err(TableFault::Tables(vec![real], error));
            }
            moved_out.retain(|(old, _)| *old != real);
            self.forget_moved(&real, &mut change);
        }
        for (real, trash) in moved_out {
            if !self.admits_online(&real, id) {
                continue;
            }
            let before = self.structures_of(&[real.clone(), trash.clone()]);
            if let Some(structure) = self.structure(&real).cloned() {
                let structure = Table {
                    shadow: Some(vec![MOVED_AWAY.to_owned()]),
                    ..structure
                };
                self.learn(&trash, structure);
                change.add_online(&real, &trash, before);
            }
        }
        Ok((!change.tables.is_empty()).then_some(change))
    }

    /// The shadow takes the real table's place: its statements run on the real table.
    fn swap(
        &mut self,
        shadow: &TableName,
        real: &TableName,
        change: &mut Change,
    ) -> Result<(), DmError> {
        let differs = |what: String| {
            DmError::new(&codes::SYNCER_UNSUPPORTED_STMT, what).with_workaround(format!(
                "give the ALTER that makes {real} what it is now to `binlog replace`, or load the table again."
            ))
        };
        let before = self.structures_of(&[real.clone(), shadow.clone()]);
        let (Some(old), Some(new)) = (
            self.structure(real).cloned(),
            self.structure(shadow).cloned(),
        ) else {
            return Err(differs(format!(
                "the online schema change of {real} began before this task, so its statements are not known"
            )));
        };
        let remembered = new.shadow.clone().unwrap_or_default();
        let mut run = Vec::with_capacity(remembered.len());
        let mut check = Schema::new(self.schema.fold_names);
        check.databases.clone_from(&self.schema.databases);
        check.insert(&real.schema, &real.table, old.clone());
        for statement in &remembered {
            let moved = self.moved(statement, shadow, real, change)?;
            check.apply(&moved).map_err(|error| {
                differs(format!(
                    "the statements of the online schema change do not fit {real}: {error}"
                ))
            })?;
            run.push(moved);
        }
        let made = check.table(&real.schema, &real.table);
        if !made.is_some_and(|made| same_rows(made, &new)) {
            return Err(differs(format!(
                "{shadow} is not what its own statements make of {real}: the tool did more than they say, or another change ran meanwhile"
            )));
        }
        let structure = Table {
            shadow: None,
            foreign_keys: made
                .map(|made| made.foreign_keys.clone())
                .unwrap_or_default(),
            ..new
        };
        self.schema.remove(&shadow.schema, &shadow.table);
        self.learn(real, structure);
        change.run.extend(run);
        change.add_online(real, shadow, before);
        Ok(())
    }

    /// A remembered statement, on the real table.
    fn moved(
        &self,
        statement: &str,
        shadow: &TableName,
        real: &TableName,
        change: &Change,
    ) -> Result<Statement, DmError> {
        let text = StatementText {
            session: change.session.clone(),
            ..StatementText::default()
        };
        let context: Context<'_> = self.context(&text);
        let unreadable = || {
            DmError::new(
                &codes::META_DAMAGED,
                format!("a remembered statement of {shadow} cannot be read: {statement}"),
            )
        };
        let parsed = dm_ddl::parse(statement, &context).map_err(|_| unreadable())?;
        let [only] = parsed.as_slice() else {
            return Err(unreadable());
        };
        let moved = only.rewrite(
            &mut |schema, table| {
                if self.folded(schema, table) == *shadow {
                    (real.schema.clone(), real.table.clone())
                } else {
                    (schema.to_owned(), table.to_owned())
                }
            },
            &mut str::to_owned,
        );
        let mut parsed = dm_ddl::parse(&moved, &context).map_err(|_| unreadable())?;
        parsed.pop().ok_or_else(unreadable)
    }

    /// The former self of a real table whose place was taken is plain trash from now on.
    fn forget_moved(&mut self, real: &TableName, change: &mut Change) {
        let marked: Vec<TableName> = self
            .tables()
            .into_iter()
            .filter(|table| table.schema == real.schema && self.is_moved_away(table))
            .filter(|table| self.online.role(&table.table) == TableRole::Trash(real.table.clone()))
            .collect();
        for trash in marked {
            let before = self.structures_of(std::slice::from_ref(&trash));
            change.add_online(real, &trash, before);
            self.schema.remove(&trash.schema, &trash.table);
        }
    }

    fn is_moved_away(&self, table: &TableName) -> bool {
        self.structure(table)
            .and_then(|structure| structure.shadow.as_ref())
            .is_some_and(|marks| marks.iter().any(|mark| mark == MOVED_AWAY))
    }

    /// The tables of a migration stand where the real one stands.
    fn admits_online(&self, real: &TableName, id: &TransactionId) -> bool {
        self.filter.allows(&real.schema, Some(&real.table)) && self.cursors.admits(real, id)
    }
}

impl Change {
    /// Takes in one table of a tool, and the real one that it belongs to.
    fn add_online(
        &mut self,
        real: &TableName,
        other: &TableName,
        before: Vec<(TableName, Option<Table>)>,
    ) {
        for (table, structure) in before {
            if !self.before.iter().any(|(known, _)| *known == table) {
                self.before.push((table, structure));
            }
        }
        if !self.tables.contains(real) {
            self.tables.push(real.clone());
        }
        if !self.history_only.contains(other) {
            self.history_only.push(other.clone());
        }
    }
}

/// Whether rows of one fit the other: names of constraints and of generated indexes carry the table's name.
fn same_rows(one: &Table, other: &Table) -> bool {
    let keys = |table: &Table| {
        let mut keys: Vec<String> = table
            .keys
            .iter()
            .map(|key| format!("{:?} {:?}", key.kind, key.parts))
            .collect();
        keys.sort();
        keys
    };
    one.columns == other.columns && keys(one) == keys(other)
}

#[cfg(test)]
#[path = "online_test.rs"]
mod tests;
