//! A worker's session without a worker: it says that it does what it is told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dm_model::SourceConfig;
use dm_proto::{
    pb,
    v1::{
        BlockedStatement, CheckSourceReply, CheckTaskReply, CurrentErrorReply, Desired, Drained,
        Goodbye, Heartbeat, Hello, LeaderRequest, LeaseRef, OperateTableReply, RaiseFenceReply,
        Reply, SubtaskReport, WantedStage, WorkerMessage, call, master_message::Kind as Down,
        reply, session_client::SessionClient, worker_message::Kind as Up,
    },
};
use prost::Message;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;

const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

#[derive(Default)]
pub struct Seen {
    pub desired: Desired,
    /// When each lease was last renewed.
    pub renewed: BTreeMap<(String, u64), Instant>,
    /// Text of the last refusal.
    pub refused: String,
    /// Set by a test: orders are read and not followed.
    pub deaf: bool,
    stages: BTreeMap<(String, String), (pb::Stage, u64)>,
    leaving: bool,
}

pub struct Worker {
    pub seen: Arc<Mutex<Seen>>,
    up: Arc<Mutex<Option<mpsc::Sender<WorkerMessage>>>>,
    task: JoinHandle<()>,
}

impl Worker {
    pub fn start(name: &str, masters: &[String], heartbeat: Duration) -> Self {
        Self::start_as(
            name,
            &format!("{name}:1"),
            rand::random::<u64>() | 1,
            masters,
            heartbeat,
        )
    }

    pub fn start_as(
        name: &str,
        addr: &str,
        incarnation: u64,
        masters: &[String],
        heartbeat: Duration,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let up = Arc::new(Mutex::new(None));
        let hello = Hello {
            name: name.into(),
            addr: addr.into(),
            incarnation,
            version: "test".into(),
            state_level_max: 1,
        };
        let task = tokio::spawn(run(
            hello,
            masters.to_vec(),
            heartbeat,
            seen.clone(),
            up.clone(),
        ));
        Worker { seen, up, task }
    }

    /// As if killed.
    pub fn kill(self) {
        self.task.abort();
    }

    /// Stops everything and says so.
    pub async fn goodbye(&self) {
        let leases = {
            let mut seen = self.seen.lock().unwrap();
            seen.leaving = true;
            leases(&seen.desired)
        };
        let up = self.up.lock().unwrap().clone().unwrap();
        up.send(WorkerMessage {
            kind: Some(Up::Goodbye(Goodbye { leases })),
        })
        .await
        .unwrap();
    }

    /// Epoch under which it was told to run the source.
    pub fn told(&self, source: &str) -> Option<u64> {
        let seen = self.seen.lock().unwrap();
        seen.desired
            .sources
            .iter()
            .find(|desired| desired.source_id == source)
            .map(|desired| desired.epoch)
    }

    pub fn renewed(&self, source: &str, epoch: u64) -> Option<Instant> {
        self.seen
            .lock()
            .unwrap()
            .renewed
            .get(&(source.to_owned(), epoch))
            .copied()
    }
}

fn leases(desired: &Desired) -> Vec<LeaseRef> {
    desired
        .sources
        .iter()
        .map(|source| LeaseRef {
            source_id: source.source_id.clone(),
            epoch: source.epoch,
        })
        .collect()
}

