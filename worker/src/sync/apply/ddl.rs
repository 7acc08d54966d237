//! A DDL at the target, carried out once (R23).
//!
//! A DDL commits by itself and no fence row protects it. So an intent is committed first, with the structures that the target's tables
//! have before it; whoever finds the intent ends the connection that it names, compares, and either goes on or sends the statement.

use std::time::Duration;

use dm_ddl::{Kind, Statement, dialect::Dialect};
use dm_model::{DmError, Kind as ErrorKind, TableName, codes};
use mysql_async::{Conn, Row, prelude::Queryable};
use tracing::{info, warn};

use super::{
    applier::{Applier, RowEdit},
    ddl_session::SessionSettings,
    ddl_steps::steps,
    engine::ensure_transactional,
    evidence::{comparable, ids_differ, may_look_unchanged, runs_again},
};
use crate::{
    database::ServerKind,
    sync::{
        backoff::Backoff,
        errors,
        meta::{Intent, Progress, TableRow, TableState, UNFINISHED_MAX, Unfinished},
        schedule::Batch,
        stop::Stop,
        track::{Change, TableFault, Tracker},
        transform::{Routed, Transformer},
        value::quote_text,
    },
};

/// How long the statement of a connection that we ended may take to disappear.
const GONE_WITHIN: Duration = Duration::from_secs(60);
/// Error "database exists": CREATE DATABASE is done then.
const DATABASE_EXISTS: u16 = 1007;

/// Why a DDL was not carried out.
#[derive(Debug)]
pub(crate) enum DdlFault {
    /// The target refuses it.
    Refused(DmError),
    Stop(Stop),
}

impl From<Stop> for DdlFault {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<DmError> for DdlFault {
    fn from(error: DmError) -> Self {
        Self::Stop(error.into())
    }
}

impl Applier {
    /// Carries out the DDLs of a transaction and commits its rows and progress. Structures of tables that the target refuses to
    /// change are put back and the tables stop.
    pub(crate) async fn apply_changes(
        &mut self,
        routed: Routed,
        changes: &[Change],
        tracker: &mut Tracker,
        transformer: &Transformer,
    ) -> Result<super::Committed, Stop> {
        let mut routed = routed;
        let mut edits = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let done = match refuse_merge(change, tracker, transformer) {
                Ok(()) => {
                    self.carry_out(change, index, &routed.id.to_string(), transformer)
                        .await
                }
                Err(error) => Err(DdlFault::Refused(error)),
            };
            let done = match done {
                Ok(()) => self.make_transactional(change, transformer).await,
                fault => fault,
            };
            match done {
                Ok(()) => edits.extend(
                    change
                        .tables
                        .iter()
                        .chain(&change.history_only)
                        .map(|table| self.changed_row(table, tracker)),
                ),
                Err(DdlFault::Stop(stop)) => return Err(stop),
                Err(DdlFault::Refused(error)) => {
                    tracker.undo(change);
                    let error = change.origin.annotate(error);
                    if change.tables.is_empty() {
                        return Err(Stop::Definite(error));
                    }
                    self.stop_tables(&change.tables, &error, tracker).await?;
                    for table in &change.tables {
                        routed = routed.without(table);
                    }
                }
            }
        }
        let keyed = loop {
            match self.key(routed.clone()).await {
                Ok(keyed) => break keyed,
                Err(fault) => {
                    let (tables, error) = fault_tables(fault)?;
                    self.stop_tables(&tables, &error, tracker).await?;
                    for table in &tables {
                        routed = routed.without(table);
                    }
                }
            }
        };
        let mut batch = Batch::default();
        batch.push(keyed);
        self.apply_with(batch, tracker, edits, None).await
    }

    /// After a statement that may have left tables in an engine without transactions (R20).
    async fn make_transactional(
        &mut self,
        change: &Change,
        transformer: &Transformer,
    ) -> Result<(), DdlFault> {
        for table in &change.tables {
            let target = transformer.route(table).map_err(DdlFault::Refused)?;
            let conn = self.connected().await?;
            match ensure_transactional(conn, &target).await {
                Err(error) if error.kind == ErrorKind::Definite => {
                    return Err(DdlFault::Refused(error));
                }
                made => made?,
            }
        }
        Ok(())
    }

    fn changed_row(&self, table: &TableName, tracker: &Tracker) -> RowEdit {
        let Some(structure) = tracker.structure(table) else {
            return RowEdit::Delete(table.clone());
        };
        let mut row = self
            .rows
            .get(table)
            .cloned()
            .unwrap_or_else(|| TableRow::new(table.clone(), TableState::Joined));
        row.structure = Some(structure.clone());
        RowEdit::Put(Box::new(row))
    }

