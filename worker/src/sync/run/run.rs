//! The life of a subtask.

use std::sync::{Arc, Mutex};

use dm_model::{DmError, codes, config::TaskMode};
use dm_proto::pb;
use tracing::{error, info, warn};

use super::{setup, setup::Ready, streaming};
use crate::sync::{
    backoff::Backoff,
    control::Control,
    load::{LoadContext, load_tables},
    meta::{TableRow, TableState},
    stop::Stop,
    subtask::SubtaskSpec,
    track::Standing,
};

/// Runs until asked to stop. Passing errors start over from the durable progress; others are shown until somebody resumes.
pub(crate) async fn run(spec: SubtaskSpec, control: Control) {
    let mut backoff = Backoff::new();
    let mut first = true;
    loop {
        let started = tokio::time::Instant::now();
        let stop = match attempt(&spec, &control, &mut first).await {
            Ok(()) => {
                control
                    .update(|status| (status.stage, status.finished) = (pb::Stage::Finished, true));
                return control.stopping().await;
            }
            Err(stop) => stop,
        };
        match stop {
            Stop::Asked => return,
            Stop::Transient(error) => {
                warn!(task = %spec.config.task, source = %spec.config.source_id, %error, "starting over from the durable progress");
                control.note(Some(format!("trying again: {error}")));
                if started.elapsed().as_secs() > 30 {
                    backoff = Backoff::new();
                }
                if control.sleep(backoff.step()).await.is_err() {
                    return;
                }
            }
            Stop::Fenced(error) | Stop::Definite(error) => {
                error!(task = %spec.config.task, source = %spec.config.source_id, %error, "subtask stopped");
                control.update(|status| {
                    status.stage = pb::Stage::Paused;
                    status.errors = vec![error];
                    status.note = None;
                });
                return control.stopping().await;
            }
        }
    }
}

async fn attempt(spec: &SubtaskSpec, control: &Control, first: &mut bool) -> Result<(), Stop> {
    let mut ready = setup::take_over(spec, control, *first).await?;
    *first = false;
    control.update(|status| {
        status.stage = pb::Stage::Running;
        status.unit = if spec.config.mode == TaskMode::Full {
            pb::UnitType::Load
        } else {
            pb::UnitType::Sync
        };
        status.note = None;
    });
    if ready.applier.lane().progress().finished {
        return Ok(());
    }
    if matches!(spec.config.mode, TaskMode::All | TaskMode::Full) {
        load(spec, control, &mut ready).await?;
    }
    if spec.config.mode == TaskMode::Full {
        let unfinished = ready
            .applier
            .rows()
            .values()
            .find(|row| matches!(row.state, TableState::Waiting | TableState::Loading));
        if let Some(row) = unfinished {
            let error = DmError::parse(&row.error).unwrap_or_else(|| {
                DmError::new(&codes::TABLE_STOPPED, format!("{} is not copied", row.name))
            });
            return Err(Stop::Definite(error));
        }
        let progress = crate::sync::meta::Progress {
            finished: true,
            ..ready.applier.lane().progress().clone()
        };
        return ready.applier.record(Vec::new(), &progress).await;
    }
    streaming::stream(spec, control, ready).await
}

/// Copies what is not copied yet.
async fn load(spec: &SubtaskSpec, control: &Control, ready: &mut Ready) -> Result<(), Stop> {
    let pending: Vec<TableRow> = ready
        .applier
        .rows()
        .values()
        .filter(|row| matches!(row.state, TableState::Waiting | TableState::Loading))
        .cloned()
        .collect();
    if pending.is_empty() {
        return Ok(());
    }
    info!(tables = pending.len(), "copying tables");
    control.update(|status| status.unit = pb::UnitType::Load);
    let transformer = std::mem::replace(&mut ready.transformer, setup::transformer(spec)?);
    let context = LoadContext {
        upstream: ready.upstream.clone(),
        target: ready.target.clone(),
        tables: ready.tables.clone(),
        control: control.clone(),
        transformer: Arc::new(Mutex::new(transformer)),
        on_error: spec.config.on_error,
    };
    let threads = usize::try_from(spec.config.mydumper.threads).unwrap_or(1);
    let copying = load_tables(&context, pending, threads);
    // The stream's session stays open meanwhile; without traffic it would run into its idle limit.
    let copied = tokio::select! {
        copied = copying => copied?,
        () = keep_alive(ready.applier.lane(), spec.token.ttl_ms()) => Vec::new(),
    };
    for (name, copied) in copied {
        ready
            .applier
            .copied(&name, copied, &mut ready.tracker)
            .await?;
    }
    setup::publish_tables(control, ready);
    Ok(())
}

async fn keep_alive(lane: &mut crate::sync::meta::Lane, ttl_ms: u64) {
    loop {
        tokio::time::sleep(std::time::Duration::from_millis((ttl_ms / 3).max(200))).await;
        lane.keep_alive().await;
    }
}

/// How a row of `dm_table` stands relative to the stream.
pub(super) fn standing(row: &TableRow) -> Standing {
    match (row.state, &row.cursor) {
        (TableState::Waiting | TableState::Loading, _) => Standing::Unloaded,
        (TableState::Loaded, Some(cursor)) => Standing::Ahead(cursor.clone()),
        (TableState::Stopped, Some(cursor)) => Standing::Stopped(cursor.clone()),
        (TableState::CatchingUp, Some(cursor)) => Standing::Behind(cursor.clone()),
        _ => Standing::Joined,
    }
}
