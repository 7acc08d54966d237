//! Transactions through the stages to the lanes, and what the lanes say back into progress.
//!
//! One task owns everything here; the lanes are tasks of their own. What is not finished is bounded by the window and by the reader's
//! bytes. A second pipeline with another base lane can run beside the first one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use dm_ddl::Table;
use dm_model::{DmError, Position, TableName, TransactionId, codes};
use rustc_hash::FxHashMap;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

use super::setup::{self, Ready};
use crate::sync::{
    apply::{
        DdlJob, DdlRefusal, Ended, Job, LaneCommit, LaneContext, Lanes, RowEdit, fault_tables,
        refuse_merge,
    },
    control::Control,
    decode::{Item, Transaction},
    meta::{Progress, TableRow, TableState, Unfinished},
    operators::Operators,
    schedule::{
        Footprint, Keyed, LaneBatch, Needs, Pace, Scheduler, Seq, Size, TableId, Window, WriteSet,
    },
    stop::Stop,
    track::{Change, TableFault, TrackedItem},
    transform::{Routed, Transformer},
};

/// Transactions that may be unfinished at the same time: the bound of the holes that a lane row has to name (R14).
const UNFINISHED_MAX: usize = 16_384;
/// Transactions between the low point and the newest one, finished or not: how far others get while one of them takes long.
const WINDOW_MAX: usize = 200_000;
/// Progress without data waits this long for company, so that a filtered stream costs few commits.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// What a pipeline is made with.
pub(super) struct PipelineOptions {
    /// The number of its control lane.
    pub(super) base_lane: i32,
    /// Lanes that apply at the same time.
    pub(super) lanes: usize,
    /// Nothing overtakes anything, DDLs included.
    pub(super) preserve_order: bool,
    /// Rows below which batches are not made smaller.
    pub(super) batch_rows_min: usize,
    /// What operators decided about statements.
    pub(super) operators: watch::Receiver<Arc<Operators>>,
}

/// What a lane has committed, for the status.
pub(super) struct Report {
    pub(super) committed: LaneCommit,
    /// When its transactions were committed upstream, milliseconds since 1970; 0 for none.
    pub(super) committed_ms: Vec<u64>,
}

/// The stages after the reader.
pub(super) struct Pipeline {
    control: Control,
    pub(super) ready: Ready,
    /// For the lane of DDLs, which has routes of its own.
    transformer: Box<dyn Fn() -> Result<Transformer, Stop> + Send>,
    preserve_order: bool,
    operators: watch::Receiver<Arc<Operators>>,
    window: Window,
    scheduler: Scheduler,
    lanes: Lanes,
    pace: Pace,
    pending: FxHashMap<Seq, Pending>,
    table_ids: BTreeMap<TableName, TableId>,
    /// Tables with DDLs that are not finished, and how many.
    changing: BTreeMap<TableName, usize>,
    /// Tables that stopped, with the newest transaction whose rows of theirs are left out.
    left_out: BTreeMap<TableName, Seq>,
    /// Refused, to be stopped; nothing is handed out before they are.
    refused: Vec<(Vec<TableName>, DmError)>,
    /// Batches that were refused and go again without those tables.
    returned: Vec<(usize, LaneBatch)>,
    ddl: DdlState,
    /// Statements that are carried out in part, as the DDL lane's row has them.
    unfinished_ddls: Vec<Unfinished>,
    /// Transactions without rows for us have gone by that no row says yet. What lanes commit is in their own rows.
    unrecorded: bool,
    recorded_at: Instant,
    /// When the control lane's session was last used.
    control_spoke: Instant,
    reports: Vec<Report>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum DdlState {
    Idle,
    Running(Seq),
    /// Refused in part; goes again when its tables have stopped.
    Returned(Seq),
}

/// What is to be done for a transaction.
enum Work {
    Keyed(Keyed),
    /// A DDL of one of its tables is on its way: its rows can be hashed when the target has that.
    Late(Routed),
}

/// A transaction that is not finished.
struct Pending {
    id: TransactionId,
    /// Taken while a lane has it.
    work: Option<Work>,
    changes: Vec<Change>,
    /// Of `changes`, these are carried out.
    carried: usize,
    /// Tables of all its changes.
    changing: Vec<TableName>,
    /// Structures after the changes.
    after: Vec<(TableName, Option<Table>)>,
    committed_ms: u64,
    _permit: OwnedSemaphorePermit,
}

impl Work {
    fn is_empty(&self) -> bool {
        match self {
            Self::Keyed(keyed) => keyed.items.is_empty(),
            Self::Late(routed) => routed.items.is_empty(),
        }
    }

