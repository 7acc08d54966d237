//! What was acknowledged is there again after the store was closed.

use dm_raft_store::types::{SnapshotMeta, Vote};
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use openraft::vote::RaftVote;
use openraft::{RaftLogReader, RaftSnapshotBuilder};

use crate::support::{append, entry, folder, log_id, membership, open, tape};

fn vote(term: u64) -> Vote {
    type LeaderId = openraft::type_config::alias::LeaderIdOf<dm_raft_store::TypeConfig>;
    Vote::from_leader_id(
        <LeaderId as openraft::vote::RaftLeaderId>::new(term, 7),
        true,
    )
}

#[tokio::test]
async fn log_vote_and_commit_mark_survive() {
    let folder = folder();
    {
        let store = open(&folder);
        assert!(store.is_pristine().expect("readable"));
        let mut log = store.log();
        log.save_vote(&vote(3)).await.expect("vote saved");
        append(&mut log, 0..20).await;
        log.save_committed(Some(log_id(1, 15)))
            .await
            .expect("mark saved");
        log.truncate_after(Some(log_id(1, 17)))
            .await
            .expect("truncated");
        log.purge(log_id(1, 4)).await.expect("purged");
    }
    let store = open(&folder);
    assert!(!store.is_pristine().expect("readable"));
    let mut log = store.log();
    assert_eq!(log.read_vote().await.expect("readable"), Some(vote(3)));
    assert_eq!(
        log.read_committed().await.expect("readable"),
        Some(log_id(1, 15))
    );
    let state = log.get_log_state().await.expect("readable");
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 4)));
    assert_eq!(state.last_log_id, Some(log_id(1, 17)));
    let entries = log.try_get_log_entries(..).await.expect("readable");
    assert_eq!(entries, (5..=17).map(entry).collect::<Vec<_>>());
    append(&mut log, 18..25).await;
    assert_eq!(
        log.try_get_log_entries(17..).await.expect("readable").len(),
        8
    );
}

#[tokio::test]
async fn only_the_newest_snapshot_is_kept_and_survives() {
    let folder = folder();
    // Several pieces.
    let big = serde_json::to_vec(&vec![(1u64, vec![7u8; 400_000])]).expect("JSON");
    {
        let store = open(&folder);
        let mut machine = store.state_machine(tape());
        for index in 1..=5 {
            let meta = SnapshotMeta {
                last_log_id: Some(log_id(1, index)),
                last_membership: membership(),
            };
            machine
                .install_snapshot(&meta, big.clone())
                .await
                .expect("installed");
        }
        assert!(big.len() > 3 * 256 * 1024);
    }
    let store = open(&folder);
    let shared = tape();
    let mut machine = store.state_machine(shared.clone());
    let found = machine
        .get_current_snapshot()
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(found.meta.last_log_id, Some(log_id(1, 5)));
    assert_eq!(found.snapshot, big);
    machine
        .install_snapshot(&found.meta, found.snapshot)
        .await
        .expect("installed");
    assert_eq!(shared.read().expect("not poisoned").0.len(), 1);
    let built = machine
        .get_snapshot_builder()
        .await
        .build_snapshot()
        .await
        .expect("built");
    assert_eq!(built.meta.last_log_id, Some(log_id(1, 5)));
}

#[tokio::test]
async fn reads_for_replication_are_bounded() {
    let folder = folder();
    let store = open(&folder);
    let mut log = store.log();
    let big = |index| {
        let payload = dm_raft_store::Payload(vec![0; 1 << 20]);
        <dm_raft_store::types::Entry as openraft::entry::RaftEntry>::new_normal(
            log_id(1, index),
            payload,
        )
    };
    openraft::storage::RaftLogStorageExt::blocking_append(&mut log, (0..6).map(big))
        .await
        .expect("appended");
    assert_eq!(
        log.limited_get_log_entries(0, 6)
            .await
            .expect("readable")
            .len(),
        2
    );
    assert_eq!(
        log.limited_get_log_entries(5, 6)
            .await
            .expect("readable")
            .len(),
        1
    );
}
