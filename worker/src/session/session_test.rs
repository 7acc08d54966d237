use super::*;
use crate::lease::BoottimeMs;
use crate::session::Grantor;
use dm_model::{Epoch, SourceId};
use dm_proto::v1::session_server::{Session as Service, SessionServer};
use dm_proto::v1::{self, master_message::Kind as Down, worker_message::Kind as Up};
use futures::future::BoxFuture;
use std::pin::Pin;
use std::sync::Mutex;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

const TTL_MS: u64 = 1_000;

/// A master that the test speaks through.
struct Master {
    addr: String,
    leader: Arc<Mutex<String>>,
    streams: mpsc::Receiver<Opened>,
    server: tokio::task::JoinHandle<()>,
}

/// One opened stream: what came up, and the way down.
struct Opened {
    up: Streaming<v1::WorkerMessage>,
    down: mpsc::Sender<Result<v1::MasterMessage, Status>>,
}

struct Stub {
    leader: Arc<Mutex<String>>,
    opened: mpsc::Sender<Opened>,
}

#[tonic::async_trait]
impl Service for Stub {
    type OpenStream = Pin<Box<dyn Stream<Item = Result<v1::MasterMessage, Status>> + Send>>;

    async fn leader(
        &self,
        _: Request<v1::LeaderRequest>,
    ) -> Result<Response<v1::LeaderReply>, Status> {
        let leader_addr = self.leader.lock().expect("lock").clone();
        Ok(Response::new(v1::LeaderReply {
            leader_addr,
            ..Default::default()
        }))
    }

    async fn open(
        &self,
        request: Request<Streaming<v1::WorkerMessage>>,
    ) -> Result<Response<Self::OpenStream>, Status> {
        let (down, messages) = mpsc::channel(64);
        let up = request.into_inner();
        self.opened
            .send(Opened { up, down })
            .await
            .map_err(|_| Status::aborted("test is over"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }
}

impl Master {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let addr = listener.local_addr().expect("bound").to_string();
        let leader = Arc::new(Mutex::new(addr.clone()));
        let (opened, streams) = mpsc::channel(8);
        let stub = Stub {
            leader: Arc::clone(&leader),
            opened,
        };
        let server = tonic::transport::Server::builder()
            .add_service(SessionServer::new(stub))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(async move {
            let _ = server.await;
        });
        Self {
            addr,
            leader,
            streams,
            server,
        }
    }

    /// The next stream, after its hello was answered.
    async fn welcome(&mut self) -> Opened {
        let mut opened = in_time(self.streams.recv()).await.expect("open");
        let Up::Hello(hello) = opened.next().await else {
            panic!("no hello first")
        };
        assert_eq!((hello.name.as_str(), hello.incarnation), ("w", 7));
        let welcome = v1::Welcome {
            cluster_id: 3,
            lease_ttl_ms: TTL_MS,
            masters: vec![self.addr.clone()],
            ..Default::default()
        };
        opened.say(Down::Welcome(welcome)).await;
        opened
    }
}

impl Opened {
    async fn next(&mut self) -> Up {
        in_time(self.up.message())
            .await
            .expect("stream")
            .expect("message")
            .kind
            .expect("kind")
    }

    async fn heartbeat(&mut self) -> v1::Heartbeat {
        loop {
            if let Up::Heartbeat(heartbeat) = self.next().await {
                return heartbeat;
            }
        }
    }

    async fn say(&self, kind: Down) {
        self.down
            .send(Ok(v1::MasterMessage { kind: Some(kind) }))
            .await
            .expect("open");
    }
}

/// Notes what it is told.
#[derive(Default)]
struct Notes {
    revisions: Mutex<Vec<u64>>,
}

impl Duties for Notes {
    fn desired(&self, grantor: &Grantor, desired: v1::Desired) {
        assert_eq!(grantor.cluster_id.0, 3);
        self.revisions.lock().expect("lock").push(desired.revision);
    }

    fn reports(&self) -> Vec<v1::SubtaskReport> {
        Vec::new()
    }

    fn call(self: Arc<Self>, _: Grantor, call: v1::Call) -> BoxFuture<'static, v1::Reply> {
        Box::pin(async move {
            v1::Reply {
                id: call.id,
                error: "noted".into(),
                kind: None,
            }
        })
    }
}

struct World {
    leases: Arc<LeaseTable>,
    notes: Arc<Notes>,
    outbox: Arc<Outbox>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

fn session(join: &[&str]) -> World {
    let leases = Arc::new(LeaseTable::new(Incarnation(7)));
    let notes = Arc::new(Notes::default());
    let outbox = Arc::new(Outbox::default());
    let session = Session::new(SessionParts {
        identity: Identity {
            name: "w".into(),
            addr: "a:1".into(),
            incarnation: Incarnation(7),
        },
        masters: Arc::new(Masters::new(join.iter().map(ToString::to_string).collect())),
        leases: Arc::clone(&leases),
        duties: notes.clone(),
        outbox: Arc::clone(&outbox),
    });
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let running = tokio::spawn(async move { session.run(stopping).await });
    World {
        leases,
        notes,
        outbox,
        stop,
        running,
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), future)
        .await
        .expect("in time")
}

