//! What every stage of one subtask shares: the token, the wish to stop, and the status.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{FenceToken, SubtaskStatus, stop::Stop, table_command::TableQueue};

/// An idle session speaks so often per lease.
const KEEP_ALIVE_PER_TTL: u64 = 3;
/// But not more often than this.
const KEEP_ALIVE_MS_MIN: u64 = 200;

/// Handle to the shared state of a running subtask. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    token: FenceToken,
    cancel: CancellationToken,
    status: Arc<Mutex<Arc<SubtaskStatus>>>,
    commands: Arc<TableQueue>,
}

impl Control {
    pub(crate) fn new(
        token: FenceToken,
        cancel: CancellationToken,
        commands: Arc<TableQueue>,
    ) -> Self {
        Self {
            token,
            cancel,
            status: Arc::new(Mutex::new(Arc::new(SubtaskStatus::starting()))),
            commands,
        }
    }

    /// Commands about single tables.
    pub(crate) fn commands(&self) -> &TableQueue {
        &self.commands
    }

    pub(crate) fn token(&self) -> &FenceToken {
        &self.token
    }

    /// How often an idle session at the target has to say something (R12 gives it an idle limit of one TTL).
    pub(crate) fn keep_alive(&self) -> Duration {
        Duration::from_millis((self.token.ttl_ms() / KEEP_ALIVE_PER_TTL).max(KEEP_ALIVE_MS_MIN))
    }

    /// Fails when no new work may be issued: asked to stop, or the lease has ended.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        if self.cancel.is_cancelled() || !self.token.is_live() {
            Err(Stop::Asked)
        } else {
            Ok(())
        }
    }

    /// Resolves when no new work may be issued.
    pub(crate) async fn stopping(&self) {
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = self.token.ended() => {}
        }
    }

    /// Sleeps, unless the subtask is to stop first.
    pub(crate) async fn sleep(&self, duration: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = tokio::time::sleep(duration) => self.check(),
            () = self.stopping() => Err(Stop::Asked),
        }
    }

    /// Changes the published status.
    pub(crate) fn update(&self, change: impl FnOnce(&mut SubtaskStatus)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut status));
    }

    /// Says what the subtask waits for; `None` when it goes on.
    pub(crate) fn note(&self, note: Option<String>) {
        self.update(|status| status.note = note);
    }

    pub(crate) fn status(&self) -> Arc<SubtaskStatus> {
        self.status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
