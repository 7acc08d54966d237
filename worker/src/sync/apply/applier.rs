//! One lane with the rows of `dm_table`: the control lane of the main stream, the lane of its DDLs, or all there is of a second reader.
//!
//! A batch becomes one fenced commit; a statement that the target refuses stops its table, not the others (P5).

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use dm_model::{
    Applied, DmError, Position, TableName, codes,
    config::{OnError, OnRowMismatch},
};
use tracing::warn;

use super::{
    Careful, LaneContext, Options, TargetTables, Verdict, ddl::DdlFault, encode, mismatches,
};
use crate::sync::{
    control::Control,
    load::Copied,
    meta::{Intent, Lane, LaneError, MetaTables, Progress, TableRow, TableState, Unfinished},
    schedule::{Batch, Keyed, WriteSet},
    stop::Stop,
    track::{TableFault, Tracker},
    transform::Routed,
    value::quote_text,
};

/// Commits through one lane.
#[derive(Debug)]
pub(crate) struct Applier {
    pub(super) lane: Lane,
    pub(super) tables: MetaTables,
    pub(super) control: Control,
    pub(super) rows: BTreeMap<TableName, TableRow>,
    on_error: OnError,
    on_row_mismatch: OnRowMismatch,
    targets: TargetTables,
    options: Options,
    /// Changes are applied whether they are in already or not (R21).
    settling: bool,
}

impl Applier {
    pub(crate) fn new(
        lane: Lane,
        tables: MetaTables,
        control: Control,
        rows: Vec<TableRow>,
        (on_error, on_row_mismatch): (OnError, OnRowMismatch),
    ) -> Self {
        let options = Options {
            is_mariadb: lane.server().kind == crate::database::ServerKind::Mariadb,
            repair: on_row_mismatch == OnRowMismatch::Repair,
        };
        let rows = rows
            .into_iter()
            .map(|row| (row.name.clone(), row))
            .collect();
        Self {
            lane,
            tables,
            control,
            rows,
            on_error,
            on_row_mismatch,
            targets: TargetTables::default(),
            options,
            settling: false,
        }
    }

    /// From now on, changes are applied whether they are in already or not, or exactly again (R21).
    pub(crate) fn settle(&mut self, settling: bool) {
        self.settling = settling;
        self.options.repair = settling || self.on_row_mismatch == OnRowMismatch::Repair;
    }

    /// Rows of `dm_table` as they are durable.
    pub(crate) fn rows(&self) -> &BTreeMap<TableName, TableRow> {
        &self.rows
    }

    /// Where the stream stands durably.
    pub(crate) fn at(&self) -> Option<&Position> {
        self.lane.progress().at.as_ref()
    }

    pub(crate) fn lane(&mut self) -> &mut Lane {
        &mut self.lane
    }

    /// What happens to changes that don't find their row.
    pub(crate) fn on_row_mismatch(&self) -> OnRowMismatch {
        self.on_row_mismatch
    }

    /// For a lane that carries DDLs; rows of `dm_table` are not its business.
    pub(super) fn for_ddl(lane: Lane, context: &LaneContext) -> Self {
        Self::new(
            lane,
            context.tables.clone(),
            context.control.clone(),
            Vec::new(),
            (OnError::Table, context.on_row_mismatch),
        )
    }

    /// The session, for its next use.
    pub(super) fn into_lane(self) -> Lane {
        self.lane
    }

    /// Hashes a transaction, with what its target tables look like.
    pub(crate) async fn key(&mut self, routed: Routed) -> Result<Keyed, TableFault> {
        self.key_set(routed).await.map(|(keyed, _)| keyed)
    }

    /// Hashes a transaction, and says what it touches. No DDL on its tables is on its way.
    pub(crate) async fn key_set(
        &mut self,
        routed: Routed,
    ) -> Result<(Keyed, WriteSet), TableFault> {
        let mut set = WriteSet::default();
        if let Some(plans) = self.targets.plans(&routed) {
            return Ok((Keyed::new(routed, plans, &mut set), set));
        }
        let server = self.lane.server().clone();
        let lost = || {
            DmError::new(
                &codes::DB_INVALID_CONN,
                "the connection to the target was lost",
            )
        };
        self.connected()
            .await
            .map(drop)
            .map_err(|fault| match fault {
                DdlFault::Stop(
                    Stop::Transient(error) | Stop::Definite(error) | Stop::Fenced(error),
                )
                | DdlFault::Refused(error) => TableFault::Source(error),
                DdlFault::Stop(Stop::Asked) => TableFault::Source(lost()),
            })?;
        let Some(conn) = self.lane.connection() else {
            return Err(TableFault::Source(lost()));
        };
        self.targets.prepare(conn, &server, &routed).await?;
        match self.targets.plans(&routed) {
            Some(plans) => Ok((Keyed::new(routed, plans, &mut set), set)),
            None => Err(TableFault::Source(DmError::new(
                &codes::META_DAMAGED,
                "a table has no plan",
            ))),
        }
    }

