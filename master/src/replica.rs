//! The replicated log as the rest of the master sees it. Production: [`RaftNode`]; unit tests: a log of one.

use std::{collections::BTreeMap, time::Duration};

use dm_model::{DmError, codes};
use dm_proto::v1::IdentifyReply;
use tokio::sync::watch;

use crate::raft::{Joiner, Leadership, Member, ProposeError, RaftNode};

/// The log.
#[tonic::async_trait]
pub trait Replica: Send + Sync + 'static {
    /// Appends a command, waits until it is applied here, and returns its index and the machine's answer.
    async fn propose(
        &self,
        command: Vec<u8>,
        timeout: Duration,
    ) -> Result<(u64, Vec<u8>), ProposeError>;
    /// Returns when a quorum confirmed, after this call began, that this master leads.
    async fn confirm_leadership(&self, timeout: Duration) -> Result<(), ProposeError>;
    /// Returns when the local state contains everything acknowledged before this call began.
    async fn linearizable(&self, timeout: Duration) -> Result<(), ProposeError>;
    /// Who leads, now and at every change.
    fn leadership(&self) -> watch::Receiver<Leadership>;
    /// All masters, by name.
    fn members(&self) -> Vec<Member>;
    /// Node id of this master.
    fn node_id(&self) -> u64;
    /// The cluster's id.
    fn cluster_id(&self) -> u64;
    /// Lets another master lead.
    async fn step_down(&self, timeout: Duration) -> Result<(), DmError>;
    /// Lets a master in, or takes note of its new addresses. Only on the leader.
    async fn admit(&self, joiner: &Joiner, timeout: Duration) -> Result<(), DmError>;
    /// Refuses a removal after which no majority would be alive; else the member of that name. Only on the leader.
    fn check_removable(&self, name: &str) -> Result<Member, DmError>;
    /// Takes a member out. Only on the leader, and not itself.
    async fn remove(&self, node_id: u64, timeout: Duration) -> Result<(), ProposeError>;
    /// Finishes begun changes and lets learners vote that have caught up: their names. Only on the leader.
    async fn tend_membership(&self, timeout: Duration) -> Result<Vec<String>, ProposeError>;
    /// What the other members say of themselves; those that do not answer are left out.
    async fn identify_members(&self) -> BTreeMap<u64, IdentifyReply>;
    /// Returns when this member can no longer take part (a full disk, a failed sync): the process should end.
    async fn failed(&self) -> String;
    /// Stops taking part.
    async fn shutdown(&self);
}

#[tonic::async_trait]
impl Replica for RaftNode {
    async fn propose(
        &self,
        command: Vec<u8>,
        timeout: Duration,
    ) -> Result<(u64, Vec<u8>), ProposeError> {
        RaftNode::propose(self, command, timeout).await
    }

    async fn confirm_leadership(&self, timeout: Duration) -> Result<(), ProposeError> {
        RaftNode::confirm_leadership(self, timeout).await
    }

    async fn linearizable(&self, timeout: Duration) -> Result<(), ProposeError> {
        RaftNode::linearizable(self, timeout).await
    }

    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.watch_leadership()
    }

    fn members(&self) -> Vec<Member> {
        RaftNode::members(self)
    }

    fn node_id(&self) -> u64 {
        RaftNode::node_id(self)
    }

    fn cluster_id(&self) -> u64 {
        RaftNode::cluster_id(self)
    }

    async fn step_down(&self, timeout: Duration) -> Result<(), DmError> {
        let answers = RaftNode::identify_members(self).await;
        let electable = |member: &Member| {
            let willing = answers
                .get(&member.node_id)
                .is_some_and(|answer| !answer.evicted);
            member.is_voter && willing
        };
        let Some(target) = RaftNode::members(self).into_iter().find(electable) else {
            let message =
                "no other master can lead: none that votes answers and is not evicted itself";
            return Err(DmError::new(&codes::NO_QUORUM, message).with_workaround(
                "Start another master, or run `dmctl operate-leader cancel-evict` at one; see `list-member --master`.",
            ));
        };
        self.transfer_leader(target.node_id, timeout).await
    }

    async fn admit(&self, joiner: &Joiner, timeout: Duration) -> Result<(), DmError> {
        RaftNode::admit(self, joiner, timeout).await
    }

    fn check_removable(&self, name: &str) -> Result<Member, DmError> {
        RaftNode::check_removable(self, name)
    }

    async fn remove(&self, node_id: u64, timeout: Duration) -> Result<(), ProposeError> {
        RaftNode::remove(self, node_id, timeout).await
    }

    async fn tend_membership(&self, timeout: Duration) -> Result<Vec<String>, ProposeError> {
        RaftNode::tend_membership(self, timeout).await
    }

    async fn identify_members(&self) -> BTreeMap<u64, IdentifyReply> {
        RaftNode::identify_members(self).await
    }

    async fn failed(&self) -> String {
        RaftNode::failed(self).await
    }

    async fn shutdown(&self) {
        RaftNode::shutdown(self).await;
    }
}
