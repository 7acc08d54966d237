//! Requests that come twice, late, or of several steps (R28, R29).

use std::time::Duration;

use dm_master::state::ANSWERS_MAX;
use dm_proto::{
    pb::{
        OperateSourceRequest, OperateTaskRequest, OperateTaskResponse, SourceOp, TaskOp,
        master_client::MasterClient,
    },
    request_id::RequestId,
    transport,
    v1::{Command, Outcome, Settings, command::Kind},
};
use prost::Message;

use crate::{
    cluster::{Cluster, eventually, source_yaml, task_yaml},
    leases::cluster_create_when_ready,
    worker::Worker,
};

const BEAT: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

async fn one_running() -> (Cluster, Worker) {
    let cluster = Cluster::start(3, "1s").await;
    let worker = Worker::start("w1", &cluster.addrs, BEAT);
    cluster_create_when_ready(&cluster, "s1").await;
    let started = cluster.start_task(&task_yaml("t", &["s1"])).await;
    assert!(started.result, "{}", started.msg);
    (cluster, worker)
}

fn request(op: TaskOp) -> OperateTaskRequest {
    OperateTaskRequest {
        op: op.into(),
        name: "t".into(),
        sources: vec![],
    }
}

/// At this master, with or without an id.
async fn operate(
    cluster: &Cluster,
    master: usize,
    op: TaskOp,
    id: Option<&RequestId>,
) -> OperateTaskResponse {
    let mut client = MasterClient::connect(format!("http://{}", cluster.addrs[master]))
        .await
        .unwrap();
    let message = match id {
        Some(id) => transport::mutating_request(request(op), PATIENCE, id),
        None => tonic::Request::new(request(op)),
    };
    client.operate_task(message).await.unwrap().into_inner()
}

async fn authorised(cluster: &Cluster) -> u64 {
    let leader = cluster.leader().await;
    let api = &cluster.masters[leader].as_ref().unwrap().api;
    api.replicated
        .read(|state| state.tasks["t"].subtasks["s1"].authorised.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_a_repeat_without_an_id_is_the_same_request() {
    let (mut cluster, _worker) = one_running().await;
    assert!(operate(&cluster, 0, TaskOp::Pause, None).await.result);
    // A resume restarts the subtask under a new epoch: done twice it would be seen.
    assert!(operate(&cluster, 0, TaskOp::Resume, None).await.result);
    let first = authorised(&cluster).await;
    for master in 0..3 {
        assert!(operate(&cluster, master, TaskOp::Resume, None).await.result);
        assert_eq!(authorised(&cluster).await, first, "through master {master}");
    }
    // Also at the next leader.
    let leader = cluster.leader().await;
    cluster.kill(leader).await;
    let other = cluster.leader().await;
    assert!(operate(&cluster, other, TaskOp::Resume, None).await.result);
    assert_eq!(authorised(&cluster).await, first);
    // Once something else was done in between it is another request.
    assert!(operate(&cluster, other, TaskOp::Pause, None).await.result);
    assert!(operate(&cluster, other, TaskOp::Resume, None).await.result);
    let second = authorised(&cluster).await;
    assert!(second > first);
    // And whoever gives an id says so itself.
    let id = RequestId::generate();
    assert!(
        operate(&cluster, other, TaskOp::Resume, Some(&id))
            .await
            .result
    );
    assert!(authorised(&cluster).await > second);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r28_an_id_older_than_the_answers_kept_is_refused() {
    let (cluster, _worker) = one_running().await;
    let leader = cluster.leader().await;
    let api = cluster.masters[leader].as_ref().unwrap().api.clone();
    let old = RequestId::stamped(api.replicated.read(|state| state.applied));
    assert!(
        operate(&cluster, leader, TaskOp::Pause, Some(&old))
            .await
            .result
    );
    let propose = |number: usize| {
        let replica = api.replica.clone();
        async move {
            let command = Command {
                request_id: format!("filler-{number}"),
                kind: Some(Kind::Settings(Settings {
                    lease_ttl_ms: 1_000,
                })),
                ..Command::default()
            };
            let (_, answer) = replica
                .propose(command.encode_to_vec(), PATIENCE)
                .await
                .unwrap();
            assert!(Outcome::decode(answer.as_slice()).unwrap().ok);
        }
    };
    let fillers = futures::stream::iter((0..=ANSWERS_MAX).map(propose));
    futures::StreamExt::for_each_concurrent(fillers, 256, |one| one).await;
    let resumed = operate(&cluster, leader, TaskOp::Resume, None).await;
    assert!(resumed.result, "{}", resumed.msg);
    let epoch = authorised(&cluster).await;
    // The first answer is forgotten. Carried out again, it would pause what the user has resumed since.
    let again = operate(&cluster, leader, TaskOp::Pause, Some(&old)).await;
    assert!(
        !again.result && again.msg.contains("too old"),
        "{}",
        again.msg
    );
    let now = api
        .replicated
        .read(|state| (state.tasks["t"].subtasks["s1"].wanted, state.answers.len()));
    assert_eq!(now.0, dm_master::state::Wanted::Running);
    assert!(now.1 <= ANSWERS_MAX);
    assert_eq!(authorised(&cluster).await, epoch);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r28_several_sources_are_created_and_removed_together() {
    let (cluster, _worker) = one_running().await;
    let yamls = |ids: &[&str]| ids.iter().map(|id| source_yaml(id)).collect::<Vec<_>>();
    let created = cluster
        .operate_source(SourceOp::StartSource, yamls(&["a", "b", "c"]), vec![])
        .await;
    assert!(created.result, "{}", created.msg);
    // s1 has a task: with it in the list nothing is removed.
    let names = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let refused = cluster
        .operate_source(SourceOp::StopSource, vec![], names(&["a", "s1", "b"]))
        .await;
    assert!(
        !refused.result && refused.msg.contains("46010"),
        "{}",
        refused.msg
    );
    let shown = cluster
        .operate_source(SourceOp::ShowSource, vec![], names(&["a", "b", "c"]))
        .await;
    assert!(shown.result, "{}", shown.msg);
    let removed = cluster
        .operate_source(SourceOp::StopSource, vec![], names(&["a", "b"]))
        .await;
    assert!(removed.result, "{}", removed.msg);
    let gone = cluster
        .operate_source(SourceOp::ShowSource, vec![], names(&["a"]))
        .await;
    assert!(!gone.result, "{gone:?}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_change_of_leader_fails_no_request() {
    let (cluster, _worker) = one_running().await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clients: Vec<_> = (0..3)
        .map(|master| {
            let (addr, stop) = (cluster.addrs[master].clone(), stop.clone());
            tokio::spawn(async move {
                let mut client = MasterClient::connect(format!("http://{addr}"))
                    .await
                    .unwrap();
                let mut done = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let request = OperateSourceRequest {
                        op: SourceOp::StartSource.into(),
                        config: vec![source_yaml(&format!("m{master}-{done}"))],
                        source_id: vec![],
                        worker_name: String::new(),
                    };
                    let answer = client.operate_source(request).await.unwrap().into_inner();
                    assert!(answer.result, "{}", answer.msg);
                    done += 1;
                }
                done
            })
        })
        .collect();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let leader = cluster.leader().await;
        let api = &cluster.masters[leader].as_ref().unwrap().api;
        api.replica.step_down(PATIENCE).await.unwrap();
        eventually("another leader", || {
            cluster
                .masters
                .iter()
                .flatten()
                .any(|master| master.api.term.borrow().is_some())
                .then_some(())
        })
        .await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
    cluster.stop().await;
}
