//! The tables that are off the main cursor: their copies, their second readers, and how they join (R4, R5, R33).
//!
//! The main stream passes these tables over. A table that is copied or released waits here for a second reader; one whose changes were
//! all before its cursor joins without. Only the main stream's loop calls this, so cursors change between two transactions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use dm_model::{DmError, Position, TableName, TransactionId, codes};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::Instant,
};
use tracing::{info, warn};

use super::{
    catch_up::CatchUp,
    setup::{self, Ready},
    ticket::Ticket,
};
use crate::sync::{
    backoff::Backoff,
    control::Control,
    decode::{Item, Transaction},
    load::{Copied, LoadQueue, load_tables},
    meta::{ChunkRow, TableRow, TableState},
    stop::Stop,
    subtask::SubtaskSpec,
    table_command::{TableCommand, TableOp},
    track::Standing,
    upstream::show_create,
};

/// Second readers of one subtask at the same time. Others wait.
const CATCH_UPS_MAX: i32 = 3;
/// Lanes of second readers start here.
const FIRST_LANE: i32 = 2_000;
/// How long the main stream holds a table's changes for a second reader before it goes on without the table.
const HOLD_MAX: Duration = Duration::from_secs(2);
/// Reports on their way to the main stream.
const EVENTS_MAX: usize = 64;
/// Reports that are dealt with in one commit.
const TOGETHER_MAX: usize = 200;

/// What the tasks of tables off the main cursor report.
#[derive(Debug)]
pub(super) enum Event {
    Copied(TableName, Copied),
    /// A second reader stands at `at`, near the main stream, and wants to know where its tables join.
    Ask {
        lane: i32,
        at: Position,
        reply: oneshot::Sender<Option<(Position, Arc<Ticket>)>>,
    },
    /// Its tables have everything up to the join point, durably.
    CaughtUp {
        lane: i32,
        rows: Vec<TableRow>,
    },
    /// A table of a second reader stopped, durably.
    Stopped {
        lane: i32,
        row: Box<TableRow>,
    },
    /// A command about one table.
    Command(TableCommand),
    /// A task ended with an error.
    Failed {
        lane: Option<i32>,
        stop: Stop,
    },
}

/// A second reader that runs.
struct Running {
    members: BTreeSet<TableName>,
    /// Where it joins, once it has asked.
    join: Option<(Position, Arc<Ticket>)>,
}

/// Everything about tables that are off the main cursor.
pub(super) struct Away {
    spec: SubtaskSpec,
    control: Control,
    /// After the last transaction that the main stream took.
    stream: Position,
    published: watch::Sender<Position>,
    queue: LoadQueue,
    events: mpsc::Receiver<Event>,
    sender: mpsc::Sender<Event>,
    tasks: JoinSet<()>,
    /// Tables that wait for a second reader.
    wanted: BTreeSet<TableName>,
    running: BTreeMap<i32, Running>,
    /// Second readers that failed wait for a while.
    backoff: Backoff,
    not_before: Instant,
}

impl Away {
    /// Starts the copies that are due; the main stream begins at `from`.
    pub(super) fn start(
        spec: &SubtaskSpec,
        control: &Control,
        ready: &Ready,
        from: Position,
    ) -> Result<Self, Stop> {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let (published, _) = watch::channel(from.clone());
        let mut away = Self {
            spec: spec.clone(),
            control: control.clone(),
            stream: from,
            published,
            queue: LoadQueue::default(),
            events,
            sender,
            tasks: JoinSet::new(),
            wanted: BTreeSet::new(),
            running: BTreeMap::new(),
            backoff: Backoff::new(),
            not_before: Instant::now(),
        };
        let rows = ready.applier.rows();
        away.wanted = rows
            .values()
            .filter(|row| wants_catch_up(row))
            .map(|row| row.name.clone())
            .collect();
        away.load(ready)?;
        Ok(away)
    }