    /// The source table of each item.
    fn tables(&self) -> Vec<&TableName> {
        let mut tables: Vec<&TableName> = match self {
            Self::Keyed(keyed) => keyed.items.iter().map(|item| item.plan.source()).collect(),
            Self::Late(routed) => routed.items.iter().map(|item| &item.table.source).collect(),
        };
        tables.dedup();
        tables
    }
}

impl Pipeline {
    /// Goes on from what the target has.
    pub(super) fn new(
        control: &Control,
        mut ready: Ready,
        options: &PipelineOptions,
        transformer: impl Fn() -> Result<Transformer, Stop> + Send + 'static,
    ) -> Result<Self, Stop> {
        let Some(applied) = ready.applier.lane().progress().applied() else {
            return Err(Stop::Definite(DmError::new(
                &codes::META_DAMAGED,
                "the subtask has no position",
            )));
        };
        let unfinished_ddls = ready.applier.lane().progress().unfinished.clone();
        let context = LaneContext {
            target: ready.target.clone(),
            tables: ready.tables.clone(),
            control: control.clone(),
            on_row_mismatch: ready.applier.on_row_mismatch(),
            base: options.base_lane,
        };
        Ok(Self {
            control: control.clone(),
            ready,
            transformer: Box::new(transformer),
            preserve_order: options.preserve_order,
            operators: options.operators.clone(),
            window: Window::new(applied),
            scheduler: Scheduler::new(options.lanes),
            lanes: Lanes::new(context, options.lanes),
            pace: Pace::new(options.batch_rows_min),
            pending: FxHashMap::default(),
            table_ids: BTreeMap::new(),
            changing: BTreeMap::new(),
            left_out: BTreeMap::new(),
            refused: Vec::new(),
            returned: Vec::new(),
            ddl: DdlState::Idle,
            unfinished_ddls,
            unrecorded: false,
            recorded_at: Instant::now(),
            control_spoke: Instant::now(),
            reports: Vec::new(),
        })
    }

    /// Everything up to here is in.
    pub(super) fn low(&self) -> &Position {
        self.window.low()
    }

    /// Transactions that were taken and are not finished.
    pub(super) fn unfinished(&self) -> usize {
        self.window.len()
    }

    /// Whether another transaction may be taken.
    pub(super) fn has_room(&self) -> bool {
        self.window.len() < WINDOW_MAX
            && self.pending.len() < UNFINISHED_MAX
            && self.scheduler.has_room(&self.pace.limits())
    }

