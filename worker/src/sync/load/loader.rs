//! Hands tables to copiers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dm_model::{DmError, Kind, TableName, codes, config::OnError};
use tracing::{info, warn};

use super::copy::{Copied, Copier};
use crate::sync::{
    apply::Target,
    backoff::Backoff,
    control::Control,
    meta::{Lane, MetaTables, TableRow},
    stop::Stop,
    transform::Transformer,
    upstream::Upstream,
};

/// Copiers of one subtask; each has one connection on either side.
const COPIERS_MAX: usize = 4;
/// Lanes of copiers start here; lane 0 is the stream's.
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
}

/// Copies tables. Returns the rows of those that are done, or that are gone (`None`), or that failed (with their error).
pub(crate) async fn load_tables(
    context: &LoadContext,
    pending: Vec<TableRow>,
    threads: usize,
) -> Result<Vec<(TableName, Copied)>, Stop> {
    let copiers = threads.clamp(1, COPIERS_MAX).min(pending.len().max(1));
    let queue = Arc::new(Mutex::new(VecDeque::from(pending)));
    let mut running = tokio::task::JoinSet::new();
    for index in 0..copiers {
        let (context, queue) = (context.clone(), queue.clone());
        let lane = FIRST_LANE + i32::try_from(index).unwrap_or(0);
        running.spawn(async move { run_copier(context, queue, lane).await });
    }
    let mut done = Vec::new();
    let mut stopped = None;
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(Ok(copied)) => done.extend(copied),
            Ok(Err(stop)) => stopped = Some(stop),
            Err(panic) => {
                stopped = Some(Stop::Definite(
                    DmError::new(&codes::SYNCER_UNIT_PANIC, "a copier ended unexpectedly")
                        .with_cause(panic),
                ));
            }
        }
        if stopped.is_some() {
            running.abort_all();
        }
    }
    stopped.map_or(Ok(done), Err)
}

async fn run_copier(
    context: LoadContext,
    queue: Arc<Mutex<VecDeque<TableRow>>>,
    number: i32,
) -> Result<Vec<(TableName, Copied)>, Stop> {
    let lane = Lane::open(&context.target, &context.tables, &context.control, number).await?;
    let mut copier = Copier::new(context.clone(), lane);
    let mut done = Vec::new();
    loop {
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some(row) = next else { return Ok(done) };
        let name = row.name.clone();
        done.push((name, copy_until_known(&context, &mut copier, row).await?));
    }
}

/// Copies one table; a snapshot that was lost (server restarted, structure changed) is opened again.
async fn copy_until_known(
    context: &LoadContext,
    copier: &mut Copier,
    mut row: TableRow,
) -> Result<Copied, Stop> {
    let mut backoff = Backoff::new();
    loop {
        match copier.copy(&mut row).await {
            Ok(copied) => {
                info!(table = %row.name, "table copied");
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
