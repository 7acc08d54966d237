//! The running node: what the rest of the master calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use dm_model::{DmError, codes};
use dm_raft_store::{Machine, Payload, Store, TypeConfig};
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, ForwardToLeader, LinearizableReadError, RaftError};
use openraft::raft::linearizable_read::Linearizer;
use openraft::{LinearizerOption, Raft};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::contacts::Contacts;
use super::identity::DataFolder;
use super::leadership::{LeaderInfo, Leadership, Watcher};
use super::network::{Network, Sender};
use super::service::{AnyRaft, PeerService};
use super::{COMMAND_BYTES_MAX, Member, ProposeError, RaftOptions, bootstrap, server};

/// A member that was silent for longer is shown as not alive.
const ALIVE_SILENCE_MAX: Duration = Duration::from_secs(3);
/// Pause before a proposal is tried again while the leader is unknown.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);
/// How long a stop waits for the store to be let go.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A member of the Raft group. Clones are the same node.
#[derive(Clone)]
pub struct RaftNode {
    inner: Arc<Inner>,
}

struct Inner {
    raft: AnyRaft,
    sender: Arc<Sender>,
    leadership: watch::Receiver<Leadership>,
    applied: watch::Receiver<u64>,
    // Taken at shutdown, which drops them last: who opens the folder again must find it closed.
    held: Mutex<Option<Held>>,
    stop: CancellationToken,
    server: Mutex<Option<JoinHandle<()>>>,
}

struct Held {
    store: Arc<Store>,
    folder: Arc<Mutex<DataFolder>>,
}

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
    /// Opens the folder, serves the peers, and returns when this node belongs to a cluster; a new cluster is waited for
    /// as long as it takes. `machine` must be new: its state is rebuilt from snapshot and log.
    pub async fn start<M: Machine>(options: RaftOptions, machine: Arc<RwLock<M>>) -> Result<Self, DmError> {
        refuse_join(&options)?;
        let folder = DataFolder::open(&options.data_dir, &options.name)?;
        let store = Store::open(&folder.store_path()).map_err(|error| store_trouble(&error))?;
        let pristine = store.is_pristine().map_err(|error| store_trouble(&error))?;
        check_store(&folder, pristine)?;

        let contacts = Arc::new(Contacts::default());
        let sender = Arc::new(Sender {
            node_id: folder.identity().node_id,
            cluster_id: AtomicU64::new(folder.identity().cluster_id),
            contacts: contacts.clone(),
        });
        let machine = store.state_machine(machine);
        let applied = machine.watch_applied();
        let config = options.openraft()?;
        let raft: AnyRaft = Raft::new(
            sender.node_id,
            config,
            Network::new(sender.clone()),
            store.log(),
            machine,
        )
        .await
        .map_err(|error| store_trouble(&error))?;

        let folder = Arc::new(Mutex::new(folder));
        let founders = options.founders();
        let service = PeerService {
            raft: raft.clone(),
            sender: sender.clone(),
            folder: folder.clone(),
            founders: founders.iter().map(|(name, _)| name.clone()).collect(),
            client_addr: options.client_addr.clone(),
            peer_addr: options.peer_addr.clone(),
        };
        let leader_silence_max = Duration::from_millis(options.election_ms + 2 * options.heartbeat_ms);
        let leadership = watch_leadership(&raft, contacts, leader_silence_max);
        let stop = CancellationToken::new();
        let inner = Inner {
            raft,
            sender,
            leadership,
            applied,
            held: Mutex::new(Some(Held { store, folder })),
            stop,
            server: Mutex::new(None),
        };
        let node = Self { inner: Arc::new(inner) };
        let begun = node.begin(&options, service, &founders, pristine).await;
        if let Err(error) = begun {
            node.shutdown().await;
            return Err(error);
        }
        Ok(node)
    }

    async fn begin(
        &self,
        options: &RaftOptions,
        service: PeerService,
        founders: &[(String, String)],
        pristine: bool,
    ) -> Result<(), DmError> {
        let server = server::serve(&options.peer_listen, service.clone(), self.inner.stop.clone()).await?;
        *self.inner.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        if pristine {
            bootstrap::form(&service, &options.name, founders).await
        } else {
            bootstrap::settle(&service)
        }
    }

    /// Proposes a command and waits until it is applied here. Gives the entry's index and the machine's answer.
    pub async fn propose(&self, command: Vec<u8>, deadline: Duration) -> Result<(u64, Vec<u8>), ProposeError> {
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
        match read_index.try_await_ready(&self.inner.raft, Some(rest)).await {
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
            let round =
                tokio::time::timeout_at(until + RETRY_INTERVAL, self.inner.raft.get_read_linearizer(option)).await;
            let forward = match round {
                Err(_) => return Err(ProposeError::NoQuorum),
                Ok(Ok(linearizer)) => return Ok(linearizer),
                Ok(Err(RaftError::Fatal(error))) => {
                    return Err(ProposeError::Fatal(error.to_string()));
                }
                Ok(Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)))) => {
                    return Err(ProposeError::NoQuorum);
                }
                Ok(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)))) => forward,
            };
            self.await_leader(&forward, until).await?;
        }
    }

    /// After a refusal that left nothing behind: names another leader, or waits a moment for one to appear.
    async fn await_leader(&self, forward: &ForwardToLeader<TypeConfig>, until: Instant) -> Result<(), ProposeError> {
        let known = self.leader().filter(|leader| leader.node_id != self.node_id());
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
                is_voter: membership.voter_ids().any(|voter| voter == *id),
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
        let index = |id: Option<dm_raft_store::types::LogId>| id.map_or(0, |id| id.index);
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
        let held = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map_or(0, |held| held.store.disk_bytes())
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
        self.inner
            .raft
            .trigger()
            .transfer_leader(to)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let mut leadership = self.inner.leadership.clone();
        let arrived = leadership.wait_for(|now| now.leader.as_ref().is_some_and(|leader| leader.node_id == to));
        match tokio::time::timeout(deadline, arrived).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(failed("raft stopped".to_string())),
            Err(_) => Err(failed(format!("not within {} ms", deadline.as_millis()))),
        }
    }

    /// Stops and lets the data folder go.
    pub async fn shutdown(&self) {
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::warn!(%error, "raft did not stop cleanly");
        }
        self.inner.stop.cancel();
        let server = self.inner.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut server) = server
            && tokio::time::timeout(STOP_TIMEOUT, &mut server).await.is_err()
        {
            server.abort();
        }
        let held = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(held) = held {
            held.close().await;
        }
    }
}

