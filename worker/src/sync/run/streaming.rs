//! The loop that takes transactions through the stages.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dm_model::{DmError, Position, codes};
use dm_proto::pb;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tracing::info;

use super::{
    away::{Away, Event},
    observer,
    reader::{self, Read, Start},
    setup::{self, Ready},
};
use crate::sync::{
    apply::{Committed, fault_tables},
    control::Control,
    decode::Transaction,
    operators::Operators,
    schedule::Batch,
    stop::Stop,
    subtask::SubtaskSpec,
    track::{Change, TrackedItem},
};

/// A batch without rows waits this long for company, so that a filtered stream costs few commits.
const IDLE_COMMIT: Duration = Duration::from_millis(500);
/// How often the status is refreshed.
const TICK: Duration = Duration::from_millis(250);

/// Streams until something ends it. Never returns `Ok`.
pub(super) async fn stream(
    spec: &SubtaskSpec,
    control: &Control,
    ready: Ready,
) -> Result<(), Stop> {
    let progress = ready.applier.lane_progress();
    let (Some(from), Some(start)) = (progress.at.clone(), Start::of(progress)) else {
        return Err(Stop::Definite(DmError::new(
            &codes::META_DAMAGED,
            "the subtask has no position",
        )));
    };
    info!(%from, "streaming");
    let away = Away::start(spec, control, &ready, from.clone())?;
    let (sender, receiver) = reader::queue();
    let (newest_sender, newest) = watch::channel(None);
    let mut helpers = tokio::task::JoinSet::new();
    helpers.spawn(reader::read(
        ready.upstream.clone(),
        start,
        spec.config.task.to_string(),
        sender,
    ));
    helpers.spawn(observer::observe(ready.upstream.clone(), newest_sender));
    control.update(|status| {
        status.position = from.binlog.to_string();
        status.gtid = gtid_text(&from);
    });
    let mut streaming = Streaming {
        control: control.clone(),
        ready,
        away,
        batch: Batch::default(),
        last_commit: Instant::now(),
        keep_alive: Duration::from_millis((spec.token.ttl_ms() / 3).max(200)),
        newest,
        rate: Rate::new(),
        stopped_tables: 0,
        operators: spec.operators.clone(),
    };
    streaming.run(receiver).await
}

struct Streaming {
    control: Control,
    ready: Ready,
    away: Away,
    batch: Batch,
    last_commit: Instant,
    keep_alive: Duration,
    newest: watch::Receiver<Option<Position>>,
    rate: Rate,
    stopped_tables: usize,
    operators: watch::Receiver<Arc<Operators>>,
}

