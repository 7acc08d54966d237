//! Which workers have a session, what they last reported, and calls to them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dm_proto::{
    telemetry,
    v1::{Call, MasterMessage, Reply, SubtaskReport, call, master_message},
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{clock, scheduler::SeenWorker};

/// Messages that wait for one worker. A worker that reads nothing for that many is cut off.
pub const OUT_MAX: usize = 64;
/// Calls in flight to one worker.
pub const CALLS_MAX: usize = 256;

/// What goes down a stream.
pub type Out = mpsc::Sender<Result<MasterMessage, Status>>;

/// Why a call has no reply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// The worker has no session with this leader.
    #[error("dm-worker {0} is not connected")]
    NotConnected(String),
    /// Too much is waiting for the worker.
    #[error("dm-worker {0} is busy")]
    Busy(String),
    /// No reply within the time given.
    #[error("dm-worker {worker} did not answer within {timeout_ms} ms")]
    Timeout {
        /// The worker.
        worker: String,
        /// How long it had.
        timeout_ms: u128,
    },
    /// The worker answered with an error, in DM's text form.
    #[error("{0}")]
    Refused(String),
}

/// The last reports of a worker.
#[derive(Debug, Clone, Default)]
pub struct Reported {
    /// When they came.
    pub heard_ms: u64,
    /// One per subtask.
    pub subtasks: Vec<SubtaskReport>,
}

/// All sessions of this term.
#[derive(Default)]
pub struct Hub {
    inner: Mutex<Inner>,
    /// Counts reports, connections and disconnections: whoever waits for one looks again.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    sessions_opened: u64,
    workers: BTreeMap<String, Connected>,
    /// Outlives the session: `query-status` shows it for a worker that does not answer.
    reported: BTreeMap<String, Reported>,
}

struct Connected {
    session: u64,
    incarnation: u64,
    heard_ms: u64,
    leaving: bool,
    /// Revision of the state that the worker's orders were last computed from.
    desired_revision: u64,
    out: Out,
    replaced: CancellationToken,
    calls_made: u64,
    calls: BTreeMap<u64, oneshot::Sender<Reply>>,
}

impl Hub {
    /// Enters a session; one of the same worker that is still there is told to end.
    pub fn connect(&self, worker: &str, incarnation: u64, out: Out) -> (u64, CancellationToken) {
        let replaced = CancellationToken::new();
        let mut inner = self.lock();
        inner.sessions_opened += 1;
        let session = inner.sessions_opened;
        let connected = Connected {
            session,
            incarnation,
            heard_ms: clock::now_ms(),
            leaving: false,
            desired_revision: 0,
            out,
            replaced: replaced.clone(),
            calls_made: 0,
            calls: BTreeMap::new(),
        };
        if let Some(old) = inner.workers.insert(worker.to_owned(), connected) {
            old.replaced.cancel();
        }
        drop(inner);
        self.ring();
        (session, replaced)
    }

    /// Leaves, unless a newer session of the same worker is there.
    pub fn disconnect(&self, worker: &str, session: u64) {
        let mut inner = self.lock();
        if inner
            .workers
            .get(worker)
            .is_some_and(|connected| connected.session == session)
        {
            inner.workers.remove(worker);
        }
        drop(inner);
        self.ring();
    }

    /// Notes a heartbeat.
    pub fn heard(&self, worker: &str, session: u64, subtasks: Vec<SubtaskReport>) {
        let heard_ms = clock::now_ms();
        let mut inner = self.lock();
        if let Some(connected) = inner.of_session(worker, session) {
            connected.heard_ms = heard_ms;
            inner
                .reported
                .insert(worker.to_owned(), Reported { heard_ms, subtasks });
        }
        drop(inner);
        self.ring();
    }

    /// Notes that the worker is going.
    pub fn leaving(&self, worker: &str, session: u64) {
        if let Some(connected) = self.lock().of_session(worker, session) {
            connected.leaving = true;
        }
    }

    /// Notes that the worker was told everything up to this revision.
    pub fn told(&self, worker: &str, session: u64, revision: u64) {
        if let Some(connected) = self.lock().of_session(worker, session) {
            connected.desired_revision = revision;
        }
        self.ring();
    }

