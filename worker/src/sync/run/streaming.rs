//! The loop that takes transactions through the stages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dm_model::{DmError, Position, codes};
use dm_proto::pb;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, watch},
    time::Instant,
};
use tracing::info;

use super::{
    away::{Away, Event},
    observer,
    pipeline::{Pipeline, PipelineOptions},
    reader::{self, Read},
    setup::{self, Ready},
};
use crate::sync::{
    LagHistogram, control::Control, decode::Transaction, meta::CONTROL_LANE, stop::Stop,
    subtask::SubtaskSpec,
};

/// How often the status is refreshed and what is not urgent is done.
const TICK: Duration = Duration::from_millis(250);
/// The status does not follow every commit of a busy stream.
const REFRESH: Duration = Duration::from_millis(50);
/// Lags of the status are those of one to two such windows.
const LAG_WINDOW: Duration = Duration::from_secs(30);
/// Lanes that a task can ask for.
const LANES_MAX: u32 = 256;

/// Streams until something ends it. Never returns `Ok`.
pub(super) async fn stream(
    spec: &SubtaskSpec,
    control: &Control,
    ready: Ready,
) -> Result<(), Stop> {
    let Some(from) = ready.applier.at().cloned() else {
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
        from.clone(),
        spec.config.task.to_string(),
        sender,
    ));
    helpers.spawn(observer::observe(ready.upstream.clone(), newest_sender));
    control.update(|status| {
        status.position = from.binlog.to_string();
        status.gtid = gtid_text(&from);
    });
    let syncer = &spec.config.syncer;
    let options = PipelineOptions {
        base_lane: CONTROL_LANE,
        lanes: if spec.config.preserve_order {
            1
        } else {
            usize::try_from(syncer.worker_count.clamp(1, LANES_MAX)).unwrap_or(1)
        },
        preserve_order: spec.config.preserve_order,
        batch_rows_min: usize::try_from(syncer.batch).unwrap_or(1),
        operators: spec.operators.clone(),
    };
    let routes = spec.clone();
    let transformer = move || setup::transformer(&routes);
    let mut streaming = Streaming {
        control: control.clone(),
        pipeline: Pipeline::new(control, ready, &options, transformer)?,
        away,
        newest,
        rate: Rate::new(),
        recent_lags: LagHistogram::default(),
        earlier_lags: LagHistogram::default(),
        lags_since: Instant::now(),
        refreshed: Instant::now(),
    };
    let ended = streaming.run(receiver).await;
    streaming.pipeline.end().await;
    ended
}

struct Streaming {
    control: Control,
    pipeline: Pipeline,
    away: Away,
    newest: watch::Receiver<Option<Position>>,
    rate: Rate,
    /// Lags of this window and of the one before it.
    recent_lags: LagHistogram,
    earlier_lags: LagHistogram,
    lags_since: Instant,
    refreshed: Instant,
}

