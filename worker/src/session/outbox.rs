//! The way out to the leader, whichever connection it is.

use dm_proto::v1::{WorkerMessage, worker_message::Kind};
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Notify, mpsc};

/// Messages to the leader. Without a connection they are dropped: wanted state is level-triggered, so
/// whoever must be heard says it again when the next connection has brought the wanted state.
#[derive(Debug, Default)]
pub struct Outbox {
    connection: Mutex<Option<mpsc::Sender<WorkerMessage>>>,
    beat: Notify,
}

impl Outbox {
    /// Sends if there is a connection with room; says whether it did.
    pub fn send(&self, kind: Kind) -> bool {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connection
            .as_ref()
            .is_some_and(|sender| sender.try_send(WorkerMessage { kind: Some(kind) }).is_ok())
    }

    /// Asks for a heartbeat now instead of at the next tick.
    pub fn beat_now(&self) {
        self.beat.notify_one();
    }

    /// Waits until somebody asked for a heartbeat.
    pub(super) async fn beat_asked(&self) {
        self.beat.notified().await;
    }

    /// From now on messages go there, or nowhere.
    pub fn connect(&self, sender: Option<mpsc::Sender<WorkerMessage>>) {
        *self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = sender;
    }
}
