//! The life of a subtask.

use std::time::Duration;

use dm_model::{DmError, codes, config::TaskMode};
use dm_proto::pb;
use tracing::{error, warn};

use super::{away::Away, setup, setup::Ready, streaming};
use crate::sync::{
    backoff::Backoff,
    control::Control,
    meta::{Progress, TableRow, TableState},
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
        status.unit = if spec.config.mode == TaskMode::Full || Away::is_loading(&ready) {
            pb::UnitType::Load
        } else {
            pb::UnitType::Sync
        };
        status.note = None;
    });
    if ready.applier.lane().progress().finished {
        return Ok(());
    }
    if spec.config.mode == TaskMode::Full {
        return copy_only(spec, control, ready).await;
    }
    streaming::stream(spec, control, ready).await
}

/// A full migration: copies what is not copied yet, and ends.
async fn copy_only(spec: &SubtaskSpec, control: &Control, mut ready: Ready) -> Result<(), Stop> {
    let Some(from) = ready.applier.at().cloned() else {
        return Err(Stop::Definite(DmError::new(
            &codes::META_DAMAGED,
            "the subtask has no position",
        )));
    };
    let mut away = Away::start(spec, control, &ready, from)?;
    control.update(|status| status.unit = pb::UnitType::Load);
    let keep_alive = Duration::from_millis((spec.token.ttl_ms() / 3).max(200));
    while Away::is_loading(&ready) {
        tokio::select! {
            event = away.event() => away.take_copied(event, &mut ready).await?,
            // The stream's session stays open meanwhile; without traffic it would run into its idle limit.
            () = tokio::time::sleep(keep_alive) => ready.applier.lane().keep_alive().await,
            () = control.stopping() => return Err(Stop::Asked),
        }
    }
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
    let progress = Progress {
        finished: true,
        ..ready.applier.lane().progress().clone()
    };
    ready.applier.record(Vec::new(), &progress).await
}

/// How a row of `dm_table` stands relative to the main stream.
pub(super) fn standing(row: &TableRow) -> Standing {
    let cursor = || row.cursor.clone().unwrap_or_default();
    match row.state {
        TableState::Waiting | TableState::Loading => Standing::Unloaded,
        TableState::Loaded | TableState::Stopped | TableState::Paused | TableState::CatchingUp => {
            Standing::Away(cursor())
        }
        TableState::Joining => Standing::Ahead(cursor()),
        TableState::Joined => Standing::Joined,
    }
}