impl Streaming {
    async fn run(&mut self, mut receiver: mpsc::Receiver<Read>) -> Result<(), Stop> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failed = None;
        self.away.tick(&mut self.pipeline.ready).await?;
        self.show_unit();
        loop {
            if let Some(event) = self.away.try_event() {
                self.off_cursor(event).await?;
            }
            self.pipeline.settle(None).await?;
            if failed.is_none() && self.pipeline.has_room() {
                match receiver.try_recv() {
                    Ok(Read::Transaction(transaction, permit)) => {
                        self.take(&transaction, permit).await?;
                        self.pipeline.dispatch(false).await?;
                        continue;
                    }
                    Ok(Read::Idle) => continue,
                    Ok(Read::Failed(error)) => failed = Some(error),
                    Err(mpsc::error::TryRecvError::Empty) => {}
                    Err(mpsc::error::TryRecvError::Disconnected) => {
                        failed = Some(DmError::new(&codes::DB_BAD_CONN, "the reader ended"));
                    }
                }
            }
            // Nothing more is at hand, or nothing more may be taken: latency first.
            self.pipeline.dispatch(true).await?;
            self.committed();
            if let Some(error) = failed.take_if(|_| self.pipeline.unfinished() == 0) {
                return Err(error.into());
            }
            let may_take = failed.is_none() && self.pipeline.has_room();
            self.control.check()?;
            tokio::select! {
                ended = self.pipeline.next() => self.pipeline.settle(Some(ended)).await?,
                read = receiver.recv(), if may_take => match read {
                    Some(Read::Transaction(transaction, permit)) => {
                        self.take(&transaction, permit).await?;
                    }
                    Some(Read::Idle) => {}
                    Some(Read::Failed(error)) => failed = Some(error),
                    None => failed = Some(DmError::new(&codes::DB_BAD_CONN, "the reader ended")),
                },
                event = self.away.event() => self.off_cursor(event).await?,
                _ = tick.tick() => {
                    self.pipeline.idle().await?;
                    self.away.tick(&mut self.pipeline.ready).await?;
                    self.refresh();
                }
                () = self.control.stopping() => return Err(Stop::Asked),
            }
        }
    }

    async fn take(
        &mut self,
        transaction: &Transaction,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Stop> {
        self.away
            .hold(transaction, &mut self.pipeline.ready)
            .await?;
        self.away.taken(&transaction.id);
        self.pipeline.take(transaction, permit).await
    }

    /// A table that is off the main cursor has news.
    async fn off_cursor(&mut self, event: Event) -> Result<(), Stop> {
        if Away::needs_quiet(&event) {
            self.pipeline.quiet().await?;
        }
        self.away.take(event, &mut self.pipeline.ready).await?;
        self.show_unit();
        Ok(())
    }

    /// DM's unit: Load while tables are copied.
    fn show_unit(&self) {
        let unit = if Away::is_loading(&self.pipeline.ready) {
            pb::UnitType::Load
        } else {
            pb::UnitType::Sync
        };
        self.control.update(|status| status.unit = unit);
    }

    /// Puts what was committed into the status.
    fn committed(&mut self) {
        let reports = self.pipeline.reports();
        if reports.is_empty() {
            return;
        }
        let now_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            });
        self.control.update(|status| {
            for report in &reports {
                self.rate.add(report.committed.rows);
                status.rows_total += report.committed.rows;
                status.bytes_total += report.committed.bytes;
                status.mismatches += report.committed.mismatches;
                for committed_ms in report.committed_ms.iter().filter(|at| **at > 0) {
                    let lag_ms = now_ms.saturating_sub(*committed_ms);
                    self.recent_lags.observe(lag_ms);
                    status.lags.observe(lag_ms);
                    status.lag_ms = Some(lag_ms);
                }
            }
        });
        if self.refreshed.elapsed() >= REFRESH || self.pipeline.unfinished() == 0 {
            self.refresh();
        }
    }

    /// Compares with the source's newest position.
    fn refresh(&mut self) {
        self.refreshed = Instant::now();
        let (average, recent) = self.rate.per_s();
        if self.lags_since.elapsed() >= LAG_WINDOW {
            self.earlier_lags = std::mem::take(&mut self.recent_lags);
            self.lags_since = Instant::now();
        }
        let lags = self.recent_lags.plus(&self.earlier_lags);
        let unfinished = self.pipeline.unfinished() as u64;
        let newest = self.newest.borrow().clone();
        let all_here = self.away.is_done(&self.pipeline.ready);
        let at = self.pipeline.low();
        self.control.update(|status| {
            (status.rows_per_s, status.rows_per_s_recent) = (average, recent);
            status.position = at.binlog.to_string();
            status.gtid = gtid_text(at);
            status.lag_p50_ms = lags.quantile_ms(0.5);
            status.lag_p99_ms = lags.quantile_ms(0.99);
            status.transactions_ahead = unfinished;
            if let Some(newest) = newest {
                status.source_position = newest.binlog.to_string();
                status.source_gtid = gtid_text(&newest);
                status.synced = all_here && at.reaches(&newest);
                status.bytes_ahead = (newest.binlog.file == at.binlog.file)
                    .then(|| newest.binlog.offset.saturating_sub(at.binlog.offset));
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
