//! Copies one table.

use std::sync::{Arc, PoisonError};

use dm_ddl::Table;
use dm_model::{DmError, Flavor, TableName, codes};
use tokio::sync::mpsc;

use super::{
    LoadContext, chunks,
    chunks::{Chunk, Part},
    target_table,
};
use crate::database::ServerKind;
use crate::sync::{
    apply::{ensure_transactional, insert_rows},
    meta::{Lane, Outcome, Progress, TableRow, TableState},
    stop::Stop,
    transform::TablePlan,
    upstream::{Opened, Snapshot},
};

/// Chunks read ahead of the one that is being written.
const CHUNKS_AHEAD: usize = 2;
/// MySQL logs the rows that a cascade changes since 9.6.
const LOGS_CASCADES_SINCE: u32 = 90_600;
/// The server's numbers for a table that is not what it was when the snapshot began.
const CHANGED: [u16; 4] = [1412, 1146, 1054, 1684];
/// Rows deleted per commit when a table starts over.
const DELETE_ROWS: usize = 5_000;

/// What became of a table.
#[derive(Clone, Debug)]
pub(crate) enum Copied {
    /// Its row, state `Loaded`.
    Done(Box<TableRow>),
    /// It cannot be copied until somebody acts.
    Failed(DmError),
}

/// Copies tables through one lane.
#[derive(Debug)]
pub(crate) struct Copier {
    context: LoadContext,
    lane: Lane,
}

impl Copier {
    pub(crate) fn new(context: LoadContext, lane: Lane) -> Self {
        Self { context, lane }
    }

    /// Copies the table of `row`, which follows the copy.
    pub(crate) async fn copy(&mut self, row: &mut TableRow) -> Result<Copied, Stop> {
        let name = row.name.clone();
        let snapshot =
            match Snapshot::open(&self.context.upstream, &name, &self.context.control).await? {
                Opened::Snapshot(snapshot) => *snapshot,
                Opened::Gone(position) => {
                    // Its changes and its DROP up to here are not for us; a table of that name that comes later is.
                    let gone = TableRow {
                        state: TableState::Loaded,
                        cursor: Some(position),
                        ..TableRow::new(name.clone(), TableState::Loaded)
                    };
                    self.commit(vec![gone.upsert(&self.context.tables)]).await?;
                    return Ok(Copied::Done(Box::new(gone)));
                }
            };
        let Snapshot {
            conn,
            position,
            create,
            structure,
            lock: _held_until_read,
        } = snapshot;
        self.refuse_unlogged_cascades(&name, &create).await?;
        let structure = Arc::new(structure);
        let plan = self
            .context
            .transformer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .plan(&name, &structure)?;
        self.prepare(row, &plan, &create, &structure).await?;
        self.publish(row);
        let is_mariadb = self.lane.server().kind == ServerKind::Mariadb;
        let (sender, mut receiver) = mpsc::channel(CHUNKS_AHEAD);
        let reader = tokio::spawn(chunks::read(conn, plan.clone(), sender));
        // A reader whose copier is gone must not go on reading.
        let reader = AbortOnDrop(reader);
        loop {
            let part = receiver.recv().await.ok_or_else(|| {
                Stop::Transient(DmError::new(
                    &codes::DB_BAD_CONN,
                    format!("the reader of {name} ended before its table did"),
                ))
            })?;
            let chunk = match part.map_err(|error| again_when_changed(error, &name))? {
                Part::Chunk(chunk) => chunk,
                Part::End => break,
            };
            row.rows += chunk.rows.len() as u64;
            row.bytes += chunk.bytes as u64;
            let mut statements = insert_rows(&plan, &chunk.rows, is_mariadb);
            statements.push(row.upsert(&self.context.tables));
            self.commit(statements)
                .await
                .map_err(|stop| name_range(stop, &chunk))?;
            self.publish(row);
        }
        drop(reader);
        let loaded = TableRow {
            state: TableState::Loaded,
            cursor: Some(position),
            structure: Some(Table::clone(&structure)),
            ..row.clone()
        };
        self.commit(vec![loaded.upsert(&self.context.tables)])
            .await?;
        *row = loaded;
        self.publish(row);
        Ok(Copied::Done(Box::new(row.clone())))
    }

