//! Masters that die.

use std::time::{Duration, Instant};

use dm_proto::{
    pb::{self, SourceOp},
    request_id::RequestId,
    transport,
};

use crate::{
    cluster::{Cluster, eventually, source_yaml},
    leases::cluster_create_when_ready,
    worker::Worker,
};

const BEAT: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_dies_and_leases_go_on_without_a_jump() {
    let mut cluster = Cluster::start(3, "2s").await;
    let worker = Worker::start("w1", &cluster.addrs, BEAT);
    cluster_create_when_ready(&cluster, "s1").await;
    let epoch = eventually("order", || worker.told("s1")).await;
    let leader = cluster.leader().await;
    let killed = Instant::now();
    cluster.kill(leader).await;
    let created = cluster.create_source("s2").await;
    println!(
        "next acknowledged write {:?} after the kill: {created:?}",
        killed.elapsed()
    );
    // The worker may not have found the new leader yet; the write is answered either way.
    assert!(
        created.result || created.msg.contains("38021"),
        "{created:?}"
    );
    eventually("renewal by the new leader", || {
        worker
            .renewed("s1", epoch)
            .filter(|at| *at > killed + Duration::from_millis(300))
    })
    .await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(
        cluster.lease("s1").await,
        Some(("w1".to_owned(), epoch)),
        "same owner, same epoch"
    );
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r28_a_repeated_request_is_carried_out_once() {
    let cluster = Cluster::start(3, "1s").await;
    let _worker = Worker::start("w1", &cluster.addrs, BEAT);
    eventually("worker", || {
        crate::leases::connected(&cluster, 1).then_some(())
    })
    .await;
    let id = RequestId::generate();
    let create = || {
        let message = pb::OperateSourceRequest {
            op: SourceOp::StartSource.into(),
            config: vec![source_yaml("s1")],
            ..Default::default()
        };
        transport::mutating_request(message, Duration::from_secs(10), &id)
    };
    let first = cluster
        .any()
        .await
        .operate_source(create())
        .await
        .unwrap()
        .into_inner();
    let again = cluster
        .any()
        .await
        .operate_source(create())
        .await
        .unwrap()
        .into_inner();
    assert!(first.result, "{first:?}");
    assert_eq!(first, again);
    let other = cluster.create_source("s1").await;
    assert!(other.msg.contains("code=46007"), "{other:?}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_writes_fail_in_time() {
    let mut cluster = Cluster::start(3, "1s").await;
    let _worker = Worker::start("w1", &cluster.addrs, BEAT);
    cluster_create_when_ready(&cluster, "s1").await;
    let leader = cluster.leader().await;
    let mut client = cluster.client(leader).await;
    for number in (0..3).filter(|number| *number != leader) {
        cluster.kill(number).await;
    }
    let begun = Instant::now();
    let request = pb::OperateSourceRequest {
        op: SourceOp::StopSource.into(),
        source_id: vec!["s1".into()],
        ..Default::default()
    };
    let answer = client.operate_source(request).await;
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "took {:?}",
        begun.elapsed()
    );
    let text = match answer {
        Ok(answer) => {
            let answer = answer.into_inner();
            assert!(!answer.result);
            answer.msg
        }
        Err(status) => status.message().to_owned(),
    };
    assert!(text.contains("no quorum"), "{text}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evicted_leader_stays_away() {
    let cluster = Cluster::start(3, "1s").await;
    let leader = cluster.leader().await;
    let mut client = cluster.client(leader).await;
    let evict = pb::OperateLeaderRequest {
        op: pb::LeaderOp::EvictLeaderOp.into(),
    };
    let answer = client.operate_leader(evict).await.unwrap().into_inner();
    assert!(answer.result, "{}", answer.msg);
    eventually("another leader", || {
        cluster
            .masters
            .iter()
            .enumerate()
            .any(|(number, master)| {
                number != leader
                    && master
                        .as_ref()
                        .is_some_and(|master| master.api.term.borrow().is_some())
            })
            .then_some(())
    })
    .await;
    cluster.stop().await;
}
