//! A second reader: applies what its tables missed, from their cursors up to where they join the main stream (R5, R7, R21, R33).
//!
//! It has a lane, a tracker and structures of its own. How far it is stands in its lane's row and counts for all of its tables; a table
//! leaves it only by a commit through that lane.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dm_model::{DmError, Position, TableName, codes};
use mysql_async::Conn;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::info;

use super::{
    away::Event,
    reader::{self, Read, Start},
    setup,
    ticket::Ticket,
};
use crate::sync::{
    apply::{Applier, Target, fault_tables},
    control::Control,
    decode::{Item, Transaction},
    load::{CopiedRange, Judged, RangeMap, SnapshotAt},
    meta::{ChunkRow, Lane, MetaTables, Progress, TableRow, TableState, Unfinished},
    operators::Operators,
    schedule::Batch,
    stop::Stop,
    subtask::SubtaskSpec,
    track::{Change, Standing, TableCursors, TrackedItem, Tracker},
    transform::{Routed, RowChange, Transformer},
    upstream::{Upstream, list_databases, still_has},
};

/// A join point is asked for when the main stream is at most so many bytes of binlog ahead.
const NEAR_BYTES: u64 = 1 << 20;
/// After a join was taken back the next one is asked for after so many transactions, or when the source is idle.
const ASK_AGAIN_TRANSACTIONS: u32 = 200;

/// A second reader and what it needs.
pub(super) struct CatchUp {
    pub(super) spec: SubtaskSpec,
    pub(super) control: Control,
    pub(super) upstream: Upstream,
    pub(super) target: Target,
    pub(super) tables: MetaTables,
    pub(super) fold_names: bool,
    pub(super) lane: i32,
    pub(super) members: BTreeSet<TableName>,
    /// Where the main stream is.
    pub(super) stream: watch::Receiver<Position>,
    pub(super) events: mpsc::Sender<Event>,
    /// Statements that the main stream has carried out in part.
    pub(super) unfinished: Vec<Unfinished>,
}

/// A second reader at work.
struct Reading {
    lane: i32,
    control: Control,
    events: mpsc::Sender<Event>,
    operators: watch::Receiver<Arc<Operators>>,
    stream: watch::Receiver<Position>,
    applier: Applier,
    tracker: Tracker,
    transformer: Transformer,
    /// Cursors of tables whose snapshots stand at several positions, or at none that is exactly known.
    maps: BTreeMap<TableName, RangeMap>,
    /// Everything that is judged or dropped lies up to here.
    settled_at: Position,
    batch: Batch,
    /// Changes are applied whether the snapshots had them or not.
    settling: bool,
    /// After the last transaction that was taken.
    taken: Position,
    join: Option<(Position, Arc<Ticket>)>,
    /// Transactions until a join point may be asked for again.
    patience: u32,
}

impl CatchUp {
    /// Runs until the tables have joined or stopped, and reports what came of it.
    pub(super) async fn run(self) {
        let (events, lane) = (self.events.clone(), self.lane);
        if let Err(stop) = self.catch_up().await {
            let _main_gone = events
                .send(Event::Failed {
                    lane: Some(lane),
                    stop,
                })
                .await;
        }
    }

    async fn catch_up(self) -> Result<(), Stop> {
        let events = self.events.clone();
        let lane = self.lane;
        let rows = match self.begin().await? {
            Some((reader, mut reading)) => match reading.run(reader).await {
                // What this reader cannot get past stops its tables, not the others (P5).
                Err(Stop::Definite(error)) => {
                    reading.stop_all(error).await?;
                    Vec::new()
                }
                ended => ended?,
            },
            None => Vec::new(),
        };
        let _main_gone = events.send(Event::CaughtUp { lane, rows }).await;
        Ok(())
    }