async fn run(
    hello: Hello,
    masters: Vec<String>,
    heartbeat: Duration,
    seen: Arc<Mutex<Seen>>,
    up: Arc<Mutex<Option<mpsc::Sender<WorkerMessage>>>>,
) {
    for master in masters.iter().cycle() {
        // Ends with an error when the leader goes; the next master tells where it is now.
        let _ = session(&hello, master, heartbeat, &seen, &up).await;
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

async fn session(
    hello: &Hello,
    master: &str,
    heartbeat: Duration,
    seen: &Arc<Mutex<Seen>>,
    up: &Arc<Mutex<Option<mpsc::Sender<WorkerMessage>>>>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let connect = |addr: String| {
        tokio::time::timeout(
            Duration::from_secs(1),
            SessionClient::connect(format!("http://{addr}")),
        )
    };
    let mut client = connect(master.to_owned()).await??;
    let leader = client
        .leader(LeaderRequest {})
        .await?
        .into_inner()
        .leader_addr;
    let mut client = connect(leader).await??;
    let (send, receive) = mpsc::channel(64);
    send.send(WorkerMessage {
        kind: Some(Up::Hello(hello.clone())),
    })
    .await?;
    *up.lock().unwrap() = Some(send.clone());
    let mut down = client
        .open(ReceiverStream::new(receive))
        .await?
        .into_inner();
    let mut tick = tokio::time::interval(heartbeat);
    let mut seq = 0;
    loop {
        let beat = tokio::select! {
            _ = tick.tick() => true,
            message = down.message() => match message? {
                Some(message) => handle(message.kind, seen, &send).await?,
                None => return Ok(()),
            },
        };
        if beat {
            seq += 1;
            send.send(WorkerMessage {
                kind: Some(Up::Heartbeat(report(seen, seq))),
            })
            .await?;
        }
    }
}

/// True when a heartbeat should follow at once.
async fn handle(
    kind: Option<Down>,
    seen: &Arc<Mutex<Seen>>,
    send: &mpsc::Sender<WorkerMessage>,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    match kind {
        Some(Down::Desired(desired)) => {
            let drains: Vec<Drained> = desired
                .sources
                .iter()
                .filter(|source| source.drain)
                .map(drained)
                .collect();
            follow(&mut seen.lock().unwrap(), desired);
            for drained in drains {
                send.send(WorkerMessage {
                    kind: Some(Up::Drained(drained)),
                })
                .await?;
            }
            return Ok(true);
        }
        Some(Down::Ack(ack)) => {
            let mut seen = seen.lock().unwrap();
            for lease in ack.renewed {
                seen.renewed
                    .insert((lease.source_id, lease.epoch), Instant::now());
            }
        }
        Some(Down::Call(call)) => {
            let kind = call.kind.map(|kind| answer(kind, &seen.lock().unwrap()));
            send.send(WorkerMessage {
                kind: Some(Up::Reply(Reply {
                    id: call.id,
                    error: String::new(),
                    kind,
                })),
            })
            .await?;
        }
        Some(Down::Refused(text)) => seen.lock().unwrap().refused = text,
        Some(Down::NotLeader(_)) => return Err("not the leader".into()),
        Some(Down::Welcome(_)) | None => {}
    }
    Ok(false)
}

fn drained(source: &dm_proto::v1::DesiredSource) -> Drained {
    Drained {
        source_id: source.source_id.clone(),
        epoch: source.epoch,
    }
}

fn follow(seen: &mut Seen, desired: Desired) {
    seen.desired = desired;
    if seen.deaf || seen.leaving {
        return;
    }
    seen.stages = seen
        .desired
        .sources
        .iter()
        .flat_map(|source| source.subtasks.iter().map(move |subtask| (source, subtask)))
        .map(|(source, subtask)| {
            let stage = if subtask.stage() == WantedStage::WantedRunning {
                pb::Stage::Running
            } else {
                pb::Stage::Paused
            };
            (
                (source.source_id.clone(), subtask.task.clone()),
                (stage, subtask.epoch),
            )
        })
        .collect();
}

fn report(seen: &Arc<Mutex<Seen>>, seq: u64) -> Heartbeat {
    let seen = seen.lock().unwrap();
    let subtasks = seen
        .stages
        .iter()
        .map(|((source, task), (stage, epoch))| SubtaskReport {
            task: task.clone(),
            source_id: source.clone(),
            epoch: *epoch,
            stage: (*stage).into(),
            unit: pb::UnitType::Sync.into(),
            ..Default::default()
        });
    Heartbeat {
        seq,
        leases: leases(&seen.desired),
        subtasks: subtasks.collect(),
    }
}

/// Questions for the current error, by all workers.
static ERRORS_ASKED: AtomicU64 = AtomicU64::new(0);

fn answer(kind: call::Kind, seen: &Seen) -> reply::Kind {
    match kind {
        call::Kind::CheckSource(check) => {
            let mut source = SourceConfig::parse(&check.yaml).unwrap().value;
            source.server_id = 1_000 + u32::try_from(check.server_ids_taken.len()).unwrap();
            reply::Kind::CheckSource(CheckSourceReply {
                yaml: source.to_yaml().unwrap(),
            })
        }
        call::Kind::CheckTask(check) => {
            let passed = !check.yaml.contains("fails-the-check");
            let message = if passed {
                "pre-check is passed. "
            } else {
                "a table has no primary key"
            };
            reply::Kind::CheckTask(CheckTaskReply {
                passed,
                message: message.to_owned(),
            })
        }
        call::Kind::CurrentError(_) => {
            // Each question finds the subtask at another statement.
            let asked = ERRORS_ASKED.fetch_add(1, Ordering::Relaxed) + 1;
            reply::Kind::CurrentError(CurrentErrorReply {
                syncing: true,
                other_error: String::new(),
                blocked: vec![BlockedStatement {
                    position: format!("(b.000001, {})", asked * 100),
                    hash: "0123456789abcdef".into(),
                    ..Default::default()
                }],
            })
        }
        call::Kind::OperateTable(asked) => reply::Kind::OperateTable(OperateTableReply {
            message: format!("{} {}.{}", asked.op, asked.schema, asked.table),
        }),
        call::Kind::RaiseFence(_) => reply::Kind::RaiseFence(RaiseFenceReply {}),
        call::Kind::QueryStatus(question) => {
            let of = |source: &String| pb::QueryStatusResponse {
                result: true,
                source_status: Some(pb::SourceStatus {
                    source: source.clone(),
                    ..Default::default()
                }),
                sub_task_status: seen
                    .stages
                    .iter()
                    .filter(|((of, task), _)| {
                        of == source && (question.task.is_empty() || *task == question.task)
                    })
                    .map(|((_, task), (stage, _))| pb::SubTaskStatus {
                        name: task.clone(),
                        stage: (*stage).into(),
                        ..Default::default()
                    })
                    .collect(),
                ..Default::default()
            };
            let sources = question.sources.iter().map(of).collect();
            reply::Kind::QueryStatus(
                pb::QueryStatusListResponse {
                    result: true,
                    msg: String::new(),
                    sources,
                }
                .encode_to_vec(),
            )
        }
    }
}
