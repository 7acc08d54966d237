//! Hands tables to copiers, for as long as the subtask runs.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dm_model::{
    DmError, Kind, TableName, codes,
    config::{OnDuplicate, OnError},
};
use tokio::sync::{Notify, mpsc};
use tracing::{info, warn};

use super::{
    DumpArgs, LoadRate,
    copy::{Copied, Copier},
};
use crate::sync::{
    apply::Target,
    backoff::Backoff,
    control::Control,
    meta::{Lane, MetaTables, TableRow},
    stop::Stop,
    transform::Transformer,
    upstream::Upstream,
};

/// Lanes of one subtask's copiers; each has one connection on either side.
const LANES_MAX: usize = 16;
/// An idle lane is opened anew after this time.
const LANE_IDLE_MAX: Duration = Duration::from_millis(500);
/// Lanes of copiers start here; those below are the stream's.
const FIRST_LANE: i32 = 1_000;

/// What a copier needs.
#[derive(Clone, Debug)]
pub(crate) struct LoadContext {
    pub(crate) upstream: Upstream,
    pub(crate) target: Target,
    pub(crate) tables: MetaTables,
    pub(crate) control: Control,
    pub(crate) transformer: Arc<Mutex<Transformer>>,
    pub(crate) on_error: OnError,
    /// What happens to rows that the target has already.
    pub(crate) on_duplicate: OnDuplicate,
    pub(crate) args: DumpArgs,
    pub(crate) rate: Arc<LoadRate>,
    /// The source's estimates of rows and bytes.
    pub(crate) estimates: Arc<BTreeMap<TableName, (u64, u64)>>,
}

/// Tables that wait for their copy, the largest first. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadQueue {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<VecDeque<TableRow>>,
    changed: Notify,
}

impl LoadQueue {
    /// Adds tables.
    pub(crate) fn push(&self, rows: impl IntoIterator<Item = TableRow>) {
        self.lock().extend(rows);
        self.shared.changed.notify_one();
    }

    async fn pop(&self) -> TableRow {
        loop {
            if let Some(row) = self.lock().pop_front() {
                return row;
            }
            self.shared.changed.notified().await;
        }
    }

    fn bytes(&self, context: &LoadContext) -> u64 {
        self.lock().iter().map(|row| context.bytes(&row.name)).sum()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<TableRow>> {
        self.shared
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoadContext {
    fn bytes(&self, table: &TableName) -> u64 {
        self.estimates.get(table).map_or(0, |(_, bytes)| *bytes)
    }
}

/// A lane that one copier at a time has.
#[derive(Debug)]
struct Slot {
    number: i32,
    /// Open since, as long as it was used a moment ago.
    lane: Option<(Lane, Instant)>,
}

/// The lanes that no copier has.
#[derive(Debug)]
struct Lanes {
    free: Vec<Slot>,
    total: usize,
}

/// Copies the tables of the queue and reports each, until it is dropped or has to stop. Never returns `Ok`.
pub(crate) async fn load_tables(
    context: LoadContext,
    queue: LoadQueue,
    reports: mpsc::Sender<(TableName, Copied)>,
) -> Result<(), Stop> {
    let total = context.args.readers.clamp(1, LANES_MAX);
    let mut lanes = Lanes {
        free: (FIRST_LANE..)
            .take(total)
            .map(|number| Slot { number, lane: None })
            .collect(),
        total,
    };
    let mut running = tokio::task::JoinSet::new();
    loop {
        if lanes.free.is_empty() {
            ended(running.join_next().await, &mut lanes)?;
            continue;
        }
        let row = tokio::select! {
            row = queue.pop() => row,
            Some(copied) = running.join_next() => {
                ended(Some(copied), &mut lanes)?;
                continue;
            }
        };
        // A table gets lanes by its share of what is left, so that a large one is not left over at the end.
        let own = context.bytes(&row.name);
        let left = own + queue.bytes(&context);
        let share = (lanes.total as u64 * own).div_ceil(left.max(1));
        let wanted = usize::try_from(share).unwrap_or(1).clamp(1, lanes.total);
        while lanes.free.len() < wanted && !running.is_empty() {
            ended(running.join_next().await, &mut lanes)?;
        }
        let slots = lanes
            .free
            .split_off(lanes.free.len() - wanted.min(lanes.free.len()));
        let (context, reports) = (context.clone(), reports.clone());
        running.spawn(async move {
            let name = row.name.clone();
            let (copied, slots) = copy_until_known(&context, slots, row).await?;
            // The subtask is gone: nobody wants to know.
            let _gone = reports.send((name, copied)).await;
            Ok(slots)
        });
    }
}

type Ended = Result<Result<Vec<Slot>, Stop>, tokio::task::JoinError>;

fn ended(ended: Option<Ended>, lanes: &mut Lanes) -> Result<(), Stop> {
    match ended {
        None => Ok(()),
        Some(Ok(Ok(slots))) => {
            lanes.free.extend(slots);
            Ok(())
        }
        Some(Ok(Err(stop))) => Err(stop),
        Some(Err(panic)) => Err(Stop::Definite(
            DmError::new(&codes::SYNCER_UNIT_PANIC, "a copier ended unexpectedly")
                .with_cause(panic),
        )),
    }
}

/// Copies one table; a snapshot that was lost (server restarted, structure changed) is opened again.
async fn copy_until_known(
    context: &LoadContext,
    slots: Vec<Slot>,
    mut row: TableRow,
) -> Result<(Copied, Vec<Slot>), Stop> {
    let numbers: Vec<i32> = slots.iter().map(|slot| slot.number).collect();
    let mut lanes = Vec::with_capacity(slots.len());
    for slot in slots {
        lanes.push(match slot.lane {
            // The target ends sessions that are idle for longer.
            Some((lane, used)) if used.elapsed() < LANE_IDLE_MAX => lane,
            _ => {
                let (target, tables) = (&context.target, &context.tables);
                Lane::open(target, tables, &context.control, slot.number).await?
            }
        });
    }
    let copied = copy_with(context, &mut lanes, &mut row).await?;
    let used = Instant::now();
    let slots = numbers
        .into_iter()
        .zip(lanes)
        .map(|(number, lane)| Slot {
            number,
            lane: Some((lane, used)),
        })
        .collect();
    Ok((copied, slots))
}

async fn copy_with(
    context: &LoadContext,
    lanes: &mut [Lane],
    row: &mut TableRow,
) -> Result<Copied, Stop> {
    let estimate = context
        .estimates
        .get(&row.name)
        .map_or(0, |(rows, _)| *rows);
    let mut backoff = Backoff::new();
    loop {
        match Copier::new(context, lanes, estimate).copy(row).await {
            Ok(copied) => {
                info!(table = %row.name, rows = row.rows, "table copied");
                return Ok(copied);
            }
            Err(Stop::Transient(error)) if !error.is(&codes::TARGET_PROGRESS_CHANGED) => {
                warn!(table = %row.name, %error, "copy of a table starts over");
                context
                    .control
                    .note(Some(format!("copy of {} starts over: {error}", row.name)));
                context
                    .control
                    .sleep(backoff.step().max(Duration::from_millis(200)))
                    .await?;
                context.control.note(None);
            }
            Err(Stop::Definite(error))
                if context.on_error == OnError::Table && error.kind == Kind::Definite =>
            {
                warn!(table = %row.name, %error, "table cannot be copied");
                return Ok(Copied::Failed(error));
            }
            Err(stop) => return Err(stop),
        }
    }
}
