//! The raft node: three of them in one process, over real sockets and real folders.

mod raft_support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dm_master::raft::{DataFolder, ELECTION_MS_DEFAULT, ProposeError};
use dm_model::codes;
use dm_proto::v1::peer_client::PeerClient;
use dm_proto::v1::{IdentifyRequest, RaftRequest};

use raft_support::{Cluster, DEADLINE, Running};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_masters_form_one_cluster_and_agree() {
    let mut cluster = Cluster::new(3);
    cluster.start_all().await;
    let ids: BTreeSet<u64> = cluster
        .nodes()
        .map(|running| running.node.cluster_id())
        .collect();
    assert_eq!(ids.len(), 1);
    assert!(!ids.contains(&0));

    let leader = cluster.leader().await;
    let (first, reply) = cluster
        .get(leader)
        .node
        .propose(b"a".to_vec(), DEADLINE)
        .await
        .expect("applied");
    assert_eq!(reply, b"1");
    let (second, reply) = cluster
        .get(leader)
        .node
        .propose(b"b".to_vec(), DEADLINE)
        .await
        .expect("applied");
    assert_eq!(reply, b"2");
    assert!(second > first);

    let follower = (leader + 1) % 3;
    let refused = cluster
        .get(follower)
        .node
        .propose(b"c".to_vec(), DEADLINE)
        .await
        .expect_err("not the leader");
    let ProposeError::NotLeader(Some(named)) = refused else {
        panic!("{refused}")
    };
    assert_eq!(named.name, cluster.name(leader));
    assert_eq!(
        cluster
            .get(follower)
            .node
            .leader()
            .map(|leader| leader.node_id),
        Some(named.node_id)
    );

    for running in cluster.nodes() {
        running.wait_applied(second).await;
        assert_eq!(running.tape(), ["a", "b"]);
        assert_eq!(running.node.members().len(), 3);
    }
    let members = cluster.get(leader).node.members();
    assert!(
        members
            .iter()
            .all(|member| member.alive == Some(true) && member.is_voter),
        "{members:?}"
    );
    assert_eq!(members.iter().filter(|member| member.is_leader).count(), 1);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_leader_is_replaced_within_a_second_and_comes_back_with_its_data() {
    let mut cluster = Cluster::new(3);
    cluster.start_all().await;
    let mut times = Vec::new();
    for round in 0..5 {
        let leader = cluster.leader().await;
        cluster
            .get(leader)
            .node
            .propose(format!("before {round}").into_bytes(), DEADLINE)
            .await
            .expect("applied");
        let lost = Instant::now();
        let stopping = cluster.take(leader);
        let stopping = tokio::spawn(async move { stopping.node.shutdown().await });
        let new = cluster.leader().await;
        cluster
            .get(new)
            .node
            .propose(format!("after {round}").into_bytes(), DEADLINE)
            .await
            .expect("applied");
        times.push(lost.elapsed());
        stopping.await.expect("stopped");
        cluster.start(leader).await;
    }
    times.sort();
    let leader = cluster.leader().await;
    let (index, _) = cluster
        .get(leader)
        .node
        .propose(b"end".to_vec(), DEADLINE)
        .await
        .expect("applied");
    for running in cluster.nodes() {
        running.wait_applied(index).await;
        assert_eq!(running.tape().len(), 11);
    }
    println!("leader lost to next write: {times:?}");
    assert!(times[2] <= Duration::from_millis(1000), "{times:?}");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_a_proposal_fails_by_its_deadline_and_a_returned_member_heals_it() {
    let mut cluster = Cluster::new(3);
    cluster.start_all().await;
    let leader = cluster.leader().await;
    let (a, b) = ((leader + 1) % 3, (leader + 2) % 3);
    cluster
        .get(leader)
        .node
        .propose(b"a".to_vec(), DEADLINE)
        .await
        .expect("applied");
    cluster.stop(a).await;
    cluster
        .get(leader)
        .node
        .propose(b"one lost".to_vec(), DEADLINE)
        .await
        .expect("two are a quorum");
    cluster.stop(b).await;

    let short = Duration::from_secs(2);
    let begun = Instant::now();
    let first = cluster
        .get(leader)
        .node
        .propose(b"maybe".to_vec(), short)
        .await
        .expect_err("no quorum");
    assert!(
        matches!(first, ProposeError::OutcomeUnknown | ProposeError::NoQuorum),
        "{first}"
    );
    let second = cluster
        .get(leader)
        .node
        .propose(b"never".to_vec(), short)
        .await
        .expect_err("no quorum");
    assert_eq!(second, ProposeError::NoQuorum);
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    let read = cluster
        .get(leader)
        .node
        .confirm_leadership(Duration::from_secs(1))
        .await;
    assert_eq!(read, Err(ProposeError::NoQuorum));

    cluster.start(a).await;
    let leader = cluster.leader().await;
    cluster
        .get(leader)
        .node
        .propose(b"healed".to_vec(), DEADLINE)
        .await
        .expect("a quorum again");
    assert!(!cluster.get(leader).tape().contains(&"never".to_string()));

    // A follower that is left alone says the same, and no longer names the leader that is gone.
    cluster.stop(leader).await;
    let rest = if leader == a { (a + 1) % 3 } else { a };
    if let Some(running) = cluster.try_get(rest) {
        let refused = running
            .node
            .propose(b"no".to_vec(), short)
            .await
            .expect_err("no quorum");
        assert!(
            matches!(
                refused,
                ProposeError::NoQuorum | ProposeError::NotLeader(Some(_))
            ),
            "{refused}"
        );
        tokio::time::sleep(Duration::from_millis(2 * ELECTION_MS_DEFAULT)).await;
        let refused = running
            .node
            .propose(b"no".to_vec(), short)
            .await
            .expect_err("no quorum");
        assert_eq!(refused, ProposeError::NoQuorum);
        assert_eq!(running.node.leader(), None);
    }
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_see_what_was_acknowledged_before() {
    let mut cluster = Cluster::new(3);
    cluster.start_all().await;
    let leader = cluster.leader().await;
    let node = cluster.get(leader).node.clone();
    for round in 0..50 {
        node.propose(vec![round], DEADLINE).await.expect("applied");
        node.linearizable(DEADLINE).await.expect("leads");
        assert_eq!(cluster.get(leader).tape().len(), usize::from(round) + 1);
    }
    let begun = Instant::now();
    let rounds: Vec<_> = (0..500)
        .map(|_| {
            let node = node.clone();
            tokio::spawn(async move { node.confirm_leadership(DEADLINE).await })
        })
        .collect();
    for round in rounds {
        round.await.expect("ran").expect("leads");
    }
    println!("500 concurrent confirmations: {:?}", begun.elapsed());
    let follower = (leader + 1) % 3;
    let refused = cluster
        .get(follower)
        .node
        .linearizable(DEADLINE)
        .await
        .expect_err("not the leader");
    assert!(
        matches!(refused, ProposeError::NotLeader(Some(_))),
        "{refused}"
    );
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lagging_member_gets_a_snapshot_and_the_log_stays_short() {
    let mut cluster = Cluster::new(3);
    cluster.start_all().await;
    let leader = cluster.leader().await;
    let away = (leader + 1) % 3;
    cluster.stop(away).await;
    let node = cluster.get(leader).node.clone();
    let writers: Vec<_> = (0..64)
        .map(|_| {
            let node = node.clone();
            tokio::spawn(async move {
                for _ in 0..120 {
                    node.propose(b"x".to_vec(), DEADLINE)
                        .await
                        .expect("applied");
                }
            })
        })
        .collect();
    let begun = Instant::now();
    for writer in writers {
        writer.await.expect("ran");
    }
    println!("7680 proposals of 64 clients: {:?}", begun.elapsed());
    let until = Instant::now() + DEADLINE;
    while node.metrics().purged == 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let numbers = node.metrics();
    assert!(
        numbers.snapshot >= 5_000 && numbers.purged >= 1_000,
        "{numbers:?}"
    );

    cluster.start(away).await;
    cluster.get(away).wait_applied(node.last_applied()).await;
    assert_eq!(cluster.get(away).tape().len(), 7_680);
    assert!(cluster.get(away).node.metrics().snapshot >= 5_000);
    cluster.stop(away).await;
    cluster.start(away).await;
    cluster.get(away).wait_applied(node.last_applied()).await;
    assert_eq!(cluster.get(away).tape().len(), 7_680);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_can_be_handed_over() {
    let mut cluster = Cluster::new(3);
    cluster.start_all().await;
    let leader = cluster.leader().await;
    let target = cluster.get((leader + 1) % 3).node.node_id();
    cluster
        .get(leader)
        .node
        .transfer_leader(target, DEADLINE)
        .await
        .expect("handed over");
    let refused = cluster
        .get(leader)
        .node
        .transfer_leader(42, DEADLINE)
        .await
        .expect_err("unknown");
    assert!(
        refused.is(&codes::MASTER_MASTER_NAME_NOT_EXIST),
        "{refused}"
    );
    let new = cluster.leader().await;
    cluster
        .get(new)
        .node
        .propose(b"x".to_vec(), DEADLINE)
        .await
        .expect("applied");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_master_forms_at_once_and_restarts_with_its_data() {
    let mut cluster = Cluster::new(1);
    cluster.start_all().await;
    let (_, reply) = cluster
        .get(0)
        .node
        .propose(b"a".to_vec(), DEADLINE)
        .await
        .expect("applied");
    assert_eq!(reply, b"1");
    let identity = (
        cluster.get(0).node.node_id(),
        cluster.get(0).node.cluster_id(),
    );
    cluster.stop(0).await;
    cluster.start(0).await;
    let mut watched = cluster.get(0).node.watch_leadership();
    watched.changed().await.expect("fires at once");
    tokio::time::timeout(DEADLINE, watched.wait_for(|now| now.is_leader))
        .await
        .expect("in time")
        .expect("runs");
    assert_eq!(
        (
            cluster.get(0).node.node_id(),
            cluster.get(0).node.cluster_id()
        ),
        identity
    );
    let (_, reply) = cluster
        .get(0)
        .node
        .propose(b"b".to_vec(), DEADLINE)
        .await
        .expect("applied");
    assert_eq!(reply, b"2");
    cluster.stop_all().await;
    tokio::time::timeout(DEADLINE, watched.wait_for(|now| !now.is_leader))
        .await
        .expect("in time")
        .ok();
}

/// R25: a replaced disk must not elect itself, whichever founder it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r25_an_emptied_folder_never_forms_a_cluster_again() {
    for lost in [0, 2] {
        let mut cluster = Cluster::new(3);
        cluster.start_all().await;
        let leader = cluster.leader().await;
        cluster
            .get(leader)
            .node
            .propose(b"a".to_vec(), DEADLINE)
            .await
            .expect("applied");
        cluster.stop(lost).await;
        cluster.wipe(lost);
        let refused = cluster.try_start(lost).await.expect_err("refused");
        assert!(refused.is(&codes::MASTER_INVALID_CLUSTER_ID), "{refused}");
        let help = refused.workaround.unwrap_or_default();
        assert!(
            help.contains("offline-member") && help.contains("--join"),
            "{help}"
        );
        let leader = cluster.leader().await;
        cluster
            .get(leader)
            .node
            .propose(b"b".to_vec(), DEADLINE)
            .await
            .expect("the others go on");
        cluster.stop_all().await;
    }
}

/// R25: not every founder answered, so nothing is formed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r25_a_founder_that_does_not_answer_is_waited_for() {
    let mut cluster = Cluster::new(3);
    let (first, second) = (cluster.launch(0), cluster.launch(1));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!first.is_finished() && !second.is_finished());
    let third = cluster.launch(2);
    for (index, launched) in [first, second, third].into_iter().enumerate() {
        let running = launched.await.expect("ran").expect("formed");
        cluster.put(index, running);
    }
    cluster.leader().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r25_messages_of_another_cluster_or_for_another_folder_are_refused() {
    let mut cluster = Cluster::new(1);
    cluster.start_all().await;
    let node = cluster.get(0).node.clone();
    let mut client = PeerClient::connect(format!("http://{}", cluster.peer_addr(0)))
        .await
        .expect("connects");
    let message = RaftRequest {
        cluster_id: node.cluster_id(),
        from: 7,
        to: node.node_id(),
        ..RaftRequest::default()
    };
    for (wrong, expected) in [
        (
            RaftRequest {
                cluster_id: message.cluster_id ^ 1,
                ..message.clone()
            },
            "belongs to cluster",
        ),
        (
            RaftRequest {
                cluster_id: 0,
                ..message.clone()
            },
            "belongs to cluster",
        ),
        (
            RaftRequest {
                to: message.to ^ 1,
                ..message.clone()
            },
            "data folder was replaced",
        ),
    ] {
        let reply = client.raft(wrong).await.expect("answers").into_inner();
        assert!(reply.refused.contains(expected), "{}", reply.refused);
    }
    let reply = client
        .identify(IdentifyRequest::default())
        .await
        .expect("answers")
        .into_inner();
    assert!(
        !reply.empty && reply.node_id == node.node_id() && reply.cluster_id == node.cluster_id()
    );
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_cannot_be_right_is_refused_by_name() {
    let cluster = Cluster::new(1);
    let mut options = cluster.options(0);
    options.join = vec![options.client_addr.clone()];
    let refused = Running::start(options).await.expect_err("itself");
    assert!(refused.is(&codes::MASTER_JOIN_FAIL), "{refused}");

    let mut options = cluster.options(0);
    options.initial_cluster = vec![("other".to_string(), "127.0.0.1:1".to_string())];
    let refused = Running::start(options).await.expect_err("not named");
    assert!(
        refused.message.contains("does not name this master"),
        "{refused}"
    );

    let running = Running::start(cluster.options(0)).await.expect("starts");
    let refused = Running::start(cluster.options(0))
        .await
        .expect_err("in use");
    assert!(
        refused.message.contains("in use by another process"),
        "{refused}"
    );
    running.node.shutdown().await;

    std::fs::remove_dir_all(cluster.options(0).data_dir.join("raft")).expect("removed");
    let refused = Running::start(cluster.options(0))
        .await
        .expect_err("log gone");
    assert!(
        refused.message.contains("its raft log is gone"),
        "{refused}"
    );
}

/// R25: a crash after the cluster id was recorded, before the group existed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r25_forming_goes_on_after_a_crash() {
    let mut cluster = Cluster::new(3);
    for index in [0, 1] {
        // The first founder chose the id; the second one heard it and crashed before it stored an entry.
        let options = cluster.options(index);
        let mut folder = DataFolder::open(&options.data_dir, &options.name).expect("opens");
        folder.set_cluster(77, true).expect("recorded");
    }
    cluster.start_all().await;
    for running in cluster.nodes() {
        assert_eq!(running.node.cluster_id(), 77);
    }
    cluster.stop_all().await;
    cluster.start_all().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_is_given_up_leaves_nothing_behind() {
    let mut cluster = Cluster::new(3);
    for _ in 0..2 {
        let launched = cluster.launch(0);
        tokio::time::sleep(Duration::from_millis(300)).await;
        launched.abort();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    cluster.start_all().await;
    cluster.stop_all().await;
}