    /// Reads the cursors and makes the tables this lane's. `None`: none can be caught up.
    async fn begin(self) -> Result<Option<(Reader, Reading)>, Stop> {
        let lane = Lane::open(&self.target, &self.tables, &self.control, self.lane).await?;
        let lane_at = lane.progress().at.clone();
        let (mut conn, _) = self.target.connect(&self.control).await?;
        let mut rows = TableRow::read_all(&mut conn, &self.tables).await?;
        rows.retain(|row| self.members.contains(&row.name));
        let mut maps = BTreeMap::new();
        for row in &rows {
            if let Some(map) = range_map(&mut conn, &self.tables, row).await? {
                maps.insert(row.name.clone(), map);
            }
        }
        let _closed = conn.disconnect().await;
        for row in &mut rows {
            // What this lane did before counts for its tables.
            if row.state == TableState::CatchingUp
                && row.catch_up_lane == self.lane
                && let (Some(lane_at), Some(cursor)) = (&lane_at, &mut row.cursor)
                && lane_at.reaches(cursor)
            {
                cursor.clone_from(lane_at);
            }
            row.state = TableState::CatchingUp;
            row.catch_up_lane = self.lane;
            row.error = String::new();
        }
        let (mut source, server) = self.upstream.connect().await?;
        let mut purged = Vec::new();
        for row in &rows {
            let cursor = row.cursor.clone().unwrap_or_default();
            if !still_has(&mut source, &server, &cursor).await? {
                purged.push(row.name.clone());
            }
        }
        let start = rows
            .iter()
            .filter(|row| !purged.contains(&row.name))
            .filter_map(|row| row.cursor.clone())
            .reduce(|oldest, cursor| {
                if oldest.reaches(&cursor) {
                    cursor
                } else {
                    oldest
                }
            });
        let mut cursors = TableCursors::only_given();
        for row in &rows {
            let cursor = row.cursor.clone().unwrap_or_default();
            cursors.set(row.name.clone(), Standing::Ahead(cursor));
        }
        let rules = self.spec.config.rules(&self.spec.source)?;
        let mut tracker = Tracker::new(
            self.fold_names,
            rules.list,
            cursors,
            server.flavor(),
            server.number,
        )
        .with_events(rules.events);
        tracker.subtask = format!(
            "{} -s {}",
            self.spec.config.task, self.spec.config.source_id
        );
        for (name, charset, collation) in list_databases(&mut source).await? {
            tracker.learn_database(&name, &charset, &collation);
        }
        let _closed = source.disconnect().await;
        for row in &rows {
            if let Some(structure) = &row.structure {
                tracker.learn(&row.name, structure.clone());
            }
        }
        let settled_at = rows
            .iter()
            .filter_map(|row| row.window.clone().or_else(|| row.cursor.clone()))
            .reduce(|newest, at| if at.reaches(&newest) { at } else { newest })
            .unwrap_or_default();
        let mut applier = Applier::new(
            lane,
            self.tables.clone(),
            self.control.clone(),
            Vec::new(),
            (self.spec.config.on_error, self.spec.config.on_row_mismatch),
        );
        let at = start
            .clone()
            .or(lane_at)
            .or_else(|| rows.first().and_then(|row| row.cursor.clone()))
            .unwrap_or_default();
        let mut progress = Progress {
            at: Some(at.clone()),
            ..applier.lane().progress().clone()
        };
        for unfinished in self.unfinished {
            if !progress.unfinished.contains(&unfinished) {
                progress.unfinished.push(unfinished);
            }
        }
        applier.record(rows, &progress).await?;
        let mut reading = Reading {
            lane: self.lane,
            control: self.control.clone(),
            events: self.events.clone(),
            operators: self.spec.operators.clone(),
            stream: self.stream,
            applier,
            tracker,
            transformer: setup::transformer(&self.spec)?,
            maps,
            settled_at,
            batch: Batch::default(),
            settling: false,
            taken: at.clone(),
            join: None,
            patience: 0,
        };
        for table in purged {
            let error = DmError::new(
                &codes::LOAD_TABLE_AGAIN,
                format!("the source no longer has the changes of {table} after its cursor"),
            );
            reading.stop(&[table], &error).await?;
        }
        if start.is_none() {
            return Ok(None);
        }
        let (sender, receiver) = reader::queue();
        let name = format!("{} catch-up {}", self.spec.config.task, self.lane);
        let task = tokio::spawn(reader::read(
            self.upstream.clone(),
            Start::at(at),
            name,
            sender,
        ));
        let reader = Reader {
            receiver,
            _task: AbortOnDrop(task),
        };
        Ok(Some((reader, reading)))
    }
}