    /// Where the source does not log what a cascade does, the target's children would silently stay as they are (R18).
    async fn refuse_unlogged_cascades(&self, name: &TableName, create: &str) -> Result<(), Stop> {
        let create = create.to_uppercase();
        let cascades = [
            "ON DELETE CASCADE",
            "ON DELETE SET NULL",
            "ON UPDATE CASCADE",
            "ON UPDATE SET NULL",
        ];
        let Some(action) = cascades.into_iter().find(|action| create.contains(action)) else {
            return Ok(());
        };
        let (conn, server) = self.context.upstream.connect().await?;
        let _closed = conn.disconnect().await;
        if server.flavor() == Flavor::Mysql && server.number >= LOGS_CASCADES_SINCE {
            return Ok(());
        }
        let message = format!(
            "{name} has a foreign key {action}, and its server does not log what that changes"
        );
        Err(Stop::Definite(
            DmError::new(&codes::NOT_YET_SUPPORTED, message).with_workaround(
                "leave the table out by the block-allow-list, or drop the action upstream",
            ),
        ))
    }

    /// Makes the target table, or checks the one that is there; then an empty table and a row in state `Loading`.
    async fn prepare(
        &mut self,
        row: &mut TableRow,
        plan: &TablePlan,
        create: &str,
        structure: &Table,
    ) -> Result<(), Stop> {
        self.context.control.check()?;
        let transformer = self.context.transformer.clone();
        let (mut conn, _) = self.context.target.connect(&self.context.control).await?;
        target_table::ensure(
            &mut conn,
            &self.context.upstream,
            &transformer,
            plan,
            create,
            structure,
        )
        .await?;
        if row.state == TableState::Waiting {
            if !target_table::is_empty(&mut conn, plan).await? {
                let message = format!(
                    "target table {} of {} has rows that this task did not write",
                    plan.target, plan.source
                );
                return Err(Stop::Definite(DmError::new(
                    &codes::TARGET_NOT_EMPTY,
                    message,
                )));
            }
            ensure_transactional(&mut conn, &plan.target).await?;
            row.state = TableState::Loading;
        } else {
            ensure_transactional(&mut conn, &plan.target).await?;
            self.delete_own_rows(plan).await?;
        }
        (row.rows, row.bytes, row.error) = (0, 0, String::new());
        self.commit(vec![row.upsert(&self.context.tables)]).await?;
        Ok(())
    }

    /// The table was empty when its copy began, so every row in it is ours (R4: nothing of it is streamed while it loads).
    async fn delete_own_rows(&mut self, plan: &TablePlan) -> Result<(), Stop> {
        loop {
            let found = self
                .commit(vec![format!(
                    "DELETE FROM {} LIMIT {DELETE_ROWS}",
                    plan.target_name()
                )])
                .await?;
            if found.first() == Some(&0) {
                return Ok(());
            }
        }
    }

    async fn commit(&mut self, statements: Vec<String>) -> Result<Outcome, Stop> {
        self.lane
            .commit(&statements, &Progress::default())
            .await
            .map_err(|refused| refused.into_stop("copying a table"))
    }

    fn publish(&self, row: &TableRow) {
        self.context.control.update(|status| {
            let name = row.name.to_string();
            let mut done = 0;
            for table in &mut status.tables {
                if table.source == name {
                    (table.state, table.rows, table.bytes, table.error) =
                        (row.state.text(), row.rows, row.bytes, None);
                }
                done += table.bytes;
            }
            status.load_bytes_done = done;
            status.load_bytes_total = status.load_bytes_total.max(done);
        });
    }
}

/// A snapshot that a DDL has ended is opened again; the copy starts over with the new structure.
fn again_when_changed(error: DmError, name: &TableName) -> Stop {
    let text = error.to_string();
    let changed = CHANGED
        .iter()
        .any(|number| text.contains(&format!("ERROR {number} (")));
    if changed {
        Stop::Transient(error.annotate(format!(
            "the structure of {name} changed while it was copied"
        )))
    } else {
        error.into()
    }
}

/// Adds where in the table the refused chunk lies.
fn name_range(stop: Stop, chunk: &Chunk) -> Stop {
    match stop {
        Stop::Definite(error) => {
            Stop::Definite(error.annotate(format!("copying rows {}", chunk.range)))
        }
        other => other,
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
