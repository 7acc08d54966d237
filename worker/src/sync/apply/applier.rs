//! A batch becomes one fenced commit; a statement that the target refuses stops its table, not the others (P5).

use std::collections::BTreeMap;

use dm_model::{DmError, Position, TableName, codes, config::OnError};
use tracing::warn;

use super::{Committed, Encoder};
use crate::sync::{
    control::Control,
    load::Copied,
    meta::{Intent, Lane, LaneError, MetaTables, Progress, TableRow, TableState},
    schedule::Batch,
    stop::Stop,
    track::{Standing, Tracker},
    value::quote_text,
};

/// Bytes of a refused statement that an error shows.
const SHOWN_BYTES: usize = 500;

/// Commits batches through lane 0.
#[derive(Debug)]
pub(crate) struct Applier {
    pub(super) lane: Lane,
    pub(super) tables: MetaTables,
    pub(super) control: Control,
    pub(super) rows: BTreeMap<TableName, TableRow>,
    on_error: OnError,
    json_is_text: bool,
}

impl Applier {
    pub(crate) fn new(
        lane: Lane,
        tables: MetaTables,
        control: Control,
        rows: Vec<TableRow>,
        on_error: OnError,
    ) -> Self {
        let json_is_text = lane.server().kind == crate::database::ServerKind::Mariadb;
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
            json_is_text,
        }
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

    /// Commits a batch, without the tables that had to stop for it.
    pub(crate) async fn apply(
        &mut self,
        batch: Batch,
        tracker: &mut Tracker,
    ) -> Result<Committed, Stop> {
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
    ) -> Result<Committed, Stop> {
        let Some(from) = self.at().cloned() else {
            return Err(Stop::Definite(DmError::new(
                &codes::META_DAMAGED,
                "the subtask has no position",
            )));
        };
        loop {
            let end = batch.end(&from);
            let mut encoder = Encoder::new(self.json_is_text);
            for transaction in &batch.transactions {
                for item in &transaction.items {
                    item.rows
                        .iter()
                        .for_each(|change| encoder.change(&item.table, change));
                }
            }
            let mut cursors = None;
            let mut edits = changed.clone();
            let mut floor = tracker.cursors.floor().cloned();
            if !tracker.cursors.all_joined() {
                let mut moved = tracker.cursors.clone();
                edits.extend(
                    moved
                        .advance(&end)
                        .iter()
                        .filter_map(|table| self.joined(table)),
                );
                floor = moved.floor().cloned();
                cursors = Some(moved);
            }
            let mut statements = encoder.statements;
            statements.extend(edits.iter().map(|edit| edit.statement(&self.tables)));
            let progress = Progress {
                at: Some(end.clone()),
                floor,
                intent: intent.clone(),
                finished: false,
            };
            match self.lane.commit(&statements, &progress).await {
                Ok(found) => {
                    if let Some(moved) = cursors {
                        tracker.cursors = moved;
                    }
                    edits
                        .into_iter()
                        .for_each(|edit| edit.remember(&mut self.rows));
                    let mismatches = encoder
                        .expects
                        .iter()
                        .zip(found)
                        .filter(|(expect, found)| *found < expect.rows)
                        .count() as u64;
                    return Ok(Committed {
                        at: end,
                        committed_ms: batch
                            .transactions
                            .last()
                            .map_or(0, |last| last.committed_ms),
                        rows: batch.rows() as u64,
                        bytes: batch.bytes() as u64,
                        mismatches,
                    });
                }
                Err(LaneError::Stop(stop)) => return Err(stop),
                Err(LaneError::Statement { index, error }) => {
                    let statement = statements.get(index).map_or("", String::as_str);
                    let Some(expect) = encoder.expects.get(index) else {
                        return Err(Stop::Definite(error.annotate("writing progress")));
                    };
                    let first = batch
                        .transactions
                        .first()
                        .map(|first| first.id.to_string())
                        .unwrap_or_default();
                    let error = error.annotate(format!(
                        "table {}, in a batch that starts at {first}, statement {}",
                        expect.table,
                        shown(statement)
                    ));
                    let stopped = vec![expect.table.clone()];
                    self.stop_tables(&stopped, &error, tracker).await?;
                    batch = batch.without(&stopped);
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
            edits.push(RowEdit::Put(row));
        }
        let statements: Vec<String> = edits
            .iter()
            .map(|edit| edit.statement(&self.tables))
            .collect();
        let progress = self.lane.progress().clone();
        self.lane
            .commit(&statements, &progress)
            .await
            .map_err(|refused| match refused {
                LaneError::Stop(stop) => stop,
                LaneError::Statement { error, .. } => {
                    Stop::Definite(error.annotate("stopping a table"))
                }
            })?;
        edits
            .into_iter()
            .for_each(|edit| edit.remember(&mut self.rows));
        Ok(())
    }

    /// Writes rows of `dm_table` and the progress, without any data.
    pub(crate) async fn record(
        &mut self,
        rows: Vec<TableRow>,
        progress: &Progress,
    ) -> Result<(), Stop> {
        let edits: Vec<RowEdit> = rows.into_iter().map(RowEdit::Put).collect();
        let statements: Vec<String> = edits
            .iter()
            .map(|edit| edit.statement(&self.tables))
            .collect();
        self.lane
            .commit(&statements, progress)
            .await
            .map_err(|refused| match refused {
                LaneError::Stop(stop) => stop,
                LaneError::Statement { error, .. } => {
                    Stop::Definite(error.annotate("writing progress"))
                }
            })?;
        edits
            .into_iter()
            .for_each(|edit| edit.remember(&mut self.rows));
        Ok(())
    }

    /// Takes over what a copier did; its row is durable already, except for a failure.
    pub(crate) async fn copied(
        &mut self,
        name: &TableName,
        copied: Copied,
        tracker: &mut Tracker,
    ) -> Result<(), Stop> {
        match copied {
            Copied::Done(row) => {
                if let Some(cursor) = &row.cursor {
                    tracker
                        .cursors
                        .set(name.clone(), Standing::Ahead(cursor.clone()));
                }
                if let Some(structure) = &row.structure {
                    tracker.learn(name, structure.clone());
                }
                self.rows.insert(name.clone(), *row);
            }
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
                self.lane.commit(&[statement], &progress).await.map_err(
                    |refused| match refused {
                        LaneError::Stop(stop) => stop,
                        LaneError::Statement { error, .. } => Stop::Definite(error),
                    },
                )?;
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
        row.error = String::new();
        Some(RowEdit::Put(row))
    }
}

/// A change of `dm_table`.
#[derive(Clone, Debug)]
pub(super) enum RowEdit {
    Put(TableRow),
    Delete(TableName),
}

impl RowEdit {
    fn statement(&self, tables: &MetaTables) -> String {
        match self {
            Self::Put(row) => row.upsert(tables),
            Self::Delete(name) => TableRow::delete(name, tables),
        }
    }

    fn remember(self, rows: &mut BTreeMap<TableName, TableRow>) {
        match self {
            Self::Put(row) => {
                rows.insert(row.name.clone(), row);
            }
            Self::Delete(name) => {
                rows.remove(&name);
            }
        }
    }
}

fn shown(statement: &str) -> String {
    let mut end = statement.len().min(SHOWN_BYTES);
    while !statement.is_char_boundary(end) {
        end -= 1;
    }
    let more = if end < statement.len() { "…" } else { "" };
    format!("{}{more}", statement.get(..end).unwrap_or_default())
}