    /// Commits a batch, without the tables that had to stop for it.
    pub(crate) async fn apply(&mut self, batch: Batch, tracker: &mut Tracker) -> Result<(), Stop> {
        // An intent stays until its own transaction commits: the stream may have gone back before it.
        let intent = self.lane.progress().intent.clone();
        self.apply_with(batch, tracker, Vec::new(), intent).await
    }

    /// Commits a batch together with changed rows of `dm_table` (after a DDL).
    pub(super) async fn apply_with(
        &mut self,
        mut batch: Batch,
        tracker: &mut Tracker,
        changed: Vec<RowEdit>,
        intent: Option<Intent>,
    ) -> Result<(), Stop> {
        let Some(from) = self.at().cloned() else {
            return Err(Stop::Definite(DmError::new(
                &codes::META_DAMAGED,
                "the subtask has no position",
            )));
        };
        let mode = if self.settling {
            OnRowMismatch::Repair
        } else {
            self.on_row_mismatch
        };
        let mut careful = Careful::default();
        loop {
            let end = batch.end(&from);
            let encoded = encode(&batch.transactions, &self.options, &careful);
            let mut cursors = None;
            let mut edits = changed.clone();
            if !tracker.cursors.all_joined() {
                let mut moved = tracker.cursors.clone();
                edits.extend(
                    moved
                        .advance(&end)
                        .iter()
                        .filter_map(|table| self.joined(table)),
                );
                cursors = Some(moved);
            }
            let mut statements: Vec<String> =
                encoded.texts().into_iter().map(str::to_owned).collect();
            statements.extend(edits.iter().map(|edit| edit.statement(&self.tables)));
            let progress = Progress {
                at: Some(end.clone()),
                intent: intent.clone(),
                finished: false,
                unfinished: self.lane.progress().unfinished.clone(),
                ..Progress::default()
            };
            let verdict = Mutex::new(Verdict::Commit(Vec::new()));
            let wanted = |found: &[u64]| {
                let judged = encoded.judge(found, &careful, mode);
                let commits = matches!(judged, Verdict::Commit(_));
                *verdict.lock().unwrap_or_else(PoisonError::into_inner) = judged;
                commits
            };
            let ended = self.lane.commit_if(&statements, &progress, &wanted).await;
            let judged = verdict.into_inner().unwrap_or_else(PoisonError::into_inner);
            let judged = match ended {
                Ok(_) => {
                    if let Some(moved) = cursors {
                        tracker.cursors = moved;
                    }
                    edits
                        .into_iter()
                        .for_each(|edit| edit.remember(&mut self.rows));
                    let missed = match judged {
                        Verdict::Commit(missed) => missed,
                        Verdict::Again(_) | Verdict::Stop(..) => Vec::new(),
                    };
                    if !self.settling {
                        mismatches::record(&self.control, &missed, &batch.transactions);
                    }
                    return Ok(());
                }
                Err(LaneError::Stop(stop)) => return Err(stop),
                Err(LaneError::Unwanted) => judged,
                Err(LaneError::Statement { index, error }) => encoded
                    .refused(index, error.clone(), &careful, mode)
                    .ok_or_else(|| Stop::Definite(error.annotate("writing progress")))?,
            };
            match judged {
                Verdict::Again(more) => careful = more,
                Verdict::Stop(table, error) => {
                    let first = batch
                        .transactions
                        .first()
                        .map(|first| first.id.to_string())
                        .unwrap_or_default();
                    let error = error.annotate(format!("in a batch that starts at {first}"));
                    let stopped = vec![table];
                    self.stop_tables(&stopped, &error, tracker).await?;
                    batch = batch.without(&stopped);
                    // Places have moved.
                    careful = Careful::default();
                }
                Verdict::Commit(_) => {
                    return Err(Stop::Definite(DmError::new(
                        &codes::META_DAMAGED,
                        "a batch was rolled back that should have been committed",
                    )));
                }
            }
        }
    }

