//! The node as metrics, the status page and `list-member` see it.

use std::sync::PoisonError;
use std::time::Duration;

use dm_raft_store::types::LogId;
use openraft::async_runtime::WatchReceiver;

use super::Member;
use super::node::RaftNode;

/// A member that was silent for longer is shown as not alive.
const ALIVE_SILENCE_MAX: Duration = Duration::from_secs(3);

/// Numbers for metrics and the status page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RaftNumbers {
    /// openraft's term.
    pub term: u64,
    /// Index of the newest entry of the log.
    pub last_log: u64,
    /// Index up to which a quorum has the log.
    pub committed: u64,
    /// Index of the newest entry that the machine has seen.
    pub applied: u64,
    /// Index that the newest snapshot reaches.
    pub snapshot: u64,
    /// Index up to which the log was thrown away.
    pub purged: u64,
    /// Bytes of the store's tables on disk.
    pub disk_bytes: u64,
}

impl RaftNode {
    /// All members, by name.
    pub fn members(&self) -> Vec<Member> {
        let metrics = self.inner.raft.metrics().borrow_watched().clone();
        let membership = metrics.membership_config.membership();
        let leader = self.leader().map(|leader| leader.node_id);
        let leading = self.inner.leadership.borrow().is_leader;
        let mut members: Vec<Member> = membership
            .nodes()
            .map(|(id, node)| Member {
                node_id: *id,
                name: node.name.clone(),
                peer_addr: node.peer_addr.clone(),
                client_addr: node.client_addr.clone(),
                is_leader: leader == Some(*id),
                // While the group changes: in the old one and in the new one.
                is_voter: membership
                    .get_joint_config()
                    .iter()
                    .all(|voters| voters.contains(id)),
                alive: self.alive(*id, leading, leader),
            })
            .collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members
    }

    fn alive(&self, id: u64, leading: bool, leader: Option<u64>) -> Option<bool> {
        if id == self.node_id() {
            return Some(true);
        }
        let heard = self
            .inner
            .sender
            .contacts
            .silence(id)
            .is_some_and(|silence| silence < ALIVE_SILENCE_MAX);
        (leading || heard || leader == Some(id)).then_some(heard)
    }

    /// Numbers for metrics and the status page.
    pub fn metrics(&self) -> RaftNumbers {
        let metrics = self.inner.raft.metrics().borrow_watched().clone();
        let index = |id: Option<LogId>| id.map_or(0, |id| id.index);
        RaftNumbers {
            term: metrics.current_term,
            last_log: metrics.last_log_index.unwrap_or(0),
            committed: index(metrics.cluster_committed),
            applied: self.last_applied(),
            snapshot: index(metrics.snapshot),
            purged: index(metrics.purged),
            disk_bytes: self.disk_bytes(),
        }
    }

    fn disk_bytes(&self) -> u64 {
        let held = self
            .inner
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map_or(0, |held| held.store.disk_bytes())
    }
}