    /// Brings the target to where the change leads: nothing, one statement, or several in a row. Each has its own intent, so that a
    /// crash between two of them goes on with the second.
    async fn carry_out(
        &mut self,
        change: &Change,
        index: usize,
        transaction: &str,
        transformer: &Transformer,
    ) -> Result<(), DdlFault> {
        let targets = change
            .tables
            .iter()
            .map(|table| transformer.route(table))
            .collect::<Result<Vec<_>, _>>()
            .map_err(DdlFault::Refused)?;
        let dialect = match self.lane.server().kind {
            ServerKind::Tidb => Dialect::Tidb,
            ServerKind::Mysql | ServerKind::Mariadb => Dialect::Mysql,
        };
        let before = match (dialect, targets.first()) {
            (Dialect::Tidb, Some(first)) => {
                show_create_text(self.connected().await?, first).await?
            }
            _ => None,
        };
        let steps =
            steps(change, transformer, dialect, before.as_deref()).map_err(DdlFault::Refused)?;
        let mut done = self.done_before(transaction, index);
        if let Some(intent) = self.lane.progress().intent.clone()
            && intent.transaction == transaction
            && intent.index >= index
        {
            if intent.index > index {
                return Ok(());
            }
            if self.was_done(&intent, &targets).await? {
                info!(
                    statement = intent.statement,
                    "DDL was carried out before the take-over"
                );
                if intent.operator.is_empty() && steps.first() != Some(&intent.statement) {
                    // The source's own statement is in: a decision that came later has nothing left to decide.
                    return Ok(());
                }
                if done.last() != Some(&intent.statement) {
                    done.push(intent.statement);
                }
            }
        }
        // Of another decision than the present one: that is carried out from its start.
        if !steps.starts_with(&done) {
            done.clear();
        }
        if let Some(action) = change.operator {
            info!(%action, place = %change.origin.place, statements = steps.len(), "an operator decides about a statement");
        }
        for (number, step) in steps.iter().enumerate().skip(done.len()) {
            let event = Unfinished {
                transaction: transaction.to_owned(),
                index,
                done: done.clone(),
            };
            match self.carry_out_step(change, step, &targets, event).await {
                Err(DdlFault::Refused(error)) => {
                    return Err(DdlFault::Refused(explained(
                        error, change, &steps, number, step,
                    )));
                }
                ended => ended?,
            }
            done.push(step.clone());
        }
        Ok(())
    }

    /// What of an event's statements was carried out by an earlier try.
    fn done_before(&self, transaction: &str, index: usize) -> Vec<String> {
        self.lane
            .progress()
            .unfinished
            .iter()
            .find(|event| event.transaction == transaction && event.index == index)
            .map(|event| event.done.clone())
            .unwrap_or_default()
    }