    /// Stops tables where they are: their cursor is written before any commit leaves their rows out (R4).
    pub(crate) async fn stop_tables(
        &mut self,
        names: &[TableName],
        error: &DmError,
        tracker: &mut Tracker,
    ) -> Result<(), Stop> {
        if self.on_error == OnError::Task {
            return Err(Stop::Definite(error.clone()));
        }
        let Some(at) = self.at().cloned() else {
            return Err(Stop::Definite(error.clone()));
        };
        let mut edits = Vec::new();
        for name in names {
            warn!(table = %name, %error, "table stopped");
            let cursor = tracker.cursors.stop(name, &at);
            let mut row = self
                .rows
                .get(name)
                .cloned()
                .unwrap_or_else(|| TableRow::new(name.clone(), TableState::Stopped));
            row.state = TableState::Stopped;
            row.cursor = Some(cursor);
            row.error = error.to_string();
            edits.push(RowEdit::Put(Box::new(row)));
        }
        let statements: Vec<String> = edits
            .iter()
            .map(|edit| edit.statement(&self.tables))
            .collect();
        let progress = self.lane.progress().clone();
        self.lane
            .commit(&statements, &progress)
            .await
            .map_err(|refused| refused.into_stop("stopping a table"))?;
        edits
            .into_iter()
            .for_each(|edit| edit.remember(&mut self.rows));
        Ok(())
    }

    /// Stops tables of a stream with several lanes: a point and the exceptions after it are written before any commit leaves their rows
    /// out (R4). `applied` is what the stream has brought; nothing of the tables is in flight.
    pub(crate) async fn stop_tables_at(
        &mut self,
        names: &[TableName],
        error: &DmError,
        applied: &Applied,
        unfinished: Vec<Unfinished>,
        tracker: &mut Tracker,
    ) -> Result<(), Stop> {
        if self.on_error == OnError::Task {
            return Err(Stop::Definite(error.clone()));
        }
        let mut edits = Vec::new();
        for name in names {
            warn!(table = %name, %error, "table stopped");
            let cursor = tracker.cursors.stop(name, &applied.at);
            let mut row = self
                .rows
                .get(name)
                .cloned()
                .unwrap_or_else(|| TableRow::new(name.clone(), TableState::Stopped));
            row.state = TableState::Stopped;
            row.cursor = Some(cursor);
            row.beyond = applied.beyond.clone();
            row.error = error.to_string();
            edits.push(RowEdit::Stands(Box::new(row)));
        }
        let progress = Progress {
            unfinished,
            ..self.lane.progress().clone()
        };
        let progress = progress.with(applied.clone());
        self.commit_edits(edits, &progress, "stopping a table")
            .await
    }

    /// The stream has brought everything in `applied`: tables that were ahead of it may ride on it from now on.
    pub(crate) async fn advance(
        &mut self,
        applied: &Applied,
        tracker: &mut Tracker,
    ) -> Result<(), Stop> {
        let joined = tracker.cursors.advance(&applied.at);
        let edits = joined
            .iter()
            .filter_map(|table| self.joined(table))
            .collect();
        let progress = self.lane.progress().clone().with(applied.clone());
        self.commit_edits(edits, &progress, "writing progress")
            .await
    }

    async fn commit_edits(
        &mut self,
        edits: Vec<RowEdit>,
        progress: &Progress,
        doing: &str,
    ) -> Result<(), Stop> {
        let statements: Vec<String> = edits.iter().map(|edit| self.statement(edit)).collect();
        self.lane
            .commit(&statements, progress)
            .await
            .map_err(|refused| refused.into_stop(doing))?;
        edits.into_iter().for_each(|edit| self.remember(edit));
        Ok(())
    }

    /// The statement of a change of `dm_table`. Where the row is there, only what changes is written: the lane of a DDL and the control
    /// lane may be at one row at the same time.
    pub(crate) fn statement(&self, edit: &RowEdit) -> String {
        match edit {
            RowEdit::Stands(row) if self.rows.contains_key(&row.name) => {
                row.update_standing(&self.tables)
            }
            RowEdit::Looks(row) if self.rows.contains_key(&row.name) => {
                row.update_structure(&self.tables)
            }
            edit => edit.statement(&self.tables),
        }
    }