    /// Hands a reply to whoever called. A late one is dropped.
    pub fn replied(&self, worker: &str, session: u64, reply: Reply) {
        let waiting = self
            .lock()
            .of_session(worker, session)
            .and_then(|connected| connected.calls.remove(&reply.id));
        if let Some(waiting) = waiting {
            // The caller may have given up just now.
            let _ = waiting.send(reply);
        }
    }

    /// Workers with a session, for the scheduler.
    pub fn seen(&self) -> BTreeMap<String, SeenWorker> {
        let inner = self.lock();
        let seen = inner.workers.iter().map(|(name, connected)| {
            let worker = SeenWorker {
                incarnation: connected.incarnation,
                heard_ms: connected.heard_ms,
                leaving: connected.leaving,
            };
            (name.clone(), worker)
        });
        seen.collect()
    }

    /// True when the worker has a session and does not go.
    pub fn is_connected(&self, worker: &str) -> bool {
        self.lock()
            .workers
            .get(worker)
            .is_some_and(|connected| !connected.leaving)
    }

    /// Names of connected workers, in order.
    pub fn connected(&self) -> Vec<String> {
        self.lock()
            .workers
            .iter()
            .filter(|(_, connected)| !connected.leaving)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Which process of that name is connected.
    pub fn incarnation(&self, worker: &str) -> Option<u64> {
        self.lock()
            .workers
            .get(worker)
            .map(|connected| connected.incarnation)
    }

    /// Revision up to which the worker was told what to do.
    pub fn told_revision(&self, worker: &str) -> Option<u64> {
        self.lock()
            .workers
            .get(worker)
            .map(|connected| connected.desired_revision)
    }

    /// The worker's last reports, also when it is gone.
    pub fn reported(&self, worker: &str) -> Option<Reported> {
        self.lock().reported.get(worker).cloned()
    }

    /// Rings at every report, connection and disconnection.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Asks a worker and waits for its reply.
    pub async fn call(
        &self,
        worker: &str,
        kind: call::Kind,
        timeout: Duration,
    ) -> Result<Reply, CallError> {
        let (id, receive) = self.send_call(worker, kind, timeout)?;
        match tokio::time::timeout(timeout, receive).await {
            Ok(Ok(reply)) if reply.error.is_empty() => Ok(reply),
            Ok(Ok(reply)) => Err(CallError::Refused(reply.error)),
            Ok(Err(_)) => Err(CallError::NotConnected(worker.to_owned())),
            Err(_) => {
                if let Some(connected) = self.lock().workers.get_mut(worker) {
                    connected.calls.remove(&id);
                }
                Err(CallError::Timeout {
                    worker: worker.to_owned(),
                    timeout_ms: timeout.as_millis(),
                })
            }
        }
    }

    fn send_call(
        &self,
        worker: &str,
        kind: call::Kind,
        timeout: Duration,
    ) -> Result<(u64, oneshot::Receiver<Reply>), CallError> {
        let mut inner = self.lock();
        let connected = inner
            .workers
            .get_mut(worker)
            .ok_or_else(|| CallError::NotConnected(worker.to_owned()))?;
        connected.calls.retain(|_, waiting| !waiting.is_closed());
        if connected.calls.len() >= CALLS_MAX {
            return Err(CallError::Busy(worker.to_owned()));
        }
        connected.calls_made += 1;
        let id = connected.calls_made;
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let call = Call {
            id,
            traceparent: telemetry::traceparent(),
            timeout_ms,
            kind: Some(kind),
        };
        let message = MasterMessage {
            kind: Some(master_message::Kind::Call(call)),
        };
        connected
            .out
            .try_send(Ok(message))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => CallError::Busy(worker.to_owned()),
                mpsc::error::TrySendError::Closed(_) => CallError::NotConnected(worker.to_owned()),
            })?;
        let (send, receive) = oneshot::channel();
        connected.calls.insert(id, send);
        Ok((id, receive))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        self.changes
            .send_modify(|changes| *changes = changes.wrapping_add(1));
    }
}

impl Inner {
    fn of_session(&mut self, worker: &str, session: u64) -> Option<&mut Connected> {
        self.workers
            .get_mut(worker)
            .filter(|connected| connected.session == session)
    }
}