fn source() -> SourceId {
    SourceId::new("s").expect("valid")
}

#[tokio::test]
async fn acks_renew_what_they_list_from_the_sending_on() {
    let mut master = Master::start().await;
    let world = session(&[&master.addr]);
    let lease = world.leases.adopt(&source(), Epoch(5), TTL_MS);
    let mut opened = master.welcome().await;
    let first = opened.heartbeat().await;
    assert_eq!(
        first.leases,
        [v1::LeaseRef {
            source_id: "s".into(),
            epoch: 5
        }]
    );
    let ack = |seq, epoch| {
        let renewed = vec![v1::LeaseRef {
            source_id: "s".into(),
            epoch,
        }];
        Down::Ack(v1::HeartbeatAck {
            seq,
            renewed,
            lease_ttl_ms: TTL_MS,
            masters: vec![],
        })
    };
    opened.say(ack(first.seq, 4)).await;
    opened.say(ack(first.seq + 1_000, 5)).await;
    let second = opened.heartbeat().await;
    assert!(!lease.is_live());
    let received = BoottimeMs::now();
    tokio::time::sleep(Duration::from_millis(100)).await;
    opened.say(ack(second.seq, 5)).await;
    in_time(lease.live()).await;
    assert!(lease.deadline() <= received.after_ms(TTL_MS * 95 / 100));
}

#[tokio::test]
async fn heartbeats_keep_their_pace_and_hurry_when_asked() {
    let mut master = Master::start().await;
    let world = session(&[&master.addr]);
    let mut opened = master.welcome().await;
    let seq = opened.heartbeat().await.seq;
    let ack = v1::HeartbeatAck {
        seq,
        lease_ttl_ms: 60_000,
        ..Default::default()
    };
    opened.say(Down::Ack(ack)).await;
    // From now on the next regular one is twelve seconds away.
    while tokio::time::timeout(Duration::from_millis(500), opened.next())
        .await
        .is_ok()
    {}
    world.outbox.beat_now();
    opened.heartbeat().await;
}

#[tokio::test]
async fn follows_the_leader_and_takes_wanted_state_again() {
    let mut old = Master::start().await;
    let mut new = Master::start().await;
    let world = session(&["127.0.0.1:1", &old.addr]);
    let opened = old.welcome().await;
    opened
        .say(Down::Desired(v1::Desired {
            revision: 1,
            sources: vec![],
        }))
        .await;
    *old.leader.lock().expect("lock") = new.addr.clone();
    let moved = v1::LeaderReply {
        leader_addr: new.addr.clone(),
        ..Default::default()
    };
    opened.say(Down::NotLeader(moved)).await;
    let mut opened = new.welcome().await;
    opened
        .say(Down::Desired(v1::Desired {
            revision: 2,
            sources: vec![],
        }))
        .await;
    opened
        .say(Down::Call(v1::Call {
            id: 4,
            ..Default::default()
        }))
        .await;
    loop {
        if let Up::Reply(reply) = opened.next().await {
            assert_eq!((reply.id, reply.error.as_str()), (4, "noted"));
            break;
        }
    }
    assert_eq!(*world.notes.revisions.lock().expect("lock"), [1, 2]);
}

#[tokio::test]
async fn a_leader_that_answers_no_heartbeat_is_left() {
    let mut master = Master::start().await;
    let _world = session(&[&master.addr]);
    let _silent = master.welcome().await;
    let mut opened = master.welcome().await;
    opened.heartbeat().await;
}

#[tokio::test]
async fn comes_back_after_the_leader_died() {
    let mut first = Master::start().await;
    let mut second = Master::start().await;
    let _world = session(&[&first.addr, &second.addr]);
    *second.leader.lock().expect("lock") = first.addr.clone();
    let opened = first.welcome().await;
    first.server.abort();
    drop(opened);
    tokio::time::sleep(Duration::from_millis(300)).await;
    *second.leader.lock().expect("lock") = second.addr.clone();
    second.welcome().await;
}

#[tokio::test]
async fn the_last_word_leaves_before_the_end() {
    let mut master = Master::start().await;
    let world = session(&[&master.addr]);
    let mut opened = master.welcome().await;
    opened.heartbeat().await;
    world
        .outbox
        .send(Up::Goodbye(v1::Goodbye { leases: vec![] }));
    world.stop.cancel();
    loop {
        if let Up::Goodbye(_) = opened.next().await {
            break;
        }
    }
    drop(opened);
    in_time(world.running).await.expect("no panic");
}