    /// Notes a change of `dm_table` that is durable.
    pub(crate) fn remember(&mut self, edit: RowEdit) {
        if let RowEdit::Looks(row) = &edit
            && let Some(known) = self.rows.get_mut(&row.name)
        {
            known.structure.clone_from(&row.structure);
            return;
        }
        edit.remember(&mut self.rows);
    }

    /// Writes rows of `dm_table` and the progress, without any data.
    pub(crate) async fn record(
        &mut self,
        rows: Vec<TableRow>,
        progress: &Progress,
    ) -> Result<(), Stop> {
        let edits: Vec<RowEdit> = rows
            .into_iter()
            .map(|row| RowEdit::Put(Box::new(row)))
            .collect();
        let statements: Vec<String> = edits
            .iter()
            .map(|edit| edit.statement(&self.tables))
            .collect();
        self.lane
            .commit(&statements, progress)
            .await
            .map_err(|refused| refused.into_stop("writing progress"))?;
        edits
            .into_iter()
            .for_each(|edit| edit.remember(&mut self.rows));
        Ok(())
    }

    /// Takes over a row that another lane has written.
    pub(crate) fn learn(&mut self, row: TableRow) {
        self.rows.insert(row.name.clone(), row);
    }

    /// Another lane has removed the row, or answers for it from now on.
    pub(crate) fn forget(&mut self, name: &TableName) {
        self.rows.remove(name);
    }

    /// A second reader writes the row from now on.
    pub(crate) fn is_catching_up(&mut self, name: &TableName, lane: i32) {
        if let Some(row) = self.rows.get_mut(name) {
            row.state = TableState::CatchingUp;
            row.catch_up_lane = lane;
        }
    }

    /// Runs statements on meta rows.
    pub(crate) async fn run(&mut self, statements: &[String]) -> Result<(), Stop> {
        let progress = self.lane.progress().clone();
        self.lane
            .commit(statements, &progress)
            .await
            .map(drop)
            .map_err(|refused| refused.into_stop("writing progress"))
    }

    pub(crate) fn tables(&self) -> &MetaTables {
        &self.tables
    }

    /// Takes over what a copier did; its row is durable already, except for a failure.
    pub(crate) async fn copied(&mut self, name: &TableName, copied: Copied) -> Result<(), Stop> {
        match copied {
            Copied::Done(row) => self.learn(*row),
            Copied::Failed(error) => {
                let Some(mut row) = self.rows.get(name).cloned() else {
                    return Ok(());
                };
                row.error = error.to_string();
                // The copier may have got as far as `Loading`: only its own row knows.
                let statement = format!(
                    "UPDATE {} SET error = {} WHERE {} AND db = {} AND tbl = {}",
                    self.tables.table(),
                    quote_text(&row.error),
                    self.tables.key(),
                    quote_text(&name.schema),
                    quote_text(&name.table)
                );
                let progress = self.lane.progress().clone();
                self.lane
                    .commit(&[statement], &progress)
                    .await
                    .map_err(|refused| refused.into_stop("recording a failed copy"))?;
                self.rows.insert(name.clone(), row);
            }
        }
        Ok(())
    }

    fn joined(&self, table: &TableName) -> Option<RowEdit> {
        let mut row = self.rows.get(table)?.clone();
        // It was gone when it was to be copied.
        if row.structure.is_none() {
            return Some(RowEdit::Delete(table.clone()));
        }
        row.state = TableState::Joined;
        row.cursor = None;
        row.beyond = Default::default();
        row.error = String::new();
        Some(RowEdit::Put(Box::new(row)))
    }
}

/// A change of `dm_table`.
#[derive(Clone, Debug)]
pub(crate) enum RowEdit {
    /// The whole row.
    Put(Box<TableRow>),
    /// State, cursor and error.
    Stands(Box<TableRow>),
    /// Structure.
    Looks(Box<TableRow>),
    Delete(TableName),
}

impl RowEdit {
    fn statement(&self, tables: &MetaTables) -> String {
        match self {
            Self::Put(row) | Self::Stands(row) | Self::Looks(row) => row.upsert(tables),
            Self::Delete(name) => TableRow::delete(name, tables),
        }
    }

    fn remember(self, rows: &mut BTreeMap<TableName, TableRow>) {
        match self {
            Self::Put(row) | Self::Stands(row) | Self::Looks(row) => {
                rows.insert(row.name.clone(), *row);
            }
            Self::Delete(name) => {
                rows.remove(&name);
            }
        }
    }
}
