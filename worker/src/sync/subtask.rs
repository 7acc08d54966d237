//! A running subtask.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use dm_model::{
    DmError, codes,
    config::{SourceConfig, SubtaskConfig, TaskConfig},
};
use dm_proto::pb;
use futures::FutureExt;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::relay::Relay;

use super::{FenceToken, Operators, SubtaskStatus, TableCommands, control::Control, run::run};

/// A stop waits this long for a commit on its way; what it leaves then is harmless, because the next owner raises the epoch.
const STOP_WITHIN: Duration = Duration::from_millis(700);

/// Everything a subtask is started with.
#[derive(Clone, Debug)]
pub struct SubtaskSpec {
    /// The right to write.
    pub token: FenceToken,
    /// The source, its password decrypted.
    pub source: Arc<SourceConfig>,
    /// The task, its password decrypted.
    pub task: Arc<TaskConfig>,
    /// The task as resolved for this source.
    pub config: SubtaskConfig,
    /// The source's relay log, where this worker keeps one.
    pub relay: Option<Arc<Relay>>,
    /// `--start-time`.
    pub start_time: Option<String>,
    /// What to do with statements that the target refuses, now and at every change.
    pub operators: watch::Receiver<Arc<Operators>>,
}

/// Starts subtasks.
#[derive(Debug)]
pub struct Subtask;

impl Subtask {
    /// Starts one. It runs until it is stopped, its lease ends, or an operator has to act.
    pub fn spawn(spec: SubtaskSpec, commands: &TableCommands) -> SubtaskHandle {
        let cancel = CancellationToken::new();
        let commands = commands.open(&spec.config.task, &spec.config.source_id);
        let control = Control::new(spec.token.clone(), cancel.clone(), commands);
        let running = tokio::spawn(watched(spec, control.clone()));
        SubtaskHandle {
            cancel,
            control,
            running: Some(running),
        }
    }
}

/// A started subtask.
#[derive(Debug)]
pub struct SubtaskHandle {
    cancel: CancellationToken,
    control: Control,
    running: Option<JoinHandle<()>>,
}

/// A panic must not look like a running subtask.
async fn watched(spec: SubtaskSpec, control: Control) {
    if AssertUnwindSafe(run(spec, control.clone()))
        .catch_unwind()
        .await
        .is_err()
    {
        let error = DmError::new(
            &codes::SYNCER_UNIT_PANIC,
            "the subtask ended by a bug; the worker's log has the place",
        );
        control.update(|status| {
            status.stage = pb::Stage::Paused;
            status.errors = vec![error];
        });
    }
}

impl SubtaskHandle {
    /// Asks it to stop; returns at once.
    pub fn stop(&self) {
        self.cancel.cancel();
    }

    /// Nothing of it will write any more: its target connections are closed.
    pub async fn stopped(&mut self) {
        self.cancel.cancel();
        let Some(running) = self.running.as_mut() else {
            return;
        };
        if tokio::time::timeout(STOP_WITHIN, &mut *running)
            .await
            .is_err()
        {
            running.abort();
            let _aborted = running.await;
        }
        // Only now: who gave up waiting may ask again.
        self.running = None;
    }

    /// Its state now.
    pub fn status(&self) -> Arc<SubtaskStatus> {
        self.control.status()
    }
}

impl Drop for SubtaskHandle {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
