//! The replicated log as the rest of the master sees it. Production: [`RaftNode`]; unit tests: a log of one.

use std::time::Duration;

use dm_model::{DmError, codes};
use tokio::sync::watch;

use crate::raft::{Leadership, Member, ProposeError, RaftNode};

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
        let own = RaftNode::node_id(self);
        let electable = |member: &Member| {
            member.node_id != own && member.is_voter && member.alive == Some(true)
        };
        let Some(target) = RaftNode::members(self).into_iter().find(electable) else {
            let message = "no other master can lead: none of them answers";
            return Err(DmError::new(&codes::NO_QUORUM, message));
        };
        self.transfer_leader(target.node_id, timeout).await
    }

    async fn failed(&self) -> String {
        RaftNode::failed(self).await
    }

    async fn shutdown(&self) {
        RaftNode::shutdown(self).await;
    }
}