    /// Starts the copiers, with what is to be copied now.
    fn load(&mut self, ready: &Ready) -> Result<(), Stop> {
        let mut pending: Vec<TableRow> = ready
            .applier
            .rows()
            .values()
            .filter(|row| {
                matches!(row.state, TableState::Waiting | TableState::Loading)
                    && row.error.is_empty()
            })
            .cloned()
            .collect();
        // The largest first: a large one that is left over would be read by few.
        pending.sort_by_key(|row| {
            let bytes = ready
                .estimates
                .get(&row.name)
                .map_or(0, |(_, bytes)| *bytes);
            std::cmp::Reverse(bytes)
        });
        if !pending.is_empty() {
            info!(tables = pending.len(), "copying tables");
        }
        self.queue.push(pending);
        let context = setup::load_context(&self.spec, &self.control, ready)?;
        let (reports, mut copied) = mpsc::channel(1);
        let (queue, sender) = (self.queue.clone(), self.sender.clone());
        self.tasks.spawn(async move {
            let loading = load_tables(context, queue, reports);
            tokio::pin!(loading);
            loop {
                let event = tokio::select! {
                    Err(stop) = &mut loading => Event::Failed { lane: None, stop },
                    Some((name, copied)) = copied.recv() => Event::Copied(name, copied),
                };
                let ends = matches!(event, Event::Failed { .. });
                if sender.send(event).await.is_err() || ends {
                    return;
                }
            }
        });
        Ok(())
    }

    /// Whether tables are still to be copied, which is DM's Load unit.
    pub(super) fn is_loading(ready: &Ready) -> bool {
        ready.applier.rows().values().any(|row| {
            matches!(row.state, TableState::Waiting | TableState::Loading) && row.error.is_empty()
        })
    }

    /// Whether every table is on the main cursor, or stopped.
    pub(super) fn is_done(&self, ready: &Ready) -> bool {
        self.wanted.is_empty() && self.running.is_empty() && !Self::is_loading(ready)
    }

    /// The main stream has taken this transaction.
    pub(super) fn taken(&mut self, id: &TransactionId) {
        self.stream.advance(id);
        if !self.running.is_empty() {
            self.published.send_replace(self.stream.clone());
        }
    }

    /// The next report or command. Cancel-safe.
    pub(super) async fn event(&mut self) -> Event {
        let control = self.control.clone();
        tokio::select! {
            command = control.commands().next() => Event::Command(command),
            event = self.report() => event,
        }
    }

    async fn report(&mut self) -> Event {
        tokio::select! {
            Some(event) = self.events.recv() => event,
            Some(Err(panic)) = self.tasks.join_next() => {
                let error = DmError::new(&codes::SYNCER_UNIT_PANIC, "a copier or second reader ended unexpectedly");
                Event::Failed { lane: None, stop: Stop::Definite(error.with_cause(panic)) }
            }
            else => std::future::pending().await,
        }
    }

    /// Whether what the main stream has in flight must be committed before the report is dealt with.
    pub(super) fn needs_quiet(event: &Event) -> bool {
        matches!(event, Event::Command(_))
    }