struct Reader {
    receiver: mpsc::Receiver<Read>,
    _task: AbortOnDrop,
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Reading {
    /// Reads until the tables have joined, or none is left. Returns their rows.
    async fn run(&mut self, mut reader: Reader) -> Result<Vec<TableRow>, Stop> {
        loop {
            self.control.check()?;
            if !self.has_tables() {
                return Ok(Vec::new());
            }
            if self.at_join() {
                if let Some(rows) = self.end().await? {
                    return Ok(rows);
                }
                continue;
            }
            let read = match reader.receiver.try_recv() {
                Ok(read) => read,
                Err(_) if self.batch.rows() > 0 => {
                    self.flush().await?;
                    continue;
                }
                Err(_) => {
                    self.ask_when_near().await?;
                    if self.at_join() {
                        continue;
                    }
                    let read = tokio::select! {
                        read = reader.receiver.recv() => read,
                        () = self.control.stopping() => return Err(Stop::Asked),
                    };
                    read.unwrap_or_else(|| {
                        Read::Failed(DmError::new(&codes::DB_BAD_CONN, "the reader ended"))
                    })
                }
            };
            match read {
                Read::Transaction(transaction, _permit) => {
                    if let Some((point, _)) = &self.join
                        && !point.covers(&transaction.id)
                    {
                        let message =
                            format!("the source sends {} before all of {point}", transaction.id);
                        return Err(Stop::Transient(DmError::new(
                            &codes::LINEAGE_MISMATCH,
                            message,
                        )));
                    }
                    self.take(&transaction).await?;
                }
                Read::Idle => {
                    self.flush().await?;
                    self.patience = 0;
                    self.applier.lane().keep_alive().await;
                }
                Read::Failed(error) => {
                    self.flush().await?;
                    return Err(error.into());
                }
            }
        }
    }
}

impl Reading {
    /// Takes one transaction through the stages; a table that cannot go on is stopped and the transaction looked at again.
    async fn take(&mut self, transaction: &Transaction) -> Result<(), Stop> {
        self.taken.advance(&transaction.id);
        self.patience = self.patience.saturating_sub(1);
        let settling = !self.maps.is_empty() && self.settled_at.covers(&transaction.id);
        if settling != self.settling {
            self.flush().await?;
            self.settling = settling;
            self.applier.settle(settling);
        }
        let keyed = loop {
            if transaction
                .items
                .iter()
                .any(|item| matches!(item, Item::Statement(_)))
            {
                // Statements are judged and carried out with nothing before them in flight.
                self.flush().await?;
                self.tracker.operators = self.operators.borrow().clone();
            }
            let fault = match self.tracker.track(transaction) {
                Err(fault) => fault,
                Ok(tracked) => {
                    let changes: Vec<Change> = tracked
                        .items
                        .iter()
                        .filter_map(|item| match item {
                            TrackedItem::Change(change) => Some(Change::clone(change)),
                            TrackedItem::Rows { .. } => None,
                        })
                        .collect();
                    match self.transformer.transform(&tracked) {
                        Ok(routed) if changes.is_empty() => {
                            let judged = self.judged(routed);
                            match self.applier.key(judged).await {
                                Ok(keyed) => break keyed,
                                Err(fault) => fault,
                            }
                        }
                        Ok(routed) => {
                            self.applier
                                .apply_changes(
                                    routed,
                                    &changes,
                                    &mut self.tracker,
                                    &self.transformer,
                                )
                                .await?;
                            return self.report_stopped().await;
                        }
                        Err(fault) => {
                            changes
                                .iter()
                                .rev()
                                .for_each(|change| self.tracker.undo(change));
                            fault
                        }
                    }
                }
            };
            let (tables, error) = fault_tables(fault)?;
            // Everything before this transaction belongs to the stopped tables too.
            self.flush().await?;
            self.stop(&tables, &error).await?;
        };
        self.batch.push(keyed);
        if self.batch.is_full() {
            self.flush().await?;
            self.ask_when_near().await?;
        }
        Ok(())
    }

    /// Without what the snapshots have.
    fn judged(&self, mut routed: Routed) -> Routed {
        if self.maps.is_empty() || !self.settled_at.covers(&routed.id) {
            return routed;
        }
        for item in &mut routed.items {
            let Some(map) = self.maps.get(&item.table.source) else {
                continue;
            };
            let rows: Vec<RowChange> = item
                .rows
                .iter()
                .flat_map(|change| map.judge(change, &item.table, &routed.id))
                .flat_map(|judged| match judged {
                    Judged::Exactly(change) => vec![change],
                    Judged::Idempotent { remove, put } => {
                        let put = put.map(RowChange::Insert);
                        std::iter::once(RowChange::Delete(remove))
                            .chain(put)
                            .collect()
                    }
                })
                .collect();
            item.rows = Arc::new(rows);
        }
        routed.items.retain(|item| !item.rows.is_empty());
        routed.rows = routed.items.iter().map(|item| item.rows.len()).sum();
        routed
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.applier.apply(batch, &mut self.tracker).await?;
        self.report_stopped().await
    }

    async fn stop(&mut self, tables: &[TableName], error: &DmError) -> Result<(), Stop> {
        self.applier
            .stop_tables(tables, error, &mut self.tracker)
            .await?;
        self.report_stopped().await
    }