    /// What was committed since this was asked last.
    pub(super) fn reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// Takes one transaction through the stages; a table that cannot go on is stopped and the transaction looked at again.
    pub(super) async fn take(
        &mut self,
        transaction: &Transaction,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Stop> {
        // The stream begins after the low point: what was read already means that the source has gone back (R1).
        if self.window.newest().covers(&transaction.id) {
            let message = format!(
                "the source sends {} again, which is part of {}",
                transaction.id,
                self.window.newest()
            );
            return Err(Stop::Definite(DmError::new(
                &codes::LINEAGE_MISMATCH,
                message,
            )));
        }
        if self.window.has(&transaction.id) {
            // Committed out of order by an earlier owner; its DDLs are in the structures (R14).
            let seq = self.window.push(transaction.id.clone());
            self.done(&[seq]);
            self.unrecorded = true;
            return Ok(());
        }
        let is_statement = |item: &Item| matches!(item, Item::Statement(_));
        let (work, set, changes) = loop {
            if transaction.items.iter().any(is_statement) {
                self.ready.tracker.operators = self.operators.borrow().clone();
            }
            let fault = match self.judge(transaction) {
                Ok((routed, changes)) if changes.is_empty() && !self.is_late(&routed) => {
                    match self.ready.applier.key_set(routed).await {
                        Ok((keyed, set)) => break (Work::Keyed(keyed), set, changes),
                        Err(fault) => fault,
                    }
                }
                Ok((routed, changes)) => break (Work::Late(routed), WriteSet::default(), changes),
                Err(fault) => fault,
            };
            match fault_tables(fault) {
                Ok(refused) => self.refused.push(refused),
                Err(stop) => {
                    // What lies before it belongs to the target.
                    self.drain().await?;
                    return Err(stop);
                }
            }
            self.stop_refused().await?;
        };
        let seq = self.window.push(transaction.id.clone());
        if work.is_empty() && changes.is_empty() {
            self.done(&[seq]);
            self.unrecorded = true;
            return Ok(());
        }
        let footprint = self.footprint(&work, set, &changes);
        let (rows, bytes, committed_ms) = match &work {
            Work::Keyed(keyed) => (keyed.rows, keyed.bytes, keyed.committed_ms),
            Work::Late(routed) => (routed.rows, routed.bytes, routed.committed_ms),
        };
        let changing: Vec<TableName> = changes
            .iter()
            .flat_map(|change| change.tables.iter().cloned())
            .collect();
        for table in &changing {
            *self.changing.entry(table.clone()).or_default() += 1;
        }
        let after = changing
            .iter()
            .map(|table| {
                let structure = self.ready.tracker.structure(table).cloned();
                (table.clone(), structure)
            })
            .collect();
        let pending = Pending {
            id: transaction.id.clone(),
            committed_ms,
            work: Some(work),
            changes,
            carried: 0,
            changing,
            after,
            _permit: permit,
        };
        self.pending.insert(seq, pending);
        self.scheduler.push(seq, footprint, Size { rows, bytes });
        Ok(())
    }

    fn is_late(&self, routed: &Routed) -> bool {
        !self.changing.is_empty()
            && routed
                .items
                .iter()
                .any(|item| self.changing.contains_key(&item.table.source))
    }

    /// Tracks and transforms a transaction. The tracker has moved past its DDLs if this succeeds, and not if it doesn't.
    fn judge(&mut self, transaction: &Transaction) -> Result<(Routed, Vec<Change>), TableFault> {
        let ready = &mut self.ready;
        let tracked = ready.tracker.track(transaction)?;
        let changes: Vec<Change> = tracked
            .items
            .iter()
            .filter_map(|item| match item {
                TrackedItem::Change(change) => Some(Change::clone(change)),
                _ => None,
            })
            .collect();
        let merges = changes.iter().find_map(|change| {
            let refused = refuse_merge(change, &ready.tracker, &ready.transformer).err()?;
            Some(TableFault::Tables(change.tables.clone(), refused))
        });
        let judged = match merges {
            Some(fault) => Err(fault),
            None => ready.transformer.transform(&tracked),
        };
        judged
            .map(|routed| (routed, changes.clone()))
            .inspect_err(|_| {
                changes
                    .iter()
                    .rev()
                    .for_each(|change| ready.tracker.undo(change));
            })
    }

    fn footprint(&mut self, work: &Work, set: WriteSet, changes: &[Change]) -> Footprint {
        let mut footprint = Footprint {
            keys: set.keys,
            after: set.after,
            after_all: set.barrier,
            holds_tables: matches!(work, Work::Late(_)),
            ..Footprint::default()
        };
        for source in work.tables() {
            let table = self.table_id(source);
            if !footprint.tables.contains(&table) {
                footprint.tables.push(table);
            }
        }
        for change in changes {
            let alone = change.tables.is_empty() || self.preserve_order;
            footprint.needs = if alone || footprint.needs == Needs::Everything {
                Needs::Everything
            } else {
                Needs::ItsTables
            };
            for table in &change.tables {
                let table = self.table_id(table);
                if !footprint.tables.contains(&table) {
                    footprint.tables.push(table);
                }
            }
        }
        footprint
    }

    fn table_id(&mut self, table: &TableName) -> TableId {
        if let Some(id) = self.table_ids.get(table) {
            return *id;
        }
        let id = TableId(u32::try_from(self.table_ids.len()).unwrap_or(u32::MAX));
        self.table_ids.insert(table.clone(), id);
        id
    }

    /// Hands out what may go. With `flush`, batches that are not full too: nothing more is at hand.
    pub(super) async fn dispatch(&mut self, flush: bool) -> Result<(), Stop> {
        if !self.refused.is_empty() {
            return Ok(());
        }
        let limits = self.pace.limits();
        while let Some(assigned) = self.scheduler.next_batch(&limits, flush) {
            let mut batch = LaneBatch::default();
            for seq in assigned.seqs {
                let pending = self.pending.get_mut(&seq);
                match pending.and_then(|pending| pending.work.take()) {
                    Some(Work::Keyed(keyed)) => batch.push(seq, keyed),
                    Some(Work::Late(routed)) => {
                        let keyed = self.key_late(routed).await?;
                        batch.push(seq, keyed);
                    }
                    None => {}
                }
            }
            if self.refused.is_empty() {
                self.send(assigned.lane, batch);
            } else {
                // Rows were left out whose tables have to stop first (R4).
                self.returned.push((assigned.lane, batch));
                return Ok(());
            }
        }
        while self.ddl == DdlState::Idle
            && let Some(seq) = self.scheduler.next_alone()
        {
            self.send_ddl(seq)?;
        }
        Ok(())
    }

    /// Hashes rows that had to wait for a DDL, without those of tables that can't be written.
    async fn key_late(&mut self, mut routed: Routed) -> Result<Keyed, Stop> {
        loop {
            match self.ready.applier.key(routed.clone()).await {
                Ok(keyed) => return Ok(keyed),
                Err(fault) => {
                    let (tables, error) = fault_tables(fault)?;
                    routed.retain(|table| !tables.contains(table));
                    self.refused.push((tables, error));
                }
            }
        }
    }

    fn send(&mut self, lane: usize, mut batch: LaneBatch) {
        let left_out = &self.left_out;
        if !left_out.is_empty() {
            batch.retain(|seq, table| left_out.get(table).is_none_or(|newest| seq > *newest));
        }
        let progress = Progress::of(self.window.snapshot(&batch.seqs));
        self.lanes.send(lane, Job { batch, progress });
        self.recorded();
    }

    fn send_ddl(&mut self, seq: Seq) -> Result<(), Stop> {
        let left_out = self.left_out.clone();
        let wanted = |table: &TableName| left_out.get(table).is_none_or(|newest| seq > *newest);
        let Some(pending) = self.pending.get_mut(&seq) else {
            return Ok(());
        };
        let routed = match pending.work.take() {
            Some(Work::Late(mut routed)) => {
                routed.retain(wanted);
                Some(routed)
            }
            _ => None,
        };
        let id = pending.id.clone();
        let changes = pending.changes.get(pending.carried..).unwrap_or_default();
        let changes: Vec<Change> = changes.to_vec();
        let edits: Vec<RowEdit> = pending
            .after
            .iter()
            .filter(|(table, _)| wanted(table))
            .map(|(table, structure)| looks(&self.ready, table, structure.as_ref()))
            .collect();
        let edits = edits
            .iter()
            .map(|edit| self.ready.applier.statement(edit))
            .collect();
        let job = DdlJob {
            seq,
            id,
            changes,
            routed,
            edits,
            progress: Progress::of(self.window.snapshot(&[seq])),
        };
        let transformer = (self.transformer)()?;
        self.ddl = DdlState::Running(seq);
        self.lanes.send_ddl(job, move || transformer);
        Ok(())
    }

    /// Waits for the next thing that a lane has to say. Safe to give up.
    pub(super) async fn next(&mut self) -> Ended {
        self.lanes.next().await
    }

    /// Waits until everything that was taken is in.
    async fn drain(&mut self) -> Result<(), Stop> {
        while !self.window.is_empty() {
            self.dispatch(true).await?;
            let ended = tokio::select! {
                ended = self.lanes.next() => ended,
                () = self.control.stopping() => return Err(Stop::Asked),
            };
            self.settle(Some(ended)).await?;
        }
        Ok(())
    }

    /// Waits until everything that was taken is in, and says so in the control lane's row.
    pub(super) async fn quiet(&mut self) -> Result<(), Stop> {
        self.drain().await?;
        let applied = self.window.snapshot(&[]);
        self.ready
            .applier
            .advance(&applied, &mut self.ready.tracker)
            .await?;
        self.recorded();
        self.control_spoke = Instant::now();
        Ok(())
    }

    /// Takes over everything that lanes have said.
    pub(super) async fn settle(&mut self, first: Option<Ended>) -> Result<(), Stop> {
        let mut next = first;
        while let Some(ended) = next.take().or_else(|| self.lanes.try_next()) {
            self.ended(ended)?;
        }
        if self.refused.is_empty() {
            Ok(())
        } else {
            self.stop_refused().await
        }
    }

    fn ended(&mut self, ended: Ended) -> Result<(), Stop> {
        match ended {
            Ended::Committed { lane, committed } => {
                let seqs = self.scheduler.committed(lane);
                self.pace.learn(committed.rows, committed.took);
                self.report(&seqs, committed);
                self.done(&seqs);
            }
            Ended::Refused {
                lane,
                batch,
                table,
                error,
            } => {
                self.returned.push((lane, batch));
                self.refused.push((vec![table], error));
            }
            Ended::Ddl {
                job,
                outcome,
                unfinished,
            } => {
                self.unfinished_ddls = unfinished;
                self.ddl_ended(job, outcome)?;
            }
            Ended::Stopped(stop) => return Err(stop),
        }
        Ok(())
    }

    fn ddl_ended(
        &mut self,
        job: DdlJob,
        outcome: Result<LaneCommit, DdlRefusal>,
    ) -> Result<(), Stop> {
        let seq = job.seq;
        self.ddl = DdlState::Idle;
        let refused = match outcome {
            Ok(committed) => {
                self.scheduler.finished_alone(seq);
                if let Some(pending) = self.pending.get(&seq) {
                    let left_out = &self.left_out;
                    let edits: Vec<RowEdit> = pending
                        .after
                        .iter()
                        .filter(|(table, _)| left_out.get(table).is_none_or(|newest| seq > *newest))
                        .map(|(table, structure)| looks(&self.ready, table, structure.as_ref()))
                        .collect();
                    edits
                        .into_iter()
                        .for_each(|edit| self.ready.applier.remember(edit));
                }
                self.report(&[seq], committed);
                self.done(&[seq]);
                setup::publish_tables(&self.control, &self.ready);
                return Ok(());
            }
            Err(DdlRefusal::Statement { index, error }) => {
                let tables = job
                    .changes
                    .get(index)
                    .map(|change| change.tables.clone())
                    .unwrap_or_default();
                if tables.is_empty() {
                    return Err(Stop::Definite(error));
                }
                if let Some(pending) = self.pending.get_mut(&seq) {
                    pending.carried += index;
                }
                (tables, error)
            }
            Err(DdlRefusal::Rows { tables, error }) => {
                if let Some(pending) = self.pending.get_mut(&seq) {
                    pending.carried = pending.changes.len();
                }
                (tables, error)
            }
        };
        if let Some(pending) = self.pending.get_mut(&seq) {
            pending.work = job.routed.map(Work::Late);
        }
        self.ddl = DdlState::Returned(seq);
        self.refused.push(refused);
        Ok(())
    }

    /// Stops the tables that were refused: drains what is in flight, writes point and exceptions, and goes on without them (R4, P5).
    async fn stop_refused(&mut self) -> Result<(), Stop> {
        let touched = |pipeline: &Self, seq: Seq| {
            let pending = pipeline.pending.get(&seq);
            let changes = pending.map(|pending| pending.changes.as_slice());
            let refused = pipeline.refused.iter().flat_map(|(tables, _)| tables);
            let mut refused = refused.into_iter();
            changes.is_some_and(|changes| {
                refused.any(|table| changes.iter().any(|change| change.tables.contains(table)))
            })
        };
        loop {
            let ddl_runs = matches!(self.ddl, DdlState::Running(seq) if touched(self, seq));
            if self.scheduler.busy() == self.returned.len() && !ddl_runs {
                break;
            }
            let ended = tokio::select! {
                ended = self.lanes.next() => ended,
                () = self.control.stopping() => return Err(Stop::Asked),
            };
            self.ended(ended)?;
        }
        let applied = self.window.snapshot(&[]);
        let newest = self.window.next_seq();
        for (mut tables, error) in std::mem::take(&mut self.refused) {
            // Refused on two lanes.
            let rows = self.ready.applier.rows();
            tables.retain(|table| {
                rows.get(table)
                    .is_none_or(|row| row.state != TableState::Stopped)
            });
            self.undo_changes(&mut tables);
            if tables.is_empty() {
                continue;
            }
            self.ready
                .applier
                .stop_tables_at(
                    &tables,
                    &error,
                    &applied,
                    self.unfinished_ddls.clone(),
                    &mut self.ready.tracker,
                )
                .await?;
            for table in tables {
                self.left_out.insert(table, newest);
            }
        }
        self.recorded();
        setup::publish_tables(&self.control, &self.ready);
        for (lane, batch) in std::mem::take(&mut self.returned) {
            self.send(lane, batch);
        }
        if let DdlState::Returned(seq) = self.ddl {
            self.send_ddl(seq)?;
        }
        Ok(())
    }

    /// Takes back, newest first, the changes of structures that are tracked but not carried out. Tables that such a statement changes
    /// together with one that stops have to stop with it (R24).
    fn undo_changes(&mut self, tables: &mut Vec<TableName>) {
        let mut seqs: Vec<Seq> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.carried < pending.changes.len())
            .map(|(seq, _)| *seq)
            .collect();
        seqs.sort_unstable();
        loop {
            let before = tables.len();
            for pending in seqs.iter().filter_map(|seq| self.pending.get(seq)) {
                for change in pending.changes.iter().skip(pending.carried) {
                    if change.tables.iter().any(|table| tables.contains(table)) {
                        let tied: Vec<TableName> = change
                            .tables
                            .iter()
                            .filter(|table| !tables.contains(table))
                            .cloned()
                            .collect();
                        tables.extend(tied);
                    }
                }
            }
            if tables.len() == before {
                break;
            }
        }
        for seq in seqs.iter().rev() {
            let Some(pending) = self.pending.get_mut(seq) else {
                continue;
            };
            for index in (pending.carried..pending.changes.len()).rev() {
                let touches = pending
                    .changes
                    .get(index)
                    .is_some_and(|change| change.tables.iter().any(|table| tables.contains(table)));
                if touches {
                    let change = pending.changes.remove(index);
                    self.ready.tracker.undo(&change);
                }
            }
        }
    }

