//! The running node: what the rest of the master calls.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm_model::{DmError, codes};
use dm_raft_store::{Payload, TypeConfig};
use openraft::LinearizerOption;
use openraft::errors::{ClientWriteError, ForwardToLeader, LinearizableReadError, RaftError};
use openraft::raft::linearizable_read::Linearizer;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::leadership::{LeaderInfo, Leadership};
use super::lifecycle::Held;
use super::network::Sender;
use super::service::AnyRaft;
use super::{COMMAND_BYTES_MAX, ProposeError};

/// Pause before a proposal is tried again while the leader is unknown.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// A transfer of leadership that shows no effect for so long is asked for again.
const TRANSFER_RETRY: Duration = Duration::from_secs(1);

/// A member of the Raft group. Clones are the same node.
#[derive(Clone)]
pub struct RaftNode {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) raft: AnyRaft,
    pub(super) sender: Arc<Sender>,
    pub(super) leadership: watch::Receiver<Leadership>,
    pub(super) applied: watch::Receiver<u64>,
    // Taken at shutdown, which drops them last: who opens the folder again must find it closed.
    pub(super) held: Mutex<Option<Held>>,
    pub(super) stop: CancellationToken,
    pub(super) server: Mutex<Option<JoinHandle<()>>>,
    /// Why the cluster does not want this node; empty while it does.
    pub(super) expelled: watch::Sender<String>,
}

impl RaftNode {
    /// Proposes a command and waits until it is applied here. Gives the entry's index and the machine's answer.
    pub async fn propose(
        &self,
        command: Vec<u8>,
        deadline: Duration,
    ) -> Result<(u64, Vec<u8>), ProposeError> {
        if command.len() > COMMAND_BYTES_MAX {
            return Err(ProposeError::TooLarge(command.len()));
        }
        let until = Instant::now() + deadline;
        loop {
            let write = self.inner.raft.client_write(Payload(command.clone()));
            let answer = tokio::time::timeout_at(until, write)
                .await
                .map_err(|_| ProposeError::OutcomeUnknown)?;
            let forward = match answer {
                Ok(response) => return Ok((response.log_id.index, response.data.0)),
                Err(RaftError::Fatal(error)) => return Err(ProposeError::Fatal(error.to_string())),
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => forward,
                Err(RaftError::APIError(ClientWriteError::LogEntryDiscarded(_))) => {
                    return Err(ProposeError::OutcomeUnknown);
                }
                Err(RaftError::APIError(error)) => {
                    return Err(ProposeError::Fatal(error.to_string()));
                }
            };
            self.await_leader(&forward, until).await?;
        }
    }

    /// Confirms with a quorum round that this node still leads, begun after this call. Concurrent callers share rounds.
    pub async fn confirm_leadership(&self, deadline: Duration) -> Result<(), ProposeError> {
        self.read_index(Instant::now() + deadline).await.map(|_| ())
    }

    /// Waits until the machine here has everything that was acknowledged anywhere before this call. Only on the leader.
    pub async fn linearizable(&self, deadline: Duration) -> Result<(), ProposeError> {
        let until = Instant::now() + deadline;
        let read_index = self.read_index(until).await?;
        let rest = until.saturating_duration_since(Instant::now());
        match read_index
            .try_await_ready(&self.inner.raft, Some(rest))
            .await
        {
            Ok(Ok(_)) => Ok(()),
            // Nothing was proposed, so "not proposed" is the whole truth.
            Ok(Err(_)) => Err(ProposeError::NoQuorum),
            Err(error) => Err(ProposeError::Fatal(error.to_string())),
        }
    }