impl Streaming {
    async fn run(&mut self, mut receiver: mpsc::Receiver<Read>) -> Result<(), Stop> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.away.tick(&mut self.ready).await?;
        self.show_unit();
        loop {
            self.control.check()?;
            if let Some(event) = self.away.try_event() {
                self.off_cursor(event).await?;
            }
            let read = match receiver.try_recv() {
                Ok(read) => Some(read),
                // Nothing waits behind the batch: latency first.
                Err(_) if self.batch.rows() > 0 => {
                    self.flush().await?;
                    continue;
                }
                Err(_) => tokio::select! {
                    read = receiver.recv() => Some(read.unwrap_or_else(|| Read::Failed(DmError::new(&codes::DB_BAD_CONN, "the reader ended")))),
                    event = self.away.event() => {
                        self.off_cursor(event).await?;
                        continue;
                    }
                    _ = tick.tick() => None,
                    () = self.control.stopping() => return Err(Stop::Asked),
                },
            };
            match read {
                Some(Read::Transaction(transaction, _permit)) => self.take(&transaction).await?,
                Some(Read::Idle) | None => self.idle().await?,
                Some(Read::Failed(error)) => {
                    self.flush().await?;
                    return Err(error.into());
                }
            }
        }
    }

    /// Takes one transaction through the stages; a table that cannot go on is stopped and the transaction looked at again.
    async fn take(&mut self, transaction: &Transaction) -> Result<(), Stop> {
        if !transaction.part.is_whole() {
            let message = format!(
                "the transaction that begins at {} has more than {} MiB, {} rows and more",
                transaction.part.begin,
                reader::PART_BYTES >> 20,
                transaction.part.first_row
            );
            return Err(Stop::Definite(DmError::new(
                &codes::NOT_YET_SUPPORTED,
                message,
            )));
        }
        // The stream begins after `at`: what is at or before it means that the source has gone back (R1).
        if let Some(at) = self
            .ready
            .applier
            .at()
            .filter(|at| at.covers(&transaction.id))
        {
            let message = format!(
                "the source sends {} again, which is part of {at}",
                transaction.id
            );
            return Err(Stop::Definite(DmError::new(
                &codes::LINEAGE_MISMATCH,
                message,
            )));
        }
        self.away.hold(transaction, &mut self.ready).await?;
        self.away.taken(&transaction.id);
        let keyed = loop {
            if transaction
                .items
                .iter()
                .any(|item| matches!(item, crate::sync::decode::Item::Statement(_)))
            {
                // Statements are judged and carried out with nothing before them in flight.
                self.flush().await?;
                self.ready.tracker.operators = self.operators.borrow().clone();
            }
            let ready = &mut self.ready;
            let fault = match ready.tracker.track(transaction) {
                Err(fault) => fault,
                Ok(tracked) => {
                    let changes: Vec<Change> = tracked
                        .items
                        .iter()
                        .filter_map(|item| {
                            if let TrackedItem::Change(change) = item {
                                Some(Change::clone(change))
                            } else {
                                None
                            }
                        })
                        .collect();
                    match ready.transformer.transform(&tracked) {
                        Ok(routed) if changes.is_empty() => match ready.applier.key(routed).await {
                            Ok(keyed) => break keyed,
                            Err(fault) => fault,
                        },
                        Ok(routed) => {
                            let committed = ready
                                .applier
                                .apply_changes(
                                    routed,
                                    &changes,
                                    &mut ready.tracker,
                                    &ready.transformer,
                                )
                                .await?;
                            self.committed(&committed);
                            setup::publish_tables(&self.control, &self.ready);
                            return Ok(());
                        }
                        Err(fault) => {
                            changes
                                .iter()
                                .rev()
                                .for_each(|change| ready.tracker.undo(change));
                            fault
                        }
                    }
                }
            };
            let (tables, error) = fault_tables(fault)?;
            // Everything before this transaction belongs to the stopped tables too.
            self.flush().await?;
            self.ready
                .applier
                .stop_tables(&tables, &error, &mut self.ready.tracker)
                .await?;
            self.stopped_tables = 0;
            setup::publish_tables(&self.control, &self.ready);
        };
        self.batch.push(keyed);
        if self.batch.is_full() {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// A table that is off the main cursor has news.
    async fn off_cursor(&mut self, event: Event) -> Result<(), Stop> {
        if Away::needs_quiet(&event) {
            self.flush().await?;
        }
        self.away.take(event, &mut self.ready).await?;
        self.show_unit();
        Ok(())
    }

    /// DM's unit: Load while tables are copied.
    fn show_unit(&self) {
        let unit = if Away::is_loading(&self.ready) {
            pb::UnitType::Load
        } else {
            pb::UnitType::Sync
        };
        self.control.update(|status| status.unit = unit);
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let joined_before = self.ready.tracker.cursors.all_joined();
        let committed = self
            .ready
            .applier
            .apply(batch, &mut self.ready.tracker)
            .await?;
        self.committed(&committed);
        let stopped = self
            .ready
            .applier
            .rows()
            .values()
            .filter(|row| !row.error.is_empty())
            .count();
        if !joined_before || stopped != self.stopped_tables {
            self.stopped_tables = stopped;
            setup::publish_tables(&self.control, &self.ready);
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), Stop> {
        if !self.batch.is_empty() && self.last_commit.elapsed() >= IDLE_COMMIT {
            self.flush().await?;
        } else if self.last_commit.elapsed() >= self.keep_alive {
            self.ready.applier.lane().keep_alive().await;
            self.last_commit = Instant::now();
        }
        self.away.tick(&mut self.ready).await?;
        self.refresh();
        Ok(())
    }

    fn committed(&mut self, committed: &Committed) {
        self.last_commit = Instant::now();
        self.rate.add(committed.rows);
        let now_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            });
        self.control.update(|status| {
            status.position = committed.at.binlog.to_string();
            status.gtid = gtid_text(&committed.at);
            status.rows_total += committed.rows;
            status.bytes_total += committed.bytes;
            status.mismatches += committed.mismatches;
            if committed.committed_ms > 0 {
                status.lag_ms = Some(now_ms.saturating_sub(committed.committed_ms));
            }
        });
        self.refresh();
    }

    /// Compares with the source's newest position.
    fn refresh(&mut self) {
        let (average, recent) = self.rate.per_s();
        let newest = self.newest.borrow().clone();
        let at = self.ready.applier.at().cloned();
        let all_here = self.away.is_done(&self.ready);
        self.control.update(|status| {
            (status.rows_per_s, status.rows_per_s_recent) = (average, recent);
            if let (Some(newest), Some(at)) = (newest, at) {
                status.source_position = newest.binlog.to_string();
                status.source_gtid = gtid_text(&newest);
                status.synced = all_here && at.reaches(&newest);
                if status.synced {
                    status.lag_ms = Some(0);
                }
            }
        });
    }
}

fn gtid_text(position: &Position) -> String {
    position
        .gtid
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// Rows per second since the start and in the last whole second.
struct Rate {
    started: Instant,
    total: u64,
    window_started: Instant,
    window: u64,
    recent: u64,
}

impl Rate {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            total: 0,
            window_started: now,
            window: 0,
            recent: 0,
        }
    }

    fn add(&mut self, rows: u64) {
        self.total += rows;
        self.window += rows;
    }

    fn per_s(&mut self) -> (u64, u64) {
        let window = self.window_started.elapsed();
        if window >= Duration::from_secs(1) {
            self.recent = per_s(self.window, window);
            (self.window, self.window_started) = (0, Instant::now());
        }
        (per_s(self.total, self.started.elapsed()), self.recent)
    }
}

fn per_s(rows: u64, time: Duration) -> u64 {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    rows.saturating_mul(1_000) / ms
}
