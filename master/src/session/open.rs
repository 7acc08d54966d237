//! One stream, from hello to its end.

use std::{sync::Arc, time::Duration};

use dm_proto::v1::{
    Command, Desired, Goodbye, Heartbeat, HeartbeatAck, Hello, LeaseRef, MasterMessage, Outcome,
    RegisterWorker, Welcome, WorkerMessage, command, master_message::Kind as Down,
    worker_message::Kind as Up,
};
use prost::Message;
use tokio::sync::Semaphore;
use tonic::{Status, Streaming};
use tracing::{debug, info, warn};

use super::{SessionService, desired::desired, hub::Out};
use crate::{clock, errors, leader::Term, raft::ProposeError};

/// A worker says hello within this time after it opened the stream.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the registration of a worker.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(5);
/// A worker that takes no order for this long is cut off; it reconnects.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Heartbeats of one worker that wait for a confirmation of leadership.
const HEARTBEATS_MAX: usize = 4;

/// Serves one stream until either side ends it.
pub(super) async fn run(service: SessionService, mut incoming: Streaming<WorkerMessage>, out: Out) {
    let Some(hello) = read_hello(&mut incoming).await else {
        return;
    };
    let Some(term) = service.term.borrow().clone() else {
        send(&out, Down::NotLeader(service.leader_reply())).await;
        return;
    };
    if !register(&service, &hello, &out).await {
        return;
    }
    let (session, replaced) = term
        .hub
        .connect(&hello.name, hello.incarnation, out.clone());
    info!(worker = hello.name, addr = hello.addr, "worker connected");
    let mut stream = Stream {
        service,
        term: term.clone(),
        hello,
        session,
        out,
        sent: None,
        heartbeats: Arc::new(Semaphore::new(HEARTBEATS_MAX)),
    };
    term.wake.notify_one();
    tokio::select! {
        () = stream.serve(&mut incoming) => {}
        () = replaced.cancelled() => debug!(worker = stream.hello.name, "replaced by a newer session"),
        () = term.over.cancelled() => {
            send(&stream.out, Down::NotLeader(stream.service.leader_reply())).await;
        }
    }
    term.hub.disconnect(&stream.hello.name, session);
    term.wake.notify_one();
    info!(worker = stream.hello.name, "worker disconnected");
}

async fn read_hello(incoming: &mut Streaming<WorkerMessage>) -> Option<Hello> {
    match tokio::time::timeout(HELLO_TIMEOUT, incoming.message()).await {
        Ok(Ok(Some(WorkerMessage {
            kind: Some(Up::Hello(hello)),
        }))) => Some(hello),
        other => {
            debug!(?other, "a session that does not begin with hello");
            None
        }
    }
}

/// Registers the worker's process, if it is not registered already. False: the stream was answered and ends.
async fn register(service: &SessionService, hello: &Hello, out: &Out) -> bool {
    let known = service.replicated.read(|state| {
        let worker = state.workers.get(&hello.name);
        worker.is_some_and(|worker| {
            worker.addr == hello.addr && worker.incarnation.0 == hello.incarnation
        })
    });
    if known {
        return true;
    }
    let kind = RegisterWorker {
        name: hello.name.clone(),
        addr: hello.addr.clone(),
        incarnation: hello.incarnation,
    };
    let command = Command {
        kind: Some(command::Kind::RegisterWorker(kind)),
        ..Command::default()
    };
    match service
        .replica
        .propose(command.encode_to_vec(), REGISTER_TIMEOUT)
        .await
    {
        Ok((_, answer)) => {
            let outcome = Outcome::decode(answer.as_slice()).unwrap_or_default();
            if !outcome.ok {
                let refusal = errors::refused(&outcome);
                warn!(worker = hello.name, addr = hello.addr, %refusal, "worker refused");
                send(out, Down::Refused(refusal.to_string())).await;
            }
            outcome.ok
        }
        Err(ProposeError::NotLeader(_)) => {
            send(out, Down::NotLeader(service.leader_reply())).await;
            false
        }
        Err(error) => {
            // The same registration again does no harm, so the worker just retries.
            let _ = out.send(Err(Status::unavailable(error.to_string()))).await;
            false
        }
    }
}

async fn send(out: &Out, kind: Down) -> bool {
    let message = MasterMessage { kind: Some(kind) };
    matches!(
        tokio::time::timeout(SEND_TIMEOUT, out.send(Ok(message))).await,
        Ok(Ok(()))
    )
}

struct Stream {
    service: SessionService,
    term: Arc<Term>,
    hello: Hello,
    session: u64,
    out: Out,
    sent: Option<Desired>,
    heartbeats: Arc<Semaphore>,
}

