//! Who owns a source, and how it moves.

use std::time::{Duration, Instant};

use dm_proto::pb::{SourceOp, TransferSourceRequest};

use crate::{
    cluster::{Cluster, eventually},
    worker::Worker,
};

const TTL: Duration = Duration::from_millis(1_000);
const BEAT: Duration = Duration::from_millis(200);

async fn cluster() -> Cluster {
    Cluster::start(3, "1s").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_source_is_owned_renewed_and_taken_over() {
    let cluster = cluster().await;
    let first = Worker::start("w1", &cluster.addrs, BEAT);
    let created = cluster_create_when_ready(&cluster, "s1").await;
    assert_eq!(
        (
            created.source.as_str(),
            created.worker.as_str(),
            created.msg.as_str()
        ),
        ("s1", "w1", "")
    );
    let epoch = eventually("order", || first.told("s1")).await;
    let renewed = eventually("renewal", || first.renewed("s1", epoch)).await;
    eventually("next renewal", || {
        first.renewed("s1", epoch).filter(|now| *now > renewed)
    })
    .await;

    let second = Worker::start("w2", &cluster.addrs, BEAT);
    eventually("second worker", || {
        (!second.seen.lock().unwrap().desired.sources.is_empty() || connected(&cluster, 2))
            .then_some(())
    })
    .await;
    let last_renewal = first.renewed("s1", epoch).unwrap();
    first.kill();
    let taken_over = eventually("take-over", || second.told("s1")).await;
    let took = last_renewal.elapsed();
    assert!(taken_over > epoch);
    assert!(
        took >= TTL,
        "taken over while the lease was valid, after {took:?}"
    );
    assert!(took <= TTL + Duration::from_secs(1), "took {took:?}");
    eventually("renewal", || second.renewed("s1", taken_over)).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_hands_over_at_once() {
    let cluster = cluster().await;
    let (first, second) = two_workers(&cluster).await;
    cluster_create_when_ready(&cluster, "s1").await;
    let (owner, other) = if eventually("lease", || {
        first
            .told("s1")
            .map(Some)
            .or_else(|| second.told("s1").map(|_| None))
    })
    .await
    .is_some()
    {
        (&first, &second)
    } else {
        (&second, &first)
    };
    let begun = Instant::now();
    owner.goodbye().await;
    eventually("hand-over", || other.told("s1")).await;
    assert!(
        begun.elapsed() < Duration::from_millis(800),
        "took {:?}",
        begun.elapsed()
    );
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfer_source_drains_and_hands_over_within_a_second() {
    let cluster = cluster().await;
    let (first, second) = two_workers(&cluster).await;
    let owner = cluster_create_when_ready(&cluster, "s1").await.worker;
    let (target, worker) = if owner == "w1" {
        ("w2", &second)
    } else {
        ("w1", &first)
    };
    let begun = Instant::now();
    let request = TransferSourceRequest {
        source: "s1".into(),
        worker: target.into(),
    };
    let answer = cluster
        .any()
        .await
        .transfer_source(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert!(answer.result, "{}", answer.msg);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "took {:?}",
        begun.elapsed()
    );
    eventually("order", || worker.told("s1")).await;
    assert!(
        cluster
            .any()
            .await
            .transfer_source(request)
            .await
            .unwrap()
            .into_inner()
            .result,
        "already there"
    );
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r30_two_processes_of_one_name_at_two_addresses() {
    let cluster = cluster().await;
    let first = Worker::start_as("w1", "a:1", 1, &cluster.addrs, BEAT);
    cluster_create_when_ready(&cluster, "s1").await;
    let second = Worker::start_as("w1", "b:1", 2, &cluster.addrs, BEAT);
    eventually("refusal", || {
        second
            .seen
            .lock()
            .unwrap()
            .refused
            .contains("46003")
            .then_some(())
    })
    .await;
    let epoch = eventually("order", || first.told("s1")).await;
    let begun = Instant::now();
    eventually("renewal", || {
        first.renewed("s1", epoch).filter(|at| *at > begun)
    })
    .await;
    first.kill();
    // Once its lease has run out the name is free.
    eventually("take-over", || second.told("s1")).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sources_spread_over_the_workers() {
    let cluster = cluster().await;
    let (_first, _second) = two_workers(&cluster).await;
    for number in 0..6 {
        cluster_create_when_ready(&cluster, &format!("s{number}")).await;
    }
    let shown = cluster
        .operate_source(SourceOp::ShowSource, vec![], vec![])
        .await;
    assert_eq!(
        shown
            .sources
            .iter()
            .filter(|source| source.worker == "w1")
            .count(),
        3,
        "{shown:?}"
    );
    let stopped = cluster
        .operate_source(SourceOp::StopSource, vec![], vec!["s0".into()])
        .await;
    assert!(stopped.result, "{}", stopped.msg);
    assert_eq!(cluster.lease("s0").await, None);
    cluster.stop().await;
}

pub fn connected(cluster: &Cluster, count: usize) -> bool {
    cluster.masters.iter().flatten().any(|master| {
        let term = master.api.term.borrow().clone();
        term.is_some_and(|term| term.hub.connected().len() >= count)
    })
}

pub async fn two_workers(cluster: &Cluster) -> (Worker, Worker) {
    let workers = (
        Worker::start("w1", &cluster.addrs, BEAT),
        Worker::start("w2", &cluster.addrs, BEAT),
    );
    eventually("two workers", || connected(cluster, 2).then_some(())).await;
    workers
}

pub async fn cluster_create_when_ready(
    cluster: &Cluster,
    id: &str,
) -> dm_proto::pb::CommonWorkerResponse {
    eventually("worker", || connected(cluster, 1).then_some(())).await;
    let created = cluster.create_source(id).await;
    assert!(created.result, "{}", created.msg);
    created.sources.into_iter().next().unwrap()
}
