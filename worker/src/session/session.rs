//! The session: finds the leader, keeps a connection to it, and starts over when that breaks.

use super::connection::{Connection, Ended};
use super::{Duties, Masters, Outbox, finder};
use crate::lease::LeaseTable;
use dm_model::Incarnation;
use rand::Rng;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Pause before the first new try, and the longest. Short: a lease has five seconds, and an election
/// may take one of them.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// After a refusal a human has to act; no need to hurry.
const PAUSE_REFUSED: Duration = Duration::from_secs(2);

/// Who this process is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The worker's name.
    pub name: String,
    /// Where others reach its HTTP port.
    pub addr: String,
    /// Random per process start.
    pub incarnation: Incarnation,
}

/// What a session is made of; shared with the rest of the process.
pub struct SessionParts {
    /// Who this process is.
    pub identity: Identity,
    /// Known masters.
    pub masters: Arc<Masters>,
    /// Leases that acks renew.
    pub leases: Arc<LeaseTable>,
    /// What the session serves.
    pub duties: Arc<dyn Duties>,
    /// The way out.
    pub outbox: Arc<Outbox>,
}

/// Keeps the session up.
pub struct Session {
    parts: Arc<SessionParts>,
    heartbeat_seq: AtomicU64,
    connected: watch::Sender<bool>,
}

impl Session {
    /// A session that isn't open yet.
    pub fn new(parts: SessionParts) -> Self {
        Self {
            parts: Arc::new(parts),
            heartbeat_seq: AtomicU64::new(0),
            connected: watch::Sender::new(false),
        }
    }

    /// Whether a leader has welcomed this worker and the connection stands.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    /// Runs until `stop`, which closes the connection after everything in the outbox was sent.
    pub async fn run(&self, stop: CancellationToken) {
        let mut pause = PAUSE_MIN;
        let mut said = String::new();
        while !stop.is_cancelled() {
            let outcome = self.once(&stop).await;
            self.parts.outbox.connect(None);
            let welcomed = self.connected.send_replace(false);
            let wait = match outcome {
                Ended::Stopped => return,
                Ended::Moved => PAUSE_MIN,
                Ended::Refused(reason) => {
                    tracing::error!(%reason, "the leader refuses this worker");
                    PAUSE_REFUSED
                }
                Ended::Lost(reason) => {
                    if welcomed {
                        pause = PAUSE_MIN;
                        said.clear();
                    }
                    if said != reason {
                        tracing::warn!(%reason, "no session with a leader; leases run on until their deadlines");
                        said = reason;
                    }
                    let wait = pause;
                    pause = (pause * 2).min(PAUSE_MAX);
                    wait
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(jittered(wait)) => {}
            }
        }
    }

    async fn once(&self, stop: &CancellationToken) -> Ended {
        let masters = &self.parts.masters;
        let found = tokio::select! {
            () = stop.cancelled() => return Ended::Stopped,
            found = finder::find_leader(masters) => found,
        };
        let Some(leader) = found else {
            return Ended::Lost(format!(
                "no leader known to any of [{}]",
                masters.candidates().join(", ")
            ));
        };
        let connection = Connection::new(
            Arc::clone(&self.parts),
            &self.heartbeat_seq,
            &self.connected,
        );
        let ended = connection.run(&leader, stop).await;
        if matches!(ended, Ended::Lost(_)) {
            masters.set_leader(None);
        }
        ended
    }
}

/// Between half of `pause` and all of it, so that workers don't come back in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..1.0))
}

#[cfg(test)]
#[path = "session_test.rs"]
mod tests;