impl Stream {
    async fn serve(&mut self, incoming: &mut Streaming<WorkerMessage>) {
        let welcome = self.service.replicated.read(|state| Welcome {
            cluster_id: self.service.replica.cluster_id(),
            lease_ttl_ms: state.settings.lease_ttl_ms,
            secret_key: self.service.secret_key.to_vec(),
            masters: self.service.masters(),
        });
        if !send(&self.out, Down::Welcome(welcome)).await {
            return;
        }
        let mut applied = self.service.replicated.watch();
        let mut draining = self.term.draining.subscribe();
        loop {
            applied.borrow_and_update();
            draining.borrow_and_update();
            if !self.tell().await {
                warn!(worker = self.hello.name, "the worker takes no orders");
                return;
            }
            tokio::select! {
                changed = applied.changed() => if changed.is_err() { return },
                changed = draining.changed() => if changed.is_err() { return },
                message = incoming.message() => match message {
                    Ok(Some(WorkerMessage { kind: Some(kind) })) => self.handle(kind),
                    // A kind that a newer worker knows and this master does not.
                    Ok(Some(WorkerMessage { kind: None })) => {}
                    Ok(None) | Err(_) => return,
                },
            }
        }
    }

    /// Sends what the worker shall do, if that changed. False when the worker does not take it.
    async fn tell(&mut self) -> bool {
        let now = {
            let draining = self.term.draining.borrow();
            self.service
                .replicated
                .read(|state| desired(state, &self.hello.name, self.hello.incarnation, &draining))
        };
        let revision = now.revision;
        let same = self
            .sent
            .as_ref()
            .is_some_and(|sent| sent.sources == now.sources);
        if !same {
            if !send(&self.out, Down::Desired(now.clone())).await {
                return false;
            }
            self.sent = Some(now);
        }
        self.term.hub.told(&self.hello.name, self.session, revision);
        true
    }

    fn handle(&mut self, kind: Up) {
        match kind {
            Up::Heartbeat(heartbeat) => self.heartbeat(heartbeat),
            Up::Reply(reply) => self.term.hub.replied(&self.hello.name, self.session, reply),
            Up::Goodbye(Goodbye { leases }) => {
                info!(
                    worker = self.hello.name,
                    leases = leases.len(),
                    "worker says goodbye"
                );
                self.term.hub.leaving(&self.hello.name, self.session);
                self.give_back(&leases);
            }
            Up::Drained(drained) => self.give_back(&[LeaseRef {
                source_id: drained.source_id,
                epoch: drained.epoch,
            }]),
            Up::Hello(_) => debug!(worker = self.hello.name, "a second hello is ignored"),
        }
    }

    fn give_back(&self, leases: &[LeaseRef]) {
        self.service.replicated.read(|state| {
            let mut keeper = self.term.keeper();
            for lease in leases {
                keeper.give_back(state, &self.hello.name, self.hello.incarnation, lease);
            }
        });
        self.term.wake.notify_one();
    }

    /// Answers in a task of its own: the confirmation takes a round trip, and orders must not wait for it.
    fn heartbeat(&self, heartbeat: Heartbeat) {
        let Heartbeat {
            seq,
            leases,
            subtasks,
        } = heartbeat;
        self.term
            .hub
            .heard(&self.hello.name, self.session, subtasks);
        let Ok(permit) = self.heartbeats.clone().try_acquire_owned() else {
            return;
        };
        let (service, term, out) = (self.service.clone(), self.term.clone(), self.out.clone());
        let (worker, incarnation) = (self.hello.name.clone(), self.hello.incarnation);
        tokio::spawn(async move {
            let _permit = permit;
            let lease_ttl_ms = service.replicated.read(|state| state.settings.lease_ttl_ms);
            // After the receipt and before the answer: so the answer says that we led in between (R31), and with everything
            // applied that an interim leader may have granted.
            let timeout = Duration::from_millis(lease_ttl_ms);
            if let Err(error) = service.replica.linearizable(timeout).await {
                debug!(%error, worker, "heartbeat not answered");
                return;
            }
            let now = service.replica.leadership().borrow().clone();
            if term.over.is_cancelled() || !now.is_leader || now.term != term.number {
                debug!(worker, "heartbeat of an earlier term not answered");
                return;
            }
            let renewed = service.replicated.read(|state| {
                term.keeper()
                    .renew(state, &worker, incarnation, &leases, clock::now_ms())
            });
            let ack = HeartbeatAck {
                seq,
                renewed,
                lease_ttl_ms,
                masters: service.masters(),
            };
            // A full queue means a worker that does not read: it does not deserve a renewal.
            let _ = out.try_send(Ok(MasterMessage {
                kind: Some(Down::Ack(ack)),
            }));
        });
    }
}