    async fn carry_out_step(
        &mut self,
        change: &Change,
        statement: &str,
        targets: &[TableName],
        event: Unfinished,
    ) -> Result<(), DdlFault> {
        let before = self.structures(targets).await?;
        refuse_other_definition(change, statement, &before, targets).map_err(DdlFault::Refused)?;
        let ids = self.ids(targets).await?;
        self.record_intent(
            Intent {
                transaction: event.transaction.clone(),
                index: event.index,
                connection: 0,
                server: String::new(),
                statement: statement.to_owned(),
                before,
                ids,
                operator: change
                    .operator
                    .map(|action| action.to_string())
                    .unwrap_or_default(),
                ansi_quotes: change.session.ansi_quotes(),
                no_backslash_escapes: change.session.no_backslash_escapes(),
            },
            event,
        )
        .await?;
        let mut backoff = Backoff::new();
        loop {
            self.control.check()?;
            match self.send(statement, change).await {
                Ok(()) => return Ok(()),
                Err(error) if error.kind == ErrorKind::Definite => {
                    return Err(DdlFault::Refused(error));
                }
                Err(error) => {
                    // Refused for a while, or the answer was lost: find out before sending again.
                    info!(%error, statement, "outcome of a DDL not known; asking the target");
                    self.control
                        .note(Some(format!("DDL at the target: {error}")));
                    self.control.sleep(backoff.step()).await?;
                    let intent = self.lane.progress().intent.clone();
                    if let Some(intent) = intent
                        && self.was_done(&intent, targets).await?
                    {
                        self.control.note(None);
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Commits the intent with the connection that will carry the statement, and what of its event is through.
    async fn record_intent(&mut self, intent: Intent, event: Unfinished) -> Result<(), DdlFault> {
        loop {
            let connection = self.lane.connection().map(|conn| u64::from(conn.id()));
            let named = Intent {
                connection: connection.unwrap_or(0),
                server: self.lane.server().uuid.clone(),
                ..intent.clone()
            };
            let mut unfinished: Vec<Unfinished> = self
                .lane
                .progress()
                .unfinished
                .iter()
                .filter(|other| {
                    (&other.transaction, other.index) != (&event.transaction, event.index)
                })
                .cloned()
                .collect();
            if !event.done.is_empty() {
                unfinished.push(event.clone());
            }
            let excess = unfinished.len().saturating_sub(UNFINISHED_MAX);
            unfinished.drain(..excess);
            let progress = Progress {
                intent: Some(named),
                unfinished,
                ..self.lane.progress().clone()
            };
            self.lane
                .commit(&[], &progress)
                .await
                .map_err(|refused| DdlFault::Stop(refused.into_stop("writing an intent")))?;
            // The commit may have had to connect again.
            if self.lane.connection().map(|conn| u64::from(conn.id())) == connection
                && connection.is_some()
            {
                return Ok(());
            }
        }
    }

    async fn send(&mut self, statement: &str, change: &Change) -> Result<(), DmError> {
        let from_mariadb = change
            .run
            .first()
            .is_some_and(|run| run.server().flavor == dm_ddl::Flavor::Mariadb);
        let settings = SessionSettings::new(&change.session, from_mariadb, self.lane.server().kind);
        if !settings.left_out.is_empty() {
            warn!(left_out = ?settings.left_out, statement, "settings of the source's session that the target does not have");
        }
        let create_database = change
            .run
            .iter()
            .any(|run| matches!(run.kind(), Kind::CreateDatabase { .. }));
        let Some(conn) = self.lane.connection() else {
            return Err(DmError::new(
                &codes::DB_INVALID_CONN,
                "the connection to the target was lost",
            ));
        };
        if !settings.set.is_empty() {
            conn.query_drop(&settings.set)
                .await
                .map_err(|error| errors::target(error).annotate(&settings.set))?;
        }
        let sent = conn.query_drop(statement).await;
        if !settings.restore.is_empty() {
            // Should that fail, the connection is gone and the next one begins with our own settings.
            let _connection_lost = conn.query_drop(&settings.restore).await;
        }
        match sent {
            Err(mysql_async::Error::Server(error))
                if create_database && error.code == DATABASE_EXISTS =>
            {
                Ok(())
            }
            sent => sent.map_err(errors::target),
        }
    }

    /// Whether the statement of an intent took effect. Its connection is ended first, and waited for.
    async fn was_done(&mut self, intent: &Intent, targets: &[TableName]) -> Result<bool, DdlFault> {
        self.end_connection(intent).await?;
        if runs_again(intent) {
            return Ok(false);
        }
        let now = self.structures(targets).await?;
        if comparable(&now) != comparable(&intent.before) {
            return Ok(true);
        }
        if !may_look_unchanged(intent) {
            return Ok(false);
        }
        let ids = self.ids(targets).await?;
        if let Some(done) = ids_differ(&intent.ids, &ids).filter(|_| !renames_columns(intent)) {
            return Ok(done);
        }
        let message = format!(
            "whether {} was carried out before the take-over cannot be told from the structures",
            intent.statement
        );
        let error = DmError::new(&codes::DDL_UNATTRIBUTABLE, message).with_workaround(
            "look at the target; carry it out there if it is missing, then `binlog skip` it.",
        );
        Err(DdlFault::Refused(error))
    }

    async fn end_connection(&mut self, intent: &Intent) -> Result<(), DdlFault> {
        let own = self.lane.connection().map(|conn| u64::from(conn.id()));
        if intent.connection == 0
            || Some(intent.connection) == own
            || intent.server != self.lane.server().uuid
        {
            return Ok(());
        }
        let started = tokio::time::Instant::now();
        let is_tidb = self.lane.server().kind == ServerKind::Tidb;
        loop {
            let conn = self.connected().await?;
            let _already_gone = conn.query_drop(format!("KILL {}", intent.connection)).await;
            let listed: Vec<Row> = conn
                .query("SHOW FULL PROCESSLIST")
                .await
                .map_err(errors::target)?;
            let there = listed.iter().any(|row| {
                row.get_opt::<u64, _>(0).and_then(Result::ok) == Some(intent.connection)
            });
            // TiDB's DDL jobs outlive the session that asked for them.
            let job_runs = is_tidb && jobs_run(conn).await?;
            if !there && !job_runs {
                return Ok(());
            }
            if started.elapsed() > GONE_WITHIN {
                let message = format!(
                    "connection {} at the target still runs {}",
                    intent.connection, intent.statement
                );
                return Err(DdlFault::Stop(Stop::Transient(DmError::new(
                    &codes::TARGET_ROW_BLOCKED,
                    message,
                ))));
            }
            self.control.sleep(Duration::from_millis(200)).await?;
        }
    }

    async fn structures(
        &mut self,
        targets: &[TableName],
    ) -> Result<Vec<(String, Option<String>)>, DdlFault> {
        let mut found = Vec::with_capacity(targets.len());
        for target in targets {
            let conn = self.connected().await?;
            found.push((target.to_string(), show_create_text(conn, target).await?));
        }
        Ok(found)
    }

    /// The target's own ids of tables: they stay with a table that is renamed or exchanged. `None` where it doesn't tell.
    async fn ids(&mut self, targets: &[TableName]) -> Result<Vec<Option<u64>>, DdlFault> {
        let kind = self.lane.server().kind;
        let conn = self.connected().await?;
        let mut ids = Vec::with_capacity(targets.len());
        for target in targets {
            ids.push(table_id(conn, kind, target).await);
        }
        Ok(ids)
    }

    /// The lane's connection, opened again when it was lost.
    async fn connected(&mut self) -> Result<&mut Conn, DdlFault> {
        if self.lane.connection().is_none() {
            let progress = self.lane.progress().clone();
            self.lane
                .commit(&[], &progress)
                .await
                .map_err(|refused| DdlFault::Stop(refused.into_stop("writing an intent")))?;
        }
        self.lane.connection().ok_or_else(|| {
            DdlFault::Stop(Stop::Transient(DmError::new(
                &codes::DB_INVALID_CONN,
                "the connection to the target was lost",
            )))
        })
    }
}

/// Whether TiDB works on any DDL job. Jobs on one table run one after the other, so waiting for all is waiting for ours.
async fn jobs_run(conn: &mut Conn) -> Result<bool, DmError> {
    let jobs: Vec<Row> = conn
        .query("ADMIN SHOW DDL JOBS 10")
        .await
        .map_err(errors::target)?;
    Ok(jobs.iter().any(|job| {
        let state = job
            .columns_ref()
            .iter()
            .position(|column| column.name_str().eq_ignore_ascii_case("STATE"));
        let state = state
            .and_then(|index| job.get_opt::<String, _>(index)?.ok())
            .unwrap_or_default();
        matches!(
            state.as_str(),
            "queueing" | "running" | "rollingback" | "cancelling" | "done"
        )
    }))
}

/// A table that appears must not share its target with another one: that needs the shard-merge machinery.
fn refuse_merge(
    change: &Change,
    tracker: &Tracker,
    transformer: &Transformer,
) -> Result<(), DmError> {
    let appears = change
        .before
        .iter()
        .filter(|(table, before)| before.is_none() && change.tables.contains(table))
        .map(|(table, _)| table);
    for table in appears.filter(|table| tracker.structure(table).is_some()) {
        let target = transformer.route(table)?.to_string().to_lowercase();
        for other in tracker.tables().iter().filter(|other| *other != table) {
            if transformer.route(other)?.to_string().to_lowercase() == target {
                let message = format!("{table} and {other} are both routed to {target}");
                return Err(DmError::new(&codes::MERGE_NOT_YET_SUPPORTED, message));
            }
        }
    }
    Ok(())
}

/// CREATE TABLE IF NOT EXISTS does nothing where a table is: that counts as done only if it has the same definition.
fn refuse_other_definition(
    change: &Change,
    statement: &str,
    before: &[(String, Option<String>)],
    targets: &[TableName],
) -> Result<(), DmError> {
    let context = dm_ddl::Context {
        default_schema: targets.first().map(|target| target.schema.as_str()),
        ansi_quotes: change.session.ansi_quotes(),
        no_backslash_escapes: change.session.no_backslash_escapes(),
        flavor: dm_ddl::Flavor::Mysql,
        version: 90_700,
    };
    let parsed = dm_ddl::parse(statement, &context).unwrap_or_default();
    let [only] = parsed.as_slice() else {
        return Ok(());
    };
    let Kind::CreateTable(create) = only.kind() else {
        return Ok(());
    };
    // A table that the source had already is ours; the statement did nothing there either.
    if !create.if_not_exists
        || change
            .before
            .iter()
            .any(|(_, structure)| structure.is_some())
    {
        return Ok(());
    }
    let name = TableName::new(create.table.schema.clone(), create.table.table.clone()).to_string();
    let found = before
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&name))
        .and_then(|(_, text)| text.as_deref());
    let Some(found) = found else { return Ok(()) };
    let plain = dm_ddl::Context {
        ansi_quotes: false,
        no_backslash_escapes: false,
        ..context
    };
    let differs = || {
        DmError::new(
            &codes::TARGET_STRUCTURE_DIFFERS,
            format!("{name} is at the target already, with another definition"),
        )
    };
    let found = dm_ddl::Table::parse_create(found, &plain).map_err(|_| differs())?;
    let wanted = dm_ddl::Table::parse_create(only.text(), &context).map_err(|_| differs())?;
    let shape = |table: &dm_ddl::Table| -> Vec<(String, dm_ddl::TypeKind, bool)> {
        table
            .columns
            .iter()
            .map(|column| {
                (
                    column.name.to_lowercase(),
                    column.ty.kind,
                    column.ty.unsigned,
                )
            })
            .collect()
    };
    if shape(&found) == shape(&wanted) {
        Ok(())
    } else {
        Err(differs())
    }
}

/// SHOW CREATE TABLE at the target; `None` when there is no such table.
pub(crate) async fn show_create_text(
    conn: &mut Conn,
    table: &TableName,
) -> Result<Option<String>, DmError> {
    match conn
        .query_first::<Row, _>(format!("SHOW CREATE TABLE {table}"))
        .await
    {
        Ok(row) => Ok(row.and_then(|row| row.get_opt::<String, _>(1)?.ok())),
        Err(mysql_async::Error::Server(error)) if matches!(error.code, 1146 | 1049) => Ok(None),
        Err(error) => Err(errors::target(error)),
    }
}

/// The statement with the names of the target. A route that fails (two rules match) is an error at any time.
pub(crate) fn rewritten(
    statement: &Statement,
    transformer: &Transformer,
) -> Result<String, DmError> {
    let mut failed = None;
    let mut failed_schema = None;
    let text = statement.rewrite_resolved(
        &mut |schema, table| {
            let name = TableName::new(schema, table);
            let target = transformer.route(&name).unwrap_or_else(|error| {
                failed = Some(error);
                name
            });
            (target.schema, target.table)
        },
        &mut |schema| {
            transformer.route_schema(schema).unwrap_or_else(|error| {
                failed_schema = Some(error);
                schema.to_owned()
            })
        },
    );
    failed.or(failed_schema).map_or(Ok(text), Err)
}

/// Says which statement the target refused when it is not the source's own, and what of the event is through.
fn explained(
    error: DmError,
    change: &Change,
    steps: &[String],
    number: usize,
    step: &str,
) -> DmError {
    let by = change
        .operator
        .map(|action| format!(" by `binlog {action}`"))
        .unwrap_or_default();
    if number > 0 {
        let message = format!(
            "statement {} of {}{by} was refused, those before it are carried out and will not run again: {step}",
            number + 1,
            steps.len()
        );
        error.annotate(message)
    } else if change.operator.is_some() {
        error.annotate(format!("run{by}: {step}"))
    } else {
        error
    }
}

/// Ids say nothing about columns that take each other's names.
fn renames_columns(intent: &Intent) -> bool {
    !intent.statement.to_uppercase().contains("EXCHANGE")
        && !intent
            .statement
            .to_uppercase()
            .trim_start()
            .starts_with("RENAME")
}

/// The server's own number of a table. It needs a privilege that not every user has, and names that are spelled alike in the
/// engine's dictionary.
async fn table_id(conn: &mut Conn, kind: ServerKind, table: &TableName) -> Option<u64> {
    let plain = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if kind == ServerKind::Tidb {
        let select = "SELECT TIDB_TABLE_ID FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";
        return conn
            .exec_first(select, (&table.schema, &table.table))
            .await
            .ok()
            .flatten();
    }
    if !plain(&table.schema) || !plain(&table.table) {
        return None;
    }
    let name = format!("{}/{}", table.schema, table.table);
    for dictionary in ["INNODB_TABLES", "INNODB_SYS_TABLES"] {
        let select = format!(
            "SELECT TABLE_ID FROM information_schema.{dictionary} WHERE NAME = {}",
            quote_text(&name)
        );
        match conn.query_first::<u64, _>(select).await {
            Ok(found) => return found,
            Err(_other_version) => {}
        }
    }
    None
}

/// Gives a fault of tracking or decoding its table, for those who stop it.
pub(crate) fn fault_tables(fault: TableFault) -> Result<(Vec<TableName>, DmError), Stop> {
    match fault {
        TableFault::Tables(tables, error) => Ok((tables, error)),
        TableFault::Source(error) => Err(error.into()),
    }
}
