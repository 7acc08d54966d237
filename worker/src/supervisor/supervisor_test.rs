use super::*;
use crate::lease::BoottimeMs;
use crate::supervisor::Running;
use crate::sync::{SubtaskSpec, SubtaskStatus};
use dm_model::Incarnation;
use dm_proto::{pb, v1::worker_message::Kind};
use std::collections::BTreeSet as Set;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

const TTL_MS: u64 = 5_000;

/// Records what is started and stopped; a stop ends when a permit is there.
#[derive(Clone)]
struct Fake {
    log: mpsc::UnboundedSender<String>,
    gate: Arc<Semaphore>,
    running: Arc<Mutex<Set<String>>>,
}

struct FakeHandle {
    fake: Fake,
    name: String,
}

impl Spawn for Fake {
    type Handle = FakeHandle;

    fn relay(&self, _: Arc<dm_model::SourceConfig>) -> Option<Arc<crate::relay::Relay>> {
        None
    }

    fn spawn(&self, spec: SubtaskSpec) -> FakeHandle {
        assert!(spec.token.is_live());
        let name = format!(
            "{}/{}@{}",
            spec.token.source(),
            spec.token.task(),
            spec.token.epoch()
        );
        assert!(self.running.lock().expect("lock").insert(format!(
            "{}/{}",
            spec.token.source(),
            spec.token.task()
        )));
        self.log.send(format!("start {name}")).expect("open");
        FakeHandle {
            fake: self.clone(),
            name,
        }
    }
}

impl Running for FakeHandle {
    fn stop(&self) {
        self.fake
            .log
            .send(format!("stop {}", self.name))
            .expect("open");
    }

    async fn stopped(&mut self) {
        if self.name.starts_with("slow") {
            self.fake.gate.acquire().await.expect("open").forget();
        }
        let key = self.name.split('@').next().expect("part").to_owned();
        self.fake.running.lock().expect("lock").remove(&key);
    }

    fn status(&self) -> Arc<SubtaskStatus> {
        Arc::new(SubtaskStatus {
            stage: pb::Stage::Running,
            unit: pb::UnitType::Sync,
            ..Default::default()
        })
    }
}

struct World {
    supervisor: Supervisor<Fake>,
    leases: Arc<LeaseTable>,
    log: mpsc::UnboundedReceiver<String>,
    gate: Arc<Semaphore>,
    sent: mpsc::Receiver<v1::WorkerMessage>,
    revision: u64,
}

impl World {
    fn new() -> Self {
        let (log, events) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let fake = Fake {
            log,
            gate: Arc::clone(&gate),
            running: Arc::default(),
        };
        let leases = Arc::new(LeaseTable::new(Incarnation(1)));
        let outbox = Arc::new(Outbox::default());
        let (sender, sent) = mpsc::channel(64);
        outbox.connect(Some(sender));
        let supervisor = Supervisor::new(fake, Arc::clone(&leases), outbox);
        Self {
            supervisor,
            leases,
            log: events,
            gate,
            sent,
            revision: 0,
        }
    }

    fn want(&mut self, sources: Vec<v1::DesiredSource>) {
        self.revision += 1;
        let grantor = Grantor {
            cluster_id: ClusterId(9),
            secret_key: Vec::new(),
        };
        self.supervisor.desired(
            &grantor,
            v1::Desired {
                revision: self.revision,
                sources,
            },
        );
    }

    fn confirm(&self, source: &str, epoch: u64) {
        self.leases.renew(
            &SourceId::new(source).expect("valid"),
            Epoch(epoch),
            BoottimeMs::now(),
            TTL_MS,
        );
    }

