//! Copies one table.

use std::sync::{
    Arc, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use dm_ddl::Table;
use dm_model::{DmError, Flavor, TableName, codes, config::OnDuplicate};
use tokio::sync::{Mutex, mpsc};
use tracing::warn;

use super::{
    CopiedRange, LoadContext, RangeMap, SnapshotAt, chunks,
    chunks::{Chunk, Part, Reading},
    gaps,
    key_value::{KeyUse, key_use},
    target_table,
    work::{Range, Work},
};
use crate::database::ServerKind;
use crate::sync::{
    apply::{ensure_transactional, insert_rows},
    meta::{ChunkRow, Lane, Outcome, Progress, TableRow, TableState},
    stop::Stop,
    transform::TablePlan,
    upstream::{Opened, Snapshot},
    value::quote_name,
};

/// Chunks that a reader is ahead of the one that is being written.
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

/// Copies a table through lanes of its own, one per reader.
#[derive(Debug)]
pub(crate) struct Copier<'a> {
    context: &'a LoadContext,
    /// Never empty.
    lanes: &'a mut [Lane],
    /// Rows that the source expects in the table.
    estimate: u64,
}

/// A table that is being written, shared by its writers.
struct Writing {
    context: LoadContext,
    reading: Arc<Reading>,
    at: SnapshotAt,
    name: TableName,
    /// The target table had rows before.
    had_rows: bool,
    /// The one reader of a table without ranges has sent everything.
    stream_ended: AtomicBool,
    rows: AtomicU64,
    bytes: AtomicU64,
}

type Parts = Arc<Mutex<mpsc::Receiver<Result<Part, DmError>>>>;

impl<'a> Copier<'a> {
    pub(crate) fn new(context: &'a LoadContext, lanes: &'a mut [Lane], estimate: u64) -> Self {
        Self {
            context,
            lanes,
            estimate,
        }
    }