    /// A report that is there already.
    pub(super) fn try_event(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Deals with a report and those that came with it.
    pub(super) async fn take(&mut self, event: Event, ready: &mut Ready) -> Result<(), Stop> {
        let mut next = Some(event);
        for _ in 0..TOGETHER_MAX {
            let Some(event) = next else { break };
            self.take_one(event, ready).await?;
            next = self.try_event();
        }
        self.start_catch_ups(ready).await?;
        setup::publish_tables(&self.control, ready);
        Ok(())
    }

    /// Deals with a report where nothing is streamed.
    pub(super) async fn take_copied(
        &mut self,
        event: Event,
        ready: &mut Ready,
    ) -> Result<(), Stop> {
        self.take_one(event, ready).await?;
        setup::publish_tables(&self.control, ready);
        Ok(())
    }

    async fn take_one(&mut self, event: Event, ready: &mut Ready) -> Result<(), Stop> {
        match event {
            Event::Copied(name, copied) => {
                if let Copied::Done(row) = &copied {
                    let cursor = row.cursor.clone().unwrap_or_default();
                    ready
                        .tracker
                        .cursors
                        .set(name.clone(), Standing::Away(cursor));
                    self.wanted.insert(name.clone());
                }
                ready.applier.copied(&name, copied).await
            }
            Event::Ask { lane, at, reply } => {
                let join = self.agree(lane, &at, ready);
                if let Some(running) = self.running.get_mut(&lane) {
                    running.join.clone_from(&join);
                }
                // It has ended meanwhile: its report comes.
                let _gone = reply.send(join);
                Ok(())
            }
            Event::CaughtUp { lane, rows } => {
                let members = self.running.remove(&lane).map(|running| running.members);
                self.backoff = Backoff::new();
                // Those that are not in `rows` were dropped on the way.
                for table in members.unwrap_or_default() {
                    ready.applier.forget(&table);
                    ready.tracker.forget(&table);
                    ready.tracker.cursors.caught_up(&table);
                }
                for row in rows {
                    info!(table = %row.name, "table joins the main stream");
                    if let Some(structure) = &row.structure {
                        ready.tracker.learn(&row.name, structure.clone());
                    }
                    ready.applier.learn(row);
                }
                Ok(())
            }
            Event::Stopped { lane, row } => {
                if let Some(running) = self.running.get_mut(&lane) {
                    running.members.remove(&row.name);
                }
                let cursor = row.cursor.clone().unwrap_or_default();
                ready.tracker.cursors.withdraw(&row.name, cursor.clone());
                ready
                    .tracker
                    .cursors
                    .set(row.name.clone(), Standing::Away(cursor));
                ready.applier.learn(*row);
                Ok(())
            }
            Event::Command(command) => {
                let answer = self.command(command.op, &command.table, ready).await;
                let (answer, ended) = match answer {
                    Ok(done) => (Ok(done), Ok(())),
                    Err(CommandError::Refused(error)) => (Err(error), Ok(())),
                    Err(CommandError::Stop(stop)) => {
                        let error =
                            DmError::new(&codes::OUTCOME_UNKNOWN, "the subtask stopped meanwhile");
                        (Err(error), Err(stop))
                    }
                };
                // Who asked may have given up waiting.
                let _gone = command.reply.send(answer);
                ended
            }
            Event::Failed {
                lane: Some(lane),
                stop: Stop::Transient(error),
            } if self.take_back(lane, ready) => {
                warn!(%error, lane, "a second reader starts over");
                self.control
                    .note(Some(format!("catching up starts over: {error}")));
                self.not_before = Instant::now() + self.backoff.step();
                Ok(())
            }
            Event::Failed { stop, .. } => Err(stop),
        }
    }

    /// Where the tables of a second reader join. From now on their changes after that point are held.
    fn agree(
        &mut self,
        lane: i32,
        at: &Position,
        ready: &mut Ready,
    ) -> Option<(Position, Arc<Ticket>)> {
        let running = self.running.get(&lane)?;
        let mut point = None;
        for table in &running.members {
            point = Some(ready.tracker.cursors.join(table, at, &self.stream)?);
        }
        Some((point?, Arc::new(Ticket::default())))
    }

    /// A second reader is gone: its tables wait for another one. False: it may have committed that it has ended.
    fn take_back(&mut self, lane: i32, ready: &mut Ready) -> bool {
        let Some(running) = self.running.remove(&lane) else {
            return true;
        };
        if let Some((_, ticket)) = &running.join
            && !ticket.withdraw()
        {
            return false;
        }
        self.pass_over(&running.members, ready);
        self.wanted.extend(running.members);
        true
    }

    fn pass_over(&self, members: &BTreeSet<TableName>, ready: &mut Ready) {
        for table in members {
            let cursor = ready
                .applier
                .rows()
                .get(table)
                .and_then(|row| row.cursor.clone());
            ready
                .tracker
                .cursors
                .withdraw(table, cursor.unwrap_or_default());
        }
    }

    /// Lets tables that missed nothing join, and gives the others a second reader.
    async fn start_catch_ups(&mut self, ready: &mut Ready) -> Result<(), Stop> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        self.join_quiet(ready).await?;
        if Instant::now() < self.not_before {
            return Ok(());
        }
        // A table that was catching up goes on with its lane, whose progress counts for it.
        let mut groups: BTreeMap<i32, BTreeSet<TableName>> = BTreeMap::new();
        let free =
            (FIRST_LANE..FIRST_LANE + CATCH_UPS_MAX).find(|lane| {
                !self.running.contains_key(lane)
                    && !ready.applier.rows().values().any(|row| {
                        row.state == TableState::CatchingUp && row.catch_up_lane == *lane
                    })
            });
        for table in &self.wanted {
            let row = ready.applier.rows().get(table);
            let own = row
                .filter(|row| row.state == TableState::CatchingUp && row.catch_up_lane != 0)
                .map(|row| row.catch_up_lane);
            if let Some(lane) = own.or(free)
                && !self.running.contains_key(&lane)
            {
                groups.entry(lane).or_default().insert(table.clone());
            }
        }
        for (lane, members) in groups {
            info!(lane, tables = members.len(), "catching up");
            self.wanted.retain(|table| !members.contains(table));
            self.published.send_replace(self.stream.clone());
            let catch_up = CatchUp {
                spec: self.spec.clone(),
                control: self.control.clone(),
                upstream: ready.upstream.clone(),
                target: ready.target.clone(),
                tables: ready.tables.clone(),
                fold_names: ready.fold_names,
                lane,
                members: members.clone(),
                stream: self.published.subscribe(),
                events: self.sender.clone(),
                unfinished: ready.applier.lane().progress().unfinished.clone(),
            };
            for table in &members {
                ready.applier.is_catching_up(table, lane);
            }
            let running = Running {
                members,
                join: None,
            };
            self.running.insert(lane, running);
            self.tasks.spawn(catch_up.run());
        }
        Ok(())
    }