    fn report(&mut self, seqs: &[Seq], committed: LaneCommit) {
        let mut committed_ms = Vec::with_capacity(seqs.len());
        for pending in seqs.iter().filter_map(|seq| self.pending.remove(seq)) {
            committed_ms.push(pending.committed_ms);
            for table in &pending.changing {
                let last = self.changing.get_mut(table).is_some_and(|count| {
                    *count = count.saturating_sub(1);
                    *count == 0
                });
                if last {
                    self.changing.remove(table);
                }
            }
        }
        self.reports.push(Report {
            committed,
            committed_ms,
        });
    }

    fn done(&mut self, seqs: &[Seq]) {
        self.window.done(seqs);
        if self.window.is_empty() {
            self.left_out.clear();
        }
    }

    fn recorded(&mut self) {
        self.unrecorded = false;
        self.recorded_at = Instant::now();
    }

    /// What has to be done from time to time: progress that no batch carries, tables that have been reached, idle sessions.
    pub(super) async fn idle(&mut self) -> Result<(), Stop> {
        let cursors = &self.ready.tracker.cursors;
        let joins = !cursors.all_joined() && !cursors.clone().advance(self.window.low()).is_empty();
        let due = self.unrecorded && self.recorded_at.elapsed() >= PROGRESS_INTERVAL;
        if joins || due {
            let applied = self.window.snapshot(&[]);
            self.ready
                .applier
                .advance(&applied, &mut self.ready.tracker)
                .await?;
            self.recorded();
            if joins {
                setup::publish_tables(&self.control, &self.ready);
            }
            self.control_spoke = Instant::now();
        } else if self.control_spoke.elapsed() >= self.control.keep_alive() {
            self.ready.applier.lane().keep_alive().await;
            self.control_spoke = Instant::now();
        }
        Ok(())
    }

    /// Ends the lanes in an orderly way.
    pub(super) async fn end(self) {
        self.lanes.end().await;
    }
}

/// The row of a table whose structure changed, or its end.
fn looks(ready: &Ready, table: &TableName, structure: Option<&Table>) -> RowEdit {
    let Some(structure) = structure else {
        return RowEdit::Delete(table.clone());
    };
    let mut row = ready
        .applier
        .rows()
        .get(table)
        .cloned()
        .unwrap_or_else(|| TableRow::new(table.clone(), TableState::Joined));
    row.structure = Some(structure.clone());
    RowEdit::Looks(Box::new(row))
}