    /// Copies the table of `row`, which follows the copy.
    pub(crate) async fn copy(&mut self, row: &mut TableRow) -> Result<Copied, Stop> {
        let name = row.name.clone();
        let opened = Snapshot::open(
            &self.context.upstream,
            &name,
            self.lanes.len(),
            self.context.args.consistency,
            &self.context.control,
        )
        .await?;
        let snapshot = match opened {
            Opened::Snapshot(snapshot) => *snapshot,
            Opened::Gone(position) => {
                // Its changes and its DROP up to here are not for us; a table of that name that comes later is.
                let gone = TableRow {
                    cursor: Some(position),
                    ..TableRow::new(name.clone(), TableState::Loaded)
                };
                let forget = ChunkRow::delete_all(&self.context.tables, &name);
                self.commit(vec![forget, gone.upsert(&self.context.tables)])
                    .await?;
                return Ok(Copied::Done(Box::new(gone)));
            }
        };
        let Snapshot {
            readers,
            at,
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
        let key_use = key_use(&plan, &structure);
        let finished = self
            .prepare(row, &plan, &create, &structure, key_use)
            .await?;
        let count = |get: fn(&ChunkRow) -> u64| finished.iter().map(get).sum::<u64>();
        (row.rows, row.bytes) = (count(|chunk| chunk.rows), count(|chunk| chunk.bytes));
        publish(self.context, row);
        let reading = Arc::new(Reading {
            index: index_of(&plan, &structure),
            condition: self.context.args.condition.clone(),
            work: self.work(&finished, row.rows),
            key_use,
            plan,
        });
        let writing = Arc::new(Writing {
            context: self.context.clone(),
            reading: reading.clone(),
            at: at.clone(),
            name: name.clone(),
            had_rows: row.had_rows,
            stream_ended: AtomicBool::new(false),
            rows: AtomicU64::new(row.rows),
            bytes: AtomicU64::new(row.bytes),
        });
        self.transfer(readers, writing.clone()).await?;
        row.rows = writing.rows.load(Ordering::Relaxed);
        row.bytes = writing.bytes.load(Ordering::Relaxed);
        self.finish(row, at, structure, key_use).await?;
        Ok(Copied::Done(Box::new(row.clone())))
    }

    /// Reads and writes until all is in.
    async fn transfer(
        &mut self,
        readers: Vec<mysql_async::Conn>,
        writing: Arc<Writing>,
    ) -> Result<(), Stop> {
        let ranges = writing.reading.key_use != KeyUse::None;
        let mut reading = tokio::task::JoinSet::new();
        let mut queues: Vec<Parts> = Vec::new();
        for conn in readers {
            let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
            reading.spawn(chunks::read(conn, writing.reading.clone(), sender));
            queues.push(Arc::new(Mutex::new(receiver)));
            if !ranges {
                // One stream; all writers take from it.
                break;
            }
        }
        let Some(first) = queues.first().cloned() else {
            return Ok(());
        };
        let writers = self.lanes.iter_mut().enumerate().map(|(index, lane)| {
            // A range is written by one lane: its progress must not overtake its rows.
            let queue = if ranges {
                queues.get(index).cloned()
            } else {
                Some(first.clone())
            };
            let writing = writing.clone();
            async move {
                let Some(queue) = queue else { return Ok(()) };
                let written = write(&writing, lane, queue).await;
                if written.is_err() {
                    // The others end after their commits: no statement of this copy is left behind at the target.
                    writing.reading.work.end();
                }
                written
            }
        });
        let mut failed: Option<Stop> = None;
        for ended in futures::future::join_all(writers).await {
            failed = match (failed, ended) {
                (failed, Ok(())) => failed,
                // A reader that was told to end says less than the one that failed.
                (None | Some(Stop::Transient(_)), Err(stop)) => Some(stop),
                (failed, Err(_)) => failed,
            };
        }
        failed.map_or(Ok(()), Err)
    }

    fn work(&self, finished: &[ChunkRow], copied: u64) -> Work {
        let next = finished.iter().map(|chunk| chunk.number + 1).max();
        let next = next.unwrap_or(0);
        let done: Vec<CopiedRange> = finished.iter().map(|chunk| chunk.range.clone()).collect();
        let open = gaps(&done);
        let weight = self.estimate.saturating_sub(copied) / (open.len() as u64).max(1);
        let ranges: Vec<Range> = open
            .into_iter()
            .zip(next..)
            .map(|((after, upto), number)| Range {
                number,
                after,
                upto,
                weight,
            })
            .collect();
        let next = next + ranges.len() as u64;
        Work::new(ranges, next)
    }

    /// Records that the table is copied, and as of which position.
    async fn finish(
        &mut self,
        row: &mut TableRow,
        at: SnapshotAt,
        structure: Arc<Table>,
        key_use: KeyUse,
    ) -> Result<(), Stop> {
        let mut statements = Vec::new();
        let (mut low, mut window) = (at.low, at.high);
        if key_use == KeyUse::Compared {
            let map = RangeMap::new(self.ranges(&row.name).await?);
            if map.is_plain() {
                statements.push(ChunkRow::delete_all(&self.context.tables, &row.name));
            } else {
                window = map.high().cloned();
            }
            low = map.low().cloned().unwrap_or(low);
        }
        let loaded = TableRow {
            state: TableState::Loaded,
            cursor: Some(low),
            window,
            structure: Some(Table::clone(&structure)),
            ..row.clone()
        };
        statements.push(loaded.upsert(&self.context.tables));
        self.commit(statements).await?;
        *row = loaded;
        publish(self.context, row);
        Ok(())
    }

    async fn ranges(&mut self, name: &TableName) -> Result<Vec<CopiedRange>, Stop> {
        Ok(self
            .chunks(name)
            .await?
            .into_iter()
            .map(|chunk| chunk.range)
            .collect())
    }

    async fn chunks(&mut self, name: &TableName) -> Result<Vec<ChunkRow>, Stop> {
        let (mut conn, _) = self.context.target.connect(&self.context.control).await?;
        let chunks = ChunkRow::read(&mut conn, &self.context.tables, name).await?;
        let _closed = conn.disconnect().await;
        Ok(chunks)
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

    /// Makes the target table, or checks the one that is there; then what an earlier copy left is taken over or deleted. Returns
    /// the ranges that need not be copied again (R7).
    async fn prepare(
        &mut self,
        row: &mut TableRow,
        plan: &TablePlan,
        create: &str,
        structure: &Arc<Table>,
        key_use: KeyUse,
    ) -> Result<Vec<ChunkRow>, Stop> {
        self.context.control.check()?;
        let (mut conn, _) = self.context.target.connect(&self.context.control).await?;
        target_table::ensure(
            &mut conn,
            &self.context.upstream,
            &self.context.transformer,
            plan,
            create,
            structure,
        )
        .await?;
        ensure_transactional(&mut conn, &plan.target).await?;
        let mut finished = Vec::new();
        if row.state == TableState::Waiting {
            row.had_rows = !target_table::is_empty(&mut conn, plan).await?;
            if row.had_rows {
                self.refuse_rows(plan, key_use)?;
                warn!(table = %row.name, target = %plan.target, on_duplicate = ?self.context.on_duplicate, "the target table has rows");
            }
        } else {
            finished = self.chunks(&row.name).await?;
            let same = key_use == KeyUse::Compared && row.structure.as_ref() == Some(structure);
            if row.had_rows && !same && !finished.is_empty() {
                let message = format!(
                    "the structure of {} changed while it was copied over rows that were at the target before",
                    plan.source
                );
                return Err(Stop::Definite(DmError::new(
                    &codes::TARGET_NOT_EMPTY,
                    message,
                )));
            }
            // Where ranges are recorded, a row without one is not ours.
            let starts_over = !same || finished.is_empty() && key_use != KeyUse::Compared;
            if starts_over && !row.had_rows {
                finished.clear();
                self.delete_own_rows(plan).await?;
            }
        }
        let _closed = conn.disconnect().await;
        row.state = TableState::Loading;
        row.structure = Some(Table::clone(structure));
        (row.cursor, row.window) = (None, None);
        row.error = String::new();
        let mut statements = vec![row.upsert(&self.context.tables)];
        if finished.is_empty() {
            // Of a table that was loaded before.
            statements.push(ChunkRow::delete_all(&self.context.tables, &row.name));
        }
        self.commit(statements).await?;
        Ok(finished)
    }

    /// Rows that were there before must never be taken for ours, nor ours for theirs: that takes ranges of keys that we compare.
    fn refuse_rows(&self, plan: &TablePlan, key_use: KeyUse) -> Result<(), Stop> {
        let why = match (self.context.on_duplicate, key_use) {
            (OnDuplicate::Error, _) => "and on-duplicate-logical is error",
            (_, KeyUse::Compared) => return Ok(()),
            _ => "and its key does not tell them from the rows that are copied",
        };
        let message = format!(
            "target table {} of {} has rows that this task did not write, {why}",
            plan.target, plan.source
        );
        Err(Stop::Definite(DmError::new(
            &codes::TARGET_NOT_EMPTY,
            message,
        )))
    }

    /// There were no such rows when the copy began, so all of them are ours (R4: nothing of the table is streamed while it loads).
    async fn delete_own_rows(&mut self, plan: &TablePlan) -> Result<(), Stop> {
        let forget = ChunkRow::delete_all(&self.context.tables, &plan.source);
        // No lane may have a commit of the earlier copy on its way: its sequence number moves.
        for lane in self.lanes.iter_mut() {
            commit(lane, vec![forget.clone()]).await?;
        }
        loop {
            let delete = format!(
                "DELETE FROM {}{} LIMIT {DELETE_ROWS}",
                plan.target_name(),
                target_table::own_rows(plan)
            );
            let found = self.commit(vec![delete]).await?;
            if found.first() == Some(&0) {
                return Ok(());
            }
        }
    }

    async fn commit(&mut self, statements: Vec<String>) -> Result<Outcome, Stop> {
        match self.lanes.first_mut() {
            Some(lane) => commit(lane, statements).await,
            None => Ok(Outcome::default()),
        }
    }
}

/// Writes the chunks of one queue through one lane.
async fn write(writing: &Writing, lane: &mut Lane, queue: Parts) -> Result<(), Stop> {
    loop {
        let part = queue.lock().await.recv().await;
        let chunk = match part {
            Some(Ok(Part::Chunk(chunk))) => chunk,
            // Also for the other writers of the same stream.
            Some(Ok(Part::End)) => {
                writing.stream_ended.store(true, Ordering::Release);
                return Ok(());
            }
            Some(Err(error)) => return Err(again_when_changed(error, &writing.name)),
            None if writing.is_done() => return Ok(()),
            None => {
                return Err(Stop::Transient(DmError::new(
                    &codes::DB_BAD_CONN,
                    format!("the reader of {} ended before its table did", writing.name),
                )));
            }
        };
        writing.chunk(lane, chunk).await?;
        if writing.reading.work.has_ended() {
            return Err(Stop::Transient(DmError::new(
                &codes::DB_BAD_CONN,
                format!("another part of {} could not be copied", writing.name),
            )));
        }
    }
}

impl Writing {
    /// A stream that is shared by writers ends for all when one has seen its end.
    fn is_done(&self) -> bool {
        self.reading.key_use == KeyUse::None && self.stream_ended.load(Ordering::Acquire)
    }

    async fn chunk(&self, lane: &mut Lane, chunk: Chunk) -> Result<(), Stop> {
        let is_mariadb = lane.server().kind == ServerKind::Mariadb;
        let plan = &self.reading.plan;
        let ruled = match &plan.rules {
            None => None,
            Some(rules) => {
                let rows = chunk.rows.iter().cloned();
                let rows: Result<Vec<_>, DmError> =
                    rows.filter_map(|row| rules.row(row).transpose()).collect();
                Some(rows?)
            }
        };
        let written = ruled.as_ref().unwrap_or(&chunk.rows);
        let mut statements = insert_rows(plan, written, is_mariadb);
        if statements.is_empty() && !written.is_empty() {
            return Err(Stop::Definite(DmError::new(
                &codes::UNSUPPORTED_COLUMN,
                format!("rows of {} cannot be written", self.name),
            )));
        }
        if self.had_rows {
            let key = self.reading.plan.key.first();
            let key = key.and_then(|index| self.reading.plan.columns.get(*index));
            let key = key.map_or_else(String::new, |key| quote_name(&key.column.name));
            let inserts = statements
                .iter_mut()
                .filter(|statement| statement.starts_with("INSERT INTO "));
            inserts.for_each(|statement| over_rows(statement, self.context.on_duplicate, &key));
        }
        let (rows, bytes) = (chunk.rows.len() as u64, chunk.bytes as u64);
        if let Some(reached) = &chunk.reached {
            let progress = ChunkRow {
                number: reached.number,
                range: CopiedRange {
                    after: reached.after.clone(),
                    upto: reached.upto.clone(),
                    snapshot: self.at.clone(),
                },
                rows,
                bytes,
            };
            statements.push(progress.advance(&self.context.tables, &self.name));
        }
        commit(lane, statements)
            .await
            .map_err(|stop| name_part(stop, &chunk))?;
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let per_s = self.context.rate.add(bytes);
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.context
            .control
            .update(|status| status.load_bytes_per_s = per_s);
        publish_counts(&self.context, &self.name, TableState::Loading, rows, bytes);
        Ok(())
    }
}

/// Makes an INSERT obey `on-duplicate-logical`. `key` is a column of the key. INSERT IGNORE would let bad values pass too.
fn over_rows(statement: &mut String, on_duplicate: OnDuplicate, key: &str) {
    match on_duplicate {
        OnDuplicate::Error => {}
        OnDuplicate::Replace => statement.replace_range(.."INSERT".len(), "REPLACE"),
        OnDuplicate::Ignore => {
            statement.push_str(&format!(" ON DUPLICATE KEY UPDATE {key} = {key}"));
        }
    }
}

async fn commit(lane: &mut Lane, statements: Vec<String>) -> Result<Outcome, Stop> {
    lane.commit(&statements, &Progress::default())
        .await
        .map_err(|refused| refused.into_stop("copying a table"))
}

fn publish(context: &LoadContext, row: &TableRow) {
    publish_counts(context, &row.name, row.state, row.rows, row.bytes);
}

fn publish_counts(
    context: &LoadContext,
    name: &TableName,
    state: TableState,
    rows: u64,
    bytes: u64,
) {
    context.control.update(|status| {
        let name = name.to_string();
        let mut done = 0;
        for table in &mut status.tables {
            if table.source == name {
                (table.state, table.rows, table.bytes, table.error) =
                    (state.text(), rows, bytes, None);
            }
            done += table.bytes;
        }
        status.load_bytes_done = done;
        status.load_bytes_total = status.load_bytes_total.max(done);
    });
}

/// Name of the index that the key of the plan is.
fn index_of(plan: &TablePlan, structure: &Table) -> Option<String> {
    structure
        .keys
        .iter()
        .find(|key| {
            key.is_unique()
                && structure.key_columns(key).as_ref() == Some(&plan.key)
                && key.parts.iter().all(|part| part.prefix.is_none())
        })
        .map(|key| key.name.clone())
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
fn name_part(stop: Stop, chunk: &Chunk) -> Stop {
    match stop {
        Stop::Definite(error) => {
            Stop::Definite(error.annotate(format!("copying rows {}", chunk.part)))
        }
        other => other,
    }
}