    async fn read_index(&self, until: Instant) -> Result<Linearizer<TypeConfig>, ProposeError> {
        loop {
            let rest = until.saturating_duration_since(Instant::now());
            // An acknowledged age of zero is ReadIndex; any other would trust clocks.
            let option = LinearizerOption::new(Some(Duration::ZERO), true).with_wait_timeout(rest);
            let round = tokio::time::timeout_at(
                until + RETRY_INTERVAL,
                self.inner.raft.get_read_linearizer(option),
            )
            .await;
            let forward = match round {
                Err(_) => return Err(ProposeError::NoQuorum),
                Ok(Ok(linearizer)) => return Ok(linearizer),
                Ok(Err(RaftError::Fatal(error))) => {
                    return Err(ProposeError::Fatal(error.to_string()));
                }
                Ok(Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)))) => {
                    return Err(ProposeError::NoQuorum);
                }
                Ok(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)))) => {
                    forward
                }
            };
            self.await_leader(&forward, until).await?;
        }
    }

    /// After a refusal that left nothing behind: names another leader, or waits a moment for one to appear.
    async fn await_leader(
        &self,
        forward: &ForwardToLeader<TypeConfig>,
        until: Instant,
    ) -> Result<(), ProposeError> {
        let known = self
            .leader()
            .filter(|leader| leader.node_id != self.node_id());
        let transferring = forward.reason != openraft::errors::ForwardReason::NotLeader;
        if let Some(leader) = known.filter(|_| !transferring) {
            return Err(ProposeError::NotLeader(Some(leader)));
        }
        let mut leadership = self.inner.leadership.clone();
        let pause = until.min(Instant::now() + RETRY_INTERVAL);
        let changed = tokio::time::timeout_at(pause, leadership.changed()).await;
        if matches!(changed, Ok(Err(_))) {
            return Err(ProposeError::Fatal("raft stopped".to_string()));
        }
        if Instant::now() >= until {
            Err(ProposeError::NoQuorum)
        } else {
            Ok(())
        }
    }

    /// The leader, when one was heard within an election time.
    pub fn leader(&self) -> Option<LeaderInfo> {
        self.inner.leadership.borrow().leader.clone()
    }

    /// Leadership as a value that changes. The first `changed()` comes at once, whatever the value is: a master that
    /// leads already when it looks must start its term like any other.
    pub fn watch_leadership(&self) -> watch::Receiver<Leadership> {
        let mut receiver = self.inner.leadership.clone();
        receiver.mark_changed();
        receiver
    }

    /// Index of the newest entry that the machine has seen, as a value that changes.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.inner.applied.clone()
    }

    /// Index of the newest entry that the machine has seen.
    pub fn last_applied(&self) -> u64 {
        *self.inner.applied.borrow()
    }

    /// This node's id.
    pub fn node_id(&self) -> u64 {
        self.inner.sender.node_id
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> u64 {
        self.inner.sender.cluster_id.load(Ordering::Acquire)
    }

    /// Hands leadership to another voter and waits until it has it. Only on the leader.
    pub async fn transfer_leader(&self, to: u64, deadline: Duration) -> Result<(), DmError> {
        let Some(target) = self
            .members()
            .into_iter()
            .find(|member| member.node_id == to && member.is_voter)
        else {
            let text = format!("no voting master has node id {to:x}");
            return Err(DmError::new(&codes::MASTER_MASTER_NAME_NOT_EXIST, text));
        };
        let failed = |cause: String| {
            DmError::new(
                &codes::MASTER_FAIL_TO_GET_EXPECT_RESULT,
                format!("leadership did not go to `{}`", target.name),
            )
            .with_cause(cause)
        };
        let until = Instant::now() + deadline;
        let mut leadership = self.inner.leadership.clone();
        // The message to the target may be lost, and openraft sends it once.
        while Instant::now() < until && leadership.borrow().is_leader {
            let asked = self.inner.raft.trigger().transfer_leader(to).await;
            asked.map_err(|error| failed(error.to_string()))?;
            let over = leadership.wait_for(|now| !now.is_leader);
            let patience = until.min(Instant::now() + TRANSFER_RETRY);
            drop(tokio::time::timeout_at(patience, over).await);
        }
        let arrived = leadership.wait_for(|now| {
            let leader = now.leader.as_ref();
            leader.is_some_and(|leader| leader.node_id != self.node_id())
        });
        match tokio::time::timeout_at(until, arrived).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(failed("raft stopped".to_string())),
            Err(_) => Err(failed(format!("not within {} ms", deadline.as_millis()))),
        }
    }
}