    async fn next(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(5), self.log.recv())
            .await
            .expect("in time")
            .expect("open")
    }

    async fn silence(&mut self) {
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(self.log.try_recv().ok(), None);
    }

    fn stage(&self, source: &str) -> Vec<pb::Stage> {
        let views = self.supervisor.views();
        let view = views.iter().find(|view| view.source.as_str() == source);
        view.map(|view| view.subtasks.iter().map(|subtask| subtask.stage).collect())
            .unwrap_or_default()
    }

    async fn until_stage(&self, source: &str, stages: &[pb::Stage]) {
        for _ in 0..500 {
            if self.stage(source) == stages {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{source} is {:?}, not {stages:?}", self.stage(source));
    }
}

fn source(name: &str, lease: u64, epoch: u64, running: bool) -> v1::DesiredSource {
    let yaml =
        format!("source-id: {name}\nfrom: {{host: 127.0.0.1, port: 3306, user: u, password: p}}\n");
    let task = format!(
        "name: t\ntask-mode: all\ntarget-database: {{host: 127.0.0.1, port: 4000, user: u, password: p}}\n\
         mysql-instances: [{{source-id: {name}}}]\n"
    );
    let stage = if running {
        v1::WantedStage::WantedRunning
    } else {
        v1::WantedStage::WantedPaused
    };
    let subtask = v1::DesiredSubtask {
        task: "t".into(),
        yaml: task,
        stage: stage.into(),
        epoch,
        generation: 1,
        ..Default::default()
    };
    v1::DesiredSource {
        source_id: name.into(),
        epoch: lease,
        yaml,
        subtasks: vec![subtask],
        drain: false,
        ttl_ms: TTL_MS,
    }
}

#[tokio::test]
async fn starts_when_the_lease_is_confirmed_and_stops_on_pause() {
    let mut world = World::new();
    world.want(vec![source("a", 5, 7, true)]);
    world.silence().await;
    assert_eq!(world.stage("a"), [pb::Stage::New]);
    world.confirm("a", 5);
    assert_eq!(world.next().await, "start a/t@7");
    world.until_stage("a", &[pb::Stage::Running]).await;
    world.want(vec![source("a", 5, 7, false)]);
    assert_eq!(world.next().await, "stop a/t@7");
    world.until_stage("a", &[pb::Stage::Paused]).await;
    world.want(vec![source("a", 5, 12, true)]);
    assert_eq!(world.next().await, "start a/t@12");
}

#[tokio::test]
async fn new_epoch_waits_for_the_old_one_and_other_sources_do_not() {
    let mut world = World::new();
    world.want(vec![source("slow", 5, 7, true)]);
    world.confirm("slow", 5);
    assert_eq!(world.next().await, "start slow/t@7");
    world.want(vec![source("slow", 5, 9, true), source("b", 6, 8, true)]);
    world.confirm("b", 6);
    let mut seen = [world.next().await, world.next().await];
    seen.sort();
    assert_eq!(seen, ["start b/t@8", "stop slow/t@7"]);
    world.silence().await;
    assert_eq!(world.stage("slow"), [pb::Stage::Stopping]);
    world.gate.add_permits(1);
    assert_eq!(world.next().await, "start slow/t@9");
}

#[tokio::test]
async fn a_lapsed_lease_stops_until_it_is_confirmed_again() {
    let mut world = World::new();
    world.want(vec![source("a", 5, 7, true)]);
    let source_id = SourceId::new("a").expect("valid");
    world
        .leases
        .renew(&source_id, Epoch(5), BoottimeMs::now(), 200);
    assert_eq!(world.next().await, "start a/t@7");
    assert_eq!(world.next().await, "stop a/t@7");
    world.until_stage("a", &[pb::Stage::Stopped]).await;
    let response = super::super::list_response(&world.supervisor.views(), "w", "", &[]);
    let detail = &response.sources[0].sub_task_status[0]
        .result
        .as_ref()
        .expect("note")
        .detail;
    assert!(String::from_utf8_lossy(detail).contains("waits until the leader confirms"));
    world.confirm("a", 5);
    assert_eq!(world.next().await, "start a/t@7");
}

#[tokio::test]
async fn drained_is_said_when_nothing_writes_and_again_after_a_reconnect() {
    let mut world = World::new();
    world.want(vec![source("slow", 5, 7, true)]);
    world.confirm("slow", 5);
    assert_eq!(world.next().await, "start slow/t@7");
    let drain = v1::DesiredSource {
        drain: true,
        ..source("slow", 5, 7, true)
    };
    world.want(vec![drain.clone()]);
    assert_eq!(world.next().await, "stop slow/t@7");
    world.silence().await;
    assert!(world.sent.try_recv().is_err());
    world.gate.add_permits(1);
    for _ in 0..2 {
        let sent = tokio::time::timeout(Duration::from_secs(5), world.sent.recv())
            .await
            .expect("in time");
        let expected = v1::Drained {
            source_id: "slow".into(),
            epoch: 5,
        };
        assert_eq!(sent.expect("open").kind, Some(Kind::Drained(expected)));
        world.want(vec![drain.clone()]);
    }
}

#[tokio::test]
async fn nothing_starts_under_a_lease_that_was_drained() {
    let mut world = World::new();
    world.want(vec![source("a", 5, 7, true)]);
    world.confirm("a", 5);
    assert_eq!(world.next().await, "start a/t@7");
    world.want(vec![v1::DesiredSource {
        drain: true,
        ..source("a", 5, 7, true)
    }]);
    assert_eq!(world.next().await, "stop a/t@7");
    world.sent.recv().await.expect("drained");
    // The leader heard it, and hasn't moved the lease yet.
    world.want(vec![source("a", 5, 7, true)]);
    world.confirm("a", 5);
    world.silence().await;
    world.want(vec![source("a", 9, 9, true)]);
    world.confirm("a", 9);
    assert_eq!(world.next().await, "start a/t@9");
}

#[tokio::test]
async fn a_source_that_is_not_named_is_left_and_its_lease_ended() {
    let mut world = World::new();
    world.want(vec![source("a", 5, 7, true)]);
    world.confirm("a", 5);
    assert_eq!(world.next().await, "start a/t@7");
    world.want(vec![]);
    assert_eq!(world.next().await, "stop a/t@7");
    assert!(world.leases.held().is_empty());
    world.until_stage("a", &[]).await;
    assert!(world.supervisor.reports().is_empty());
}

#[tokio::test]
async fn wanted_state_of_a_deposed_leader_is_not_taken() {
    let mut world = World::new();
    world.revision = 10;
    world.want(vec![source("a", 5, 7, true)]);
    world.revision = 3;
    world.want(vec![]);
    assert_eq!(world.leases.held().len(), 1);
}

#[tokio::test]
async fn a_start_that_fails_is_shown_and_tried_again_under_a_new_epoch() {
    let mut world = World::new();
    let mut broken = source("a", 5, 7, true);
    broken.subtasks[0].yaml = "name: t\nnonsense: 1\n".into();
    world.want(vec![broken]);
    world.confirm("a", 5);
    world.until_stage("a", &[pb::Stage::Paused]).await;
    assert_eq!(world.supervisor.reports()[0].errors.len(), 1);
    world.want(vec![source("a", 5, 8, true)]);
    assert_eq!(world.next().await, "start a/t@8");
}

#[tokio::test]
async fn stopping_the_process_stops_everything_and_starts_nothing() {
    let mut world = World::new();
    world.want(vec![source("a", 5, 7, true), source("b", 6, 8, true)]);
    world.confirm("a", 5);
    world.confirm("b", 6);
    world.next().await;
    world.next().await;
    tokio::time::timeout(Duration::from_secs(5), world.supervisor.stop_all())
        .await
        .expect("in time");
    world.next().await;
    world.next().await;
    world.want(vec![source("c", 7, 9, true)]);
    world.confirm("c", 7);
    world.silence().await;
    assert_eq!(world.supervisor.leases().len(), 2);
}
