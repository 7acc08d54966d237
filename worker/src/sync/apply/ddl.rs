//! A DDL at the target, carried out once (R23).
//!
//! A DDL commits by itself and no fence row protects it. So an intent is committed first, with the structures that the target's tables
//! have before it; whoever finds the intent ends the connection that it names, compares, and either goes on or sends the statement.

use std::time::Duration;

use dm_ddl::{Kind, Statement};
use dm_model::{DmError, Kind as ErrorKind, TableName, codes};
use mysql_async::{Conn, Row, prelude::Queryable};
use tracing::info;

use super::{
    applier::{Applier, RowEdit},
    engine::ensure_transactional,
    evidence::{comparable, may_look_unchanged},
};
use crate::{
    database::ServerKind,
    sync::{
        backoff::Backoff,
        errors,
        meta::{Intent, Progress, TableRow, TableState},
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
                        .map(|table| self.changed_row(table, tracker)),
                ),
                Err(DdlFault::Stop(stop)) => return Err(stop),
                Err(DdlFault::Refused(error)) => {
                    tracker.undo(change);
                    let error = error.annotate(format!(
                        "DDL at {}: {}",
                        routed.id,
                        change.statement.text()
                    ));
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
        RowEdit::Put(row)
    }

    async fn carry_out(
        &mut self,
        change: &Change,
        index: usize,
        transaction: &str,
        transformer: &Transformer,
    ) -> Result<(), DdlFault> {
        let statement = rewritten(&change.statement, transformer).map_err(DdlFault::Refused)?;
        let targets = change
            .tables
            .iter()
            .map(|table| transformer.route(table))
            .collect::<Result<Vec<_>, _>>()
            .map_err(DdlFault::Refused)?;
        if let Some(intent) = self.lane.progress().intent.clone()
            && intent.transaction == transaction
            && intent.index == index
            && self.was_done(&intent, &targets, &change.statement).await?
        {
            info!(statement, "DDL was carried out before the take-over");
            return Ok(());
        }
        let before = self.structures(&targets).await?;
        refuse_other_definition(change, &before, &targets).map_err(DdlFault::Refused)?;
        self.record_intent(Intent {
            transaction: transaction.to_owned(),
            index,
            connection: 0,
            server: String::new(),
            statement: statement.clone(),
            before: before.clone(),
        })
        .await?;
        let mut backoff = Backoff::new();
        loop {
            self.control.check()?;
            match self.send(&statement, change).await {
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
                        && self.was_done(&intent, &targets, &change.statement).await?
                    {
                        self.control.note(None);
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Commits the intent with the connection that will carry the statement.
    async fn record_intent(&mut self, intent: Intent) -> Result<(), DdlFault> {
        loop {
            let connection = self.lane.connection().map(|conn| u64::from(conn.id()));
            let named = Intent {
                connection: connection.unwrap_or(0),
                server: self.lane.server().uuid.clone(),
                ..intent.clone()
            };
            let progress = Progress {
                intent: Some(named),
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
        let modes = [
            (change.ansi_quotes, "ANSI_QUOTES"),
            (change.no_backslash_escapes, "NO_BACKSLASH_ESCAPES"),
        ];
        let modes: Vec<&str> = modes
            .into_iter()
            .filter(|(on, _)| *on)
            .map(|(_, mode)| mode)
            .collect();
        let create_database = matches!(change.statement.kind(), Kind::CreateDatabase { .. });
        let Some(conn) = self.lane.connection() else {
            return Err(DmError::new(
                &codes::DB_INVALID_CONN,
                "the connection to the target was lost",
            ));
        };
        if !modes.is_empty() {
            let set = format!(
                "SET SESSION sql_mode = CONCAT(@@sql_mode, {})",
                quote_text(&format!(",{}", modes.join(",")))
            );
            conn.query_drop(format!("SET @dm_sql_mode = @@sql_mode; {set}"))
                .await
                .map_err(errors::target)?;
        }
        let sent = conn.query_drop(statement).await;
        if !modes.is_empty() {
            let _connection_lost = conn.query_drop("SET SESSION sql_mode = @dm_sql_mode").await;
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
    async fn was_done(
        &mut self,
        intent: &Intent,
        targets: &[TableName],
        statement: &Statement,
    ) -> Result<bool, DdlFault> {
        self.end_connection(intent).await?;
        let now = self.structures(targets).await?;
        // A TRUNCATE leaves no trace in the structure and may run again; so may what concerns a database only.
        let shows = !matches!(
            statement.kind(),
            Kind::TruncateTable { .. }
                | Kind::CreateDatabase { .. }
                | Kind::AlterDatabase { .. }
                | Kind::DropDatabase { .. }
        );
        if !shows {
            return Ok(false);
        }
        if comparable(&now) != comparable(&intent.before) {
            return Ok(true);
        }
        if may_look_unchanged(intent) {
            let message = format!(
                "whether {} was carried out before the take-over cannot be told from the structures",
                intent.statement
            );
            let error = DmError::new(&codes::DDL_UNATTRIBUTABLE, message)
                .with_workaround("look at the target, carry it out there if it is missing, then load the tables again");
            return Err(DdlFault::Refused(error));
        }
        Ok(false)
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
        .filter(|(_, before)| before.is_none())
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

/// CREATE TABLE IF NOT EXISTS does nothing where a table is: that counts as done only if it has the same columns.
fn refuse_other_definition(
    change: &Change,
    before: &[(String, Option<String>)],
    targets: &[TableName],
) -> Result<(), DmError> {
    let Kind::CreateTable(create) = change.statement.kind() else {
        return Ok(());
    };
    let (Some((name, Some(found))), Some(target)) = (before.first(), targets.first()) else {
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
    let context = dm_ddl::Context {
        default_schema: Some(&target.schema),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: dm_ddl::Flavor::Mysql,
        version: 90_700,
    };
    let differs = || {
        DmError::new(
            &codes::TARGET_STRUCTURE_DIFFERS,
            format!("{name} is at the target already, not made by this task"),
        )
    };
    let found = dm_ddl::Table::parse_create(found, &context).map_err(|_| differs())?;
    let wanted = create
        .items
        .iter()
        .filter(|item| matches!(item, dm_ddl::TableItem::Column(_)))
        .count();
    if found.columns.len() == wanted {
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

/// Gives a fault of tracking or decoding its table, for those who stop it.
pub(crate) fn fault_tables(fault: TableFault) -> Result<(Vec<TableName>, DmError), Stop> {
    match fault {
        TableFault::Tables(tables, error) => Ok((tables, error)),
        TableFault::Source(error) => Err(error.into()),
    }
}