impl Held {
    /// Waits until nobody else uses store and folder, then closes them.
    async fn close(self) {
        let until = Instant::now() + STOP_TIMEOUT;
        let shared = || Arc::strong_count(&self.store) > 1 || Arc::strong_count(&self.folder) > 1;
        while shared() && Instant::now() < until {
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        if shared() {
            tracing::warn!("the data folder is still in use after raft stopped");
        }
        // Closing the database waits for its threads.
        drop(tokio::task::spawn_blocking(move || drop(self)).await);
    }
}

fn watch_leadership(raft: &AnyRaft, contacts: Arc<Contacts>, silence_max: Duration) -> watch::Receiver<Leadership> {
    let (sender, receiver) = watch::channel(Leadership::default());
    let watcher = Watcher {
        metrics: raft.metrics(),
        contacts,
        silence_max,
    };
    tokio::spawn(watcher.run(sender));
    receiver
}

fn refuse_join(options: &RaftOptions) -> Result<(), DmError> {
    if options.join.is_empty() {
        return Ok(());
    }
    Err(DmError::new(
        &codes::NOT_YET_SUPPORTED,
        "--join of dm-master (growing a running cluster) comes later",
    )
    .with_workaround("Start all masters of the cluster with the same --initial-cluster, in empty data folders."))
}

fn check_store(folder: &DataFolder, pristine: bool) -> Result<(), DmError> {
    let identity = folder.identity();
    if pristine && identity.cluster_id != 0 && !identity.forming {
        let text = format!(
            "this master (`{}`) was a member of cluster {:x}, but its raft log is gone: {}",
            identity.name,
            identity.cluster_id,
            folder.store_path().display()
        );
        return Err(DmError::new(&codes::MASTER_START_SERVICE, text).with_workaround(format!(
            "Restore the folder, or run `dmctl offline-member --master --name {}`, empty the data folder and start with --join.",
            identity.name
        )));
    }
    Ok(())
}

fn store_trouble(error: &dyn std::fmt::Display) -> DmError {
    DmError::new(&codes::MASTER_START_SERVICE, "the raft store does not serve").with_cause(error)
}
