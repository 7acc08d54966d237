//! One connection to the leader.

use super::pending::Pending;
use super::session::SessionParts;
use super::{Grantor, finder};
use crate::lease::BoottimeMs;
use dm_model::{ClusterId, Epoch, SourceId};
use dm_proto::v1::session_client::SessionClient;
use dm_proto::v1::{self, WorkerMessage, master_message, worker_message};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

/// Messages waiting for the network; heartbeats and replies are small.
const OUT_QUEUE_MAX: usize = 64;
/// Calls served at the same time; more are refused, with the reason.
const CALLS_MAX: usize = 16;
/// How long a leader may take to welcome us.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(2);
/// Heartbeats per TTL.
const BEATS_PER_TTL: u64 = 5;
/// A heartbeat every few milliseconds would help nobody, whatever TTL is set.
const BEAT_MIN: Duration = Duration::from_millis(20);
/// Changes of state are reported at once, but not more often than this.
const BEAT_GAP_MIN: Duration = Duration::from_millis(20);
/// Highest level of replicated state that this program understands (R26).
const STATE_LEVEL_MAX: u32 = 1;
/// How long the last messages may take to leave when the process stops.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The process stops.
    Stopped,
    /// Somebody else leads.
    Moved,
    /// This worker may not join.
    Refused(String),
    /// Anything else; try again.
    Lost(String),
}