    async fn stop_all(&mut self, error: DmError) -> Result<(), Stop> {
        let error = if error.is(&codes::POSITION_PURGED) {
            DmError::new(&codes::LOAD_TABLE_AGAIN, error.message)
        } else {
            error
        };
        let tables: Vec<TableName> = self.applier.rows().keys().cloned().collect();
        self.stop(&tables, &error).await
    }

    /// A stopped table leaves this reader (R33); the commit that stopped it left its rows out.
    async fn report_stopped(&mut self) -> Result<(), Stop> {
        let stopped: Vec<TableRow> = self
            .applier
            .rows()
            .values()
            .filter(|row| row.state == TableState::Stopped)
            .cloned()
            .collect();
        for row in stopped {
            self.applier.forget(&row.name);
            let row = Box::new(row);
            let lane = self.lane;
            let _main_gone = self.events.send(Event::Stopped { lane, row }).await;
        }
        Ok(())
    }

    fn has_tables(&self) -> bool {
        !self.applier.rows().is_empty()
    }

    /// Asks the main stream where to join, when it is near.
    async fn ask_when_near(&mut self) -> Result<(), Stop> {
        if self.join.is_some() || self.patience > 0 || !self.has_tables() || !self.is_near() {
            return Ok(());
        }
        self.flush().await?;
        let (reply, answer) = oneshot::channel();
        let ask = Event::Ask {
            lane: self.lane,
            at: self.taken.clone(),
            reply,
        };
        let _main_gone = self.events.send(ask).await;
        let answer = tokio::select! {
            answer = answer => answer,
            () = self.control.stopping() => return Err(Stop::Asked),
        };
        self.join = answer.unwrap_or_default();
        if self.join.is_none() {
            self.patience = ASK_AGAIN_TRANSACTIONS;
        }
        Ok(())
    }

    fn is_near(&self) -> bool {
        let stream = self.stream.borrow();
        let (mine, theirs) = (&self.taken.binlog, &stream.binlog);
        let near = self.taken.reaches(&stream)
            || mine.file == theirs.file && theirs.offset.saturating_sub(mine.offset) <= NEAR_BYTES;
        near && self.taken.reaches(&self.settled_at)
    }

    /// Whether everything before the agreed point was read. While it was not, the rest has to be waited for.
    fn at_join(&self) -> bool {
        self.join
            .as_ref()
            .is_some_and(|(point, _)| self.taken.reaches(point))
    }

    /// Commits that the tables have everything up to the join point. `None`: the join was taken back.
    async fn end(&mut self) -> Result<Option<Vec<TableRow>>, Stop> {
        self.flush().await?;
        let Some((point, ticket)) = self.join.take() else {
            return Ok(None);
        };
        if !ticket.end() {
            self.patience = ASK_AGAIN_TRANSACTIONS;
            return Ok(None);
        }
        let rows: Vec<TableRow> = self
            .applier
            .rows()
            .values()
            .map(|row| TableRow {
                state: TableState::Joining,
                cursor: Some(point.clone()),
                window: None,
                catch_up_lane: 0,
                ..row.clone()
            })
            .collect();
        let progress = Progress {
            at: Some(point.clone()),
            ..self.applier.lane().progress().clone()
        };
        self.applier.record(rows.clone(), &progress).await?;
        info!(%point, tables = rows.len(), "caught up");
        for table in self.maps.keys() {
            let forget = ChunkRow::delete_all(self.applier.tables(), table);
            let forgotten = self.applier.lane().commit(&[forget], &progress).await;
            // They are forgotten when the table is loaded again at the latest.
            if let Err(refused) = forgotten {
                tracing::warn!(%table, ?refused, "finished ranges stay in dm_chunk");
            }
        }
        Ok(Some(rows))
    }
}

/// The cursor of a table that is more than one position; `None` for a plain one.
async fn range_map(
    conn: &mut Conn,
    tables: &MetaTables,
    row: &TableRow,
) -> Result<Option<RangeMap>, DmError> {
    let (Some(window), Some(cursor)) = (&row.window, &row.cursor) else {
        return Ok(None);
    };
    let chunks = ChunkRow::read(conn, tables, &row.name).await?;
    let mut ranges: Vec<CopiedRange> = chunks.into_iter().map(|chunk| chunk.range).collect();
    if ranges.is_empty() {
        ranges.push(CopiedRange {
            after: None,
            upto: None,
            snapshot: SnapshotAt {
                low: cursor.clone(),
                high: Some(window.clone()),
            },
        });
    }
    Ok(Some(RangeMap::new(ranges)))
}