    /// Tables of which the stream has passed nothing over since their cursor need no second reader.
    async fn join_quiet(&mut self, ready: &mut Ready) -> Result<(), Stop> {
        let mut rows = Vec::new();
        for table in &self.wanted {
            let Some(row) = ready.applier.rows().get(table) else {
                continue;
            };
            let Some(cursor) = row.cursor.clone() else {
                continue;
            };
            let plain = row.window.is_none() && row.catch_up_lane == 0;
            if !plain || !ready.tracker.cursors.is_quiet_after(table, &cursor) {
                continue;
            }
            if let Some(point) = ready.tracker.cursors.join(table, &cursor, &self.stream) {
                rows.push(TableRow {
                    state: TableState::Joining,
                    cursor: Some(point),
                    ..row.clone()
                });
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let progress = ready.applier.lane().progress().clone();
        // Durable before any change after the join point is taken: the caller waits for it.
        ready.applier.record(rows.clone(), &progress).await?;
        for row in rows {
            self.wanted.remove(&row.name);
            if let Some(structure) = &row.structure {
                ready.tracker.learn(&row.name, structure.clone());
            }
            ready.tracker.cursors.caught_up(&row.name);
        }
        Ok(())
    }

    /// Waits before a transaction that carries a joining table until its second reader has ended. After a while the join is taken back,
    /// so that one table does not stop the others (P5).
    pub(super) async fn hold(
        &mut self,
        transaction: &Transaction,
        ready: &mut Ready,
    ) -> Result<(), Stop> {
        if !ready.tracker.cursors.any_joining() {
            return Ok(());
        }
        let until = Instant::now() + HOLD_MAX;
        let control = self.control.clone();
        while carries_joining(transaction, ready) {
            let event = tokio::select! {
                event = self.report() => event,
                () = tokio::time::sleep_until(until) => {
                    self.withdraw_all(ready);
                    // What could not be withdrawn is about to end.
                    if !carries_joining(transaction, ready) {
                        break;
                    }
                    tokio::select! {
                        event = self.report() => event,
                        () = control.stopping() => return Err(Stop::Asked),
                    }
                }
                () = control.stopping() => return Err(Stop::Asked),
            };
            self.take(event, ready).await?;
        }
        Ok(())
    }

    fn withdraw_all(&mut self, ready: &mut Ready) {
        for running in self.running.values_mut() {
            if let Some((_, ticket)) = &running.join
                && ticket.withdraw()
            {
                running.join = None;
                for table in &running.members {
                    let cursor = ready
                        .applier
                        .rows()
                        .get(table)
                        .and_then(|row| row.cursor.clone());
                    ready
                        .tracker
                        .cursors
                        .withdraw(table, cursor.unwrap_or_default());
                }
            }
        }
    }

    /// Called now and then: second readers that waited for their turn or after a failure.
    pub(super) async fn tick(&mut self, ready: &mut Ready) -> Result<(), Stop> {
        self.published.send_replace(self.stream.clone());
        self.start_catch_ups(ready).await
    }
}

/// Why a command about a table was not carried out.
enum CommandError {
    Refused(DmError),
    Stop(Stop),
}

impl From<Stop> for CommandError {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl Away {
    /// Carries a command out; nothing of the main stream is in flight. Returns what was done, for people.
    async fn command(
        &mut self,
        op: TableOp,
        table: &TableName,
        ready: &mut Ready,
    ) -> Result<String, CommandError> {
        let row = ready.applier.rows().get(table).cloned();
        let refused = |message: String, workaround: &str| {
            CommandError::Refused(
                DmError::new(&codes::REQUEST_CONFLICT, message).with_workaround(workaround),
            )
        };
        let Some(row) = row else {
            if op == TableOp::Add {
                return self.add(table, ready).await;
            }
            return Err(refused(
                format!("{table} is not one of this task's tables"),
                "`dmctl table add` copies and follows a table that the task's lists allow",
            ));
        };
        if self
            .running
            .values()
            .any(|running| running.members.contains(table))
        {
            return Err(refused(
                format!("{table} is catching up"),
                "repeat the command when `query-status` shows it as joined",
            ));
        }
        let loads = matches!(row.state, TableState::Waiting | TableState::Loading);
        let failed = !row.error.is_empty();
        match op {
            TableOp::Add => Err(refused(
                format!("{table} is part of the task already ({})", row.state.text()),
                "`dmctl table reload` copies it again",
            )),
            TableOp::Pause | TableOp::Reload if loads && !failed => Err(refused(
                format!("{table} is being copied"),
                "repeat the command when it has been",
            )),
            TableOp::Pause if row.state == TableState::Paused => {
                Ok(format!("{table} was paused already"))
            }
            TableOp::Pause => {
                let at = ready.applier.at().cloned().unwrap_or_default();
                let cursor = ready.tracker.cursors.stop(table, &at);
                let structure = ready.tracker.structure(table).cloned();
                let paused = TableRow {
                    state: TableState::Paused,
                    cursor: Some(cursor.clone()),
                    catch_up_lane: 0,
                    structure: structure.or(row.structure.clone()),
                    ..row
                };
                self.wanted.remove(table);
                self.record(vec![paused], ready).await?;
                Ok(format!("{table} is paused at {cursor}"))
            }
            TableOp::Resume => {
                let released = TableRow {
                    error: String::new(),
                    ..row.clone()
                };
                if loads && failed {
                    self.record(vec![released.clone()], ready).await?;
                    self.queue.push([released]);
                    return Ok(format!("{table} is copied again"));
                }
                if !matches!(row.state, TableState::Stopped | TableState::Paused) {
                    return Err(refused(
                        format!("{table} is not stopped, it is {}", row.state.text()),
                        "nothing needs to be done",
                    ));
                }
                let released = TableRow {
                    state: TableState::CatchingUp,
                    catch_up_lane: 0,
                    ..released
                };
                self.record(vec![released], ready).await?;
                self.wanted.insert(table.clone());
                Ok(format!("{table} catches up"))
            }
            TableOp::Reload if row.had_rows => Err(refused(
                format!(
                    "the target of {table} had rows before it was copied: they cannot be told from ours"
                ),
                "drop or empty the target table yourself, `table pause` it, and start the task anew with --remove-meta",
            )),
            TableOp::Reload => {
                let again = TableRow::new(table.clone(), TableState::Loading);
                let forget = ChunkRow::delete_all(ready.applier.tables(), table);
                ready.applier.run(&[forget]).await?;
                self.record(vec![again.clone()], ready).await?;
                self.wanted.remove(table);
                ready.tracker.cursors.unload(table);
                self.queue.push([again]);
                Ok(format!("{table} is copied again"))
            }
        }
    }

    async fn add(&mut self, table: &TableName, ready: &mut Ready) -> Result<String, CommandError> {
        let refused = |message: String, workaround: &str| {
            CommandError::Refused(
                DmError::new(&codes::REQUEST_CONFLICT, message).with_workaround(workaround),
            )
        };
        let config = &self.spec.config;
        let rules = config.rules(&self.spec.source).map_err(Stop::from)?;
        if !rules.list.allows(&table.schema, Some(&table.table)) {
            return Err(refused(
                format!("the task's block-allow-list does not allow {table}"),
                "allow it there first",
            ));
        }
        let target = ready
            .transformer
            .route(table)
            .map_err(CommandError::Refused)?;
        for other in ready.applier.rows().keys() {
            let shared = ready.transformer.route(other).is_ok_and(|found| {
                found.to_string().to_lowercase() == target.to_string().to_lowercase()
            });
            if shared {
                let message = format!("{other} and {table} are both routed to {target}");
                return Err(CommandError::Refused(DmError::new(
                    &codes::MERGE_NOT_YET_SUPPORTED,
                    message,
                )));
            }
        }
        let there = async {
            let (mut conn, server) = ready.upstream.connect().await?;
            let found = show_create(&mut conn, table, &server).await?;
            let _closed = conn.disconnect().await;
            Ok::<_, DmError>(found.is_some())
        };
        if !there.await.map_err(CommandError::Refused)? {
            return Err(refused(
                format!("the source has no table {table}"),
                "names are written as the source has them",
            ));
        }
        let new = TableRow::new(table.clone(), TableState::Waiting);
        self.record(vec![new.clone()], ready).await?;
        ready.tracker.cursors.unload(table);
        self.queue.push([new]);
        Ok(format!("{table} is copied"))
    }

    async fn record(&mut self, rows: Vec<TableRow>, ready: &mut Ready) -> Result<(), Stop> {
        let progress = ready.applier.lane().progress().clone();
        ready.applier.record(rows, &progress).await
    }
}

/// Whether a row of `dm_table` asks for a second reader.
fn wants_catch_up(row: &TableRow) -> bool {
    matches!(row.state, TableState::Loaded | TableState::CatchingUp)
}

/// A statement may name any table.
fn carries_joining(transaction: &Transaction, ready: &Ready) -> bool {
    let cursors = &ready.tracker.cursors;
    transaction.items.iter().any(|item| match item {
        Item::Statement(_) => cursors.any_joining(),
        Item::Rows(rows) | Item::RolledBack(rows) => {
            let table = ready.tracker.folded(&rows.map.schema, &rows.map.table);
            cursors.holds(&table, &transaction.id)
        }
    })
}