/// One stream to one leader.
pub(super) struct Connection<'a> {
    parts: Arc<SessionParts>,
    seq: &'a AtomicU64,
    connected: &'a watch::Sender<bool>,
    pending: Pending,
    grantor: Option<Grantor>,
    beat_every: Duration,
    ttl_ms: u64,
    calls: Arc<Semaphore>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        parts: Arc<SessionParts>,
        seq: &'a AtomicU64,
        connected: &'a watch::Sender<bool>,
    ) -> Self {
        Self {
            parts,
            seq,
            connected,
            pending: Pending::default(),
            grantor: None,
            beat_every: WELCOME_TIMEOUT,
            ttl_ms: u64::try_from(WELCOME_TIMEOUT.as_millis()).unwrap_or(u64::MAX),
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
        }
    }

    /// Opens the stream and serves it until it ends.
    pub(super) async fn run(mut self, leader: &str, stop: &CancellationToken) -> Ended {
        let (out, queue) = mpsc::channel(OUT_QUEUE_MAX);
        let opening = tokio::time::timeout(WELCOME_TIMEOUT, self.open(leader, &out, queue));
        let opened = tokio::select! {
            () = stop.cancelled() => return Ended::Stopped,
            opened = opening => opened,
        };
        let mut stream = match opened {
            Ok(Ok(stream)) => stream,
            Ok(Err(ended)) => return ended,
            Err(_) => return Ended::Lost(format!("{leader} doesn't welcome this worker")),
        };
        tracing::info!(leader, "session open");
        self.parts.masters.set_leader(Some(leader.to_owned()));
        self.parts.outbox.connect(Some(out.clone()));
        self.connected.send_replace(true);
        let ended = self.serve(&mut stream, &out, stop).await;
        self.parts.outbox.connect(None);
        drop(out);
        if matches!(ended, Ended::Stopped) {
            // Half-closed: the leader has read everything once it closes its side.
            let _ = tokio::time::timeout(FLUSH_TIMEOUT, async {
                while let Ok(Some(_)) = stream.message().await {}
            })
            .await;
        }
        ended
    }

    async fn open(
        &mut self,
        leader: &str,
        out: &mpsc::Sender<WorkerMessage>,
        queue: mpsc::Receiver<WorkerMessage>,
    ) -> Result<Streaming<v1::MasterMessage>, Ended> {
        let lost = |e: &dyn std::fmt::Display| Ended::Lost(format!("{leader}: {e}"));
        let channel = finder::connect(leader).await.map_err(|e| lost(&e))?;
        let mut client =
            SessionClient::new(channel).max_decoding_message_size(finder::MESSAGE_BYTES_MAX);
        let identity = &self.parts.identity;
        let hello = v1::Hello {
            name: identity.name.clone(),
            addr: identity.addr.clone(),
            incarnation: identity.incarnation.0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state_level_max: STATE_LEVEL_MAX,
        };
        let hello = WorkerMessage {
            kind: Some(worker_message::Kind::Hello(hello)),
        };
        out.send(hello).await.map_err(|e| lost(&e))?;
        let mut stream = client
            .open(ReceiverStream::new(queue))
            .await
            .map_err(|e| lost(&e))?
            .into_inner();
        loop {
            match stream.message().await {
                Ok(Some(message)) => match message.kind {
                    Some(master_message::Kind::Welcome(welcome)) => {
                        self.welcome(welcome);
                        return Ok(stream);
                    }
                    Some(other) => {
                        if let Some(ended) = self.take(other, out) {
                            return Err(ended);
                        }
                    }
                    None => {}
                },
                Ok(None) => return Err(lost(&"stream closed")),
                Err(e) => return Err(lost(&e)),
            }
        }
    }

    fn welcome(&mut self, welcome: v1::Welcome) {
        self.parts.masters.learn(&welcome.masters);
        self.set_ttl(welcome.lease_ttl_ms);
        self.grantor = Some(Grantor {
            cluster_id: ClusterId(welcome.cluster_id),
            secret_key: welcome.secret_key.to_vec(),
        });
    }

    fn set_ttl(&mut self, ttl_ms: u64) {
        if ttl_ms > 0 {
            self.ttl_ms = ttl_ms;
            self.beat_every = Duration::from_millis(ttl_ms / BEATS_PER_TTL).max(BEAT_MIN);
        }
    }

    async fn serve(
        &mut self,
        stream: &mut Streaming<v1::MasterMessage>,
        out: &mpsc::Sender<WorkerMessage>,
        stop: &CancellationToken,
    ) -> Ended {
        let outbox = Arc::clone(&self.parts.outbox);
        if let Err(ended) = self.beat(out) {
            return ended;
        }
        let mut last_beat = Instant::now();
        let mut hurry = false;
        loop {
            let gap = if hurry { BEAT_GAP_MIN } else { self.beat_every };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                message = stream.message() => {
                    let ended = match message {
                        Ok(Some(v1::MasterMessage { kind: Some(kind) })) => self.take(kind, out),
                        Ok(Some(_)) => None,
                        Ok(None) => Some(Ended::Lost("the leader closed the session".into())),
                        Err(status) => Some(Ended::Lost(format!("session broke: {}", status.message()))),
                    };
                    if let Some(ended) = ended {
                        return ended;
                    }
                }
                () = outbox.beat_asked() => hurry = true,
                () = tokio::time::sleep_until(last_beat + gap) => {
                    if let Err(ended) = self.beat(out) {
                        return ended;
                    }
                    last_beat = Instant::now();
                    hurry = false;
                }
            }
        }
    }

    /// Sends a heartbeat. The time is taken before it is queued, so no lease outlives what the leader counts.
    fn beat(&mut self, out: &mpsc::Sender<WorkerMessage>) -> Result<(), Ended> {
        let now = BoottimeMs::now();
        // Half a TTL without an answer: whoever is there doesn't lead any more, or can't be reached.
        if self
            .pending
            .oldest()
            .is_some_and(|at| now >= at.after_ms(self.ttl_ms / 2))
        {
            return Err(Ended::Lost("the leader doesn't answer heartbeats".into()));
        }
        let seq = self.seq.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let held = self.parts.leases.held();
        let leases = held
            .into_iter()
            .map(|(source, epoch)| v1::LeaseRef {
                source_id: source.to_string(),
                epoch: epoch.0,
            })
            .collect();
        let heartbeat = v1::Heartbeat {
            seq,
            leases,
            subtasks: self.parts.duties.reports(),
        };
        self.pending.sent(seq, now);
        let message = WorkerMessage {
            kind: Some(worker_message::Kind::Heartbeat(heartbeat)),
        };
        out.try_send(message)
            .map_err(|_| Ended::Lost("the leader doesn't read".into()))
    }

    /// Takes one message; `Some` ends the connection.
    fn take(
        &mut self,
        kind: master_message::Kind,
        out: &mpsc::Sender<WorkerMessage>,
    ) -> Option<Ended> {
        match kind {
            master_message::Kind::Welcome(welcome) => self.welcome(welcome),
            master_message::Kind::NotLeader(reply) => {
                self.parts.masters.learn(&reply.masters);
                self.parts.masters.set_leader(Some(reply.leader_addr));
                return Some(Ended::Moved);
            }
            master_message::Kind::Refused(reason) => return Some(Ended::Refused(reason)),
            master_message::Kind::Ack(ack) => self.acknowledged(ack),
            master_message::Kind::Desired(desired) => match &self.grantor {
                Some(grantor) => self.parts.duties.desired(grantor, desired),
                None => return Some(Ended::Lost("wanted state came before the welcome".into())),
            },
            master_message::Kind::Call(call) => self.call(call, out),
        }
        None
    }

    fn acknowledged(&mut self, ack: v1::HeartbeatAck) {
        self.parts.masters.learn(&ack.masters);
        let shortest_ms = self
            .parts
            .leases
            .shortest_ttl_ms()
            .unwrap_or(ack.lease_ttl_ms);
        self.set_ttl(ack.lease_ttl_ms.min(shortest_ms));
        let Some(sent_at) = self.pending.answered(ack.seq) else {
            return;
        };
        for renewed in ack.renewed {
            if let Ok(source) = SourceId::new(&renewed.source_id) {
                self.parts
                    .leases
                    .renew(&source, Epoch(renewed.epoch), sent_at, self.ttl_ms);
            }
        }
    }

    fn call(&self, call: v1::Call, out: &mpsc::Sender<WorkerMessage>) {
        let Some(grantor) = self.grantor.clone() else {
            return;
        };
        let out = out.clone();
        let id = call.id;
        let Ok(permit) = Arc::clone(&self.calls).try_acquire_owned() else {
            let error = format!("this worker already serves {CALLS_MAX} calls; try again");
            let busy = v1::Reply {
                id,
                error,
                kind: None,
            };
            let _ = out.try_send(WorkerMessage {
                kind: Some(worker_message::Kind::Reply(busy)),
            });
            return;
        };
        let duties = Arc::clone(&self.parts.duties);
        tokio::spawn(async move {
            let reply = duties.call(grantor, call).await;
            let _ = out
                .send(WorkerMessage {
                    kind: Some(worker_message::Kind::Reply(reply)),
                })
                .await;
            drop(permit);
        });
    }
}
