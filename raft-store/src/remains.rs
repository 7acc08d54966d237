//! What is left in a store when its group is lost, and a store that begins where another one ended.
//!
//! Both are for the one case in which a majority will never come back, and an operator decides to go on with what one member has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::EntryPayload;
use openraft::vote::{RaftLeaderId, RaftVote};

use crate::error::StoreError;
use crate::snapshots;
use crate::store::{COMMITTED, PURGED, Store, VOTE};
use crate::types::{Entry, LeaderId, LogId, Membership, PeerNode, Snapshot, SnapshotMeta, Vote};

/// Everything that one member has.
#[derive(Debug)]
pub struct Remains {
    /// The highest term that it knows of.
    pub term: u64,
    /// Its newest entry, in the log or in the snapshot.
    pub last: Option<LogId>,
    /// The newest entry that it knew to be committed; those behind it may have been acknowledged or not.
    pub committed: Option<LogId>,
    /// The newest membership.
    pub membership: Membership,
    /// Its snapshot.
    pub snapshot: Option<Snapshot>,
    /// All entries behind the snapshot, in order.
    pub entries: Vec<Entry>,
}

impl Store {
    /// Reads everything.
    pub async fn remains(self: &Arc<Self>) -> Result<Remains, StoreError> {
        let vote: Option<Vote> = self.read_meta(VOTE)?;
        let committed: Option<Option<LogId>> = self.read_meta(COMMITTED)?;
        let purged: Option<LogId> = self.read_meta(PURGED)?;
        let snapshot = snapshots::load(self)?;
        let covered = snapshot
            .as_ref()
            .and_then(|snapshot| snapshot.meta.last_log_id);
        let first = covered.map_or(0, |id| id.index.saturating_add(1));
        let entries = self.read_entries(first, u64::MAX)?;
        if purged > covered
            || entries
                .first()
                .is_some_and(|entry| entry.log_id.index > first)
        {
            return Err(StoreError::Hole { index: first });
        }
        let mut membership = snapshot
            .as_ref()
            .map(|snapshot| snapshot.meta.last_membership.clone())
            .unwrap_or_default();
        for entry in &entries {
            if let EntryPayload::Membership(newer) = &entry.payload {
                membership = Membership::new(Some(entry.log_id), newer.clone());
            }
        }
        let last = entries.last().map(|entry| entry.log_id).or(covered);
        let voted = vote.map_or(0, |vote| vote.leader_id().term());
        let logged = last.map_or(0, |id| id.committed_leader_id().term());
        Ok(Remains {
            term: voted.max(logged),
            last,
            committed: committed.flatten(),
            membership,
            snapshot,
            entries,
        })
    }

    /// Makes this store, which must be empty, that of a group of one whose log ends at `index` in `term` with the state `data`.
    pub async fn begin_from(
        self: &Arc<Self>,
        term: u64,
        index: u64,
        node_id: u64,
        node: PeerNode,
        data: &[u8],
    ) -> Result<(), StoreError> {
        if !self.is_pristine()? {
            return Err(StoreError::Damaged {
                record: "the store".to_string(),
                reason: "it is not empty".to_string(),
            });
        }
        let leader = LeaderId::new(term, node_id);
        let last = LogId::new(leader.to_committed(), index);
        let nodes = BTreeMap::from([(node_id, node)]);
        let voters = BTreeSet::from([node_id]);
        let membership =
            openraft::Membership::new(vec![voters], nodes).map_err(|error| StoreError::Encode {
                record: "membership".to_string(),
                reason: error.to_string(),
            })?;
        let meta = SnapshotMeta {
            last_log_id: Some(last),
            last_membership: Membership::new(Some(last), membership),
        };
        snapshots::save(self, &meta, data).await?;
        self.write_meta(PURGED, &last)?;
        self.write_meta(VOTE, &Vote::from_leader_id(leader, false))?;
        self.sync().await
    }
}
