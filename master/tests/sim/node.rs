//! One master: openraft over the real store, the real state, and the leader's loop with the real keeper and scheduler.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};

use dm_master::{
    lease::Keeper,
    replicated::{CommandMachine, Replicated},
    scheduler::{Action, SeenWorker, plan},
    state::State,
};
use dm_proto::v1::{
    Command, Grant, LeaseRef, Outcome, RegisterWorker, Release, RetimeLease, command::Kind,
};
use dm_raft_store::{Machine, Payload, PeerNode, Store};
use openraft::{
    AsyncRuntime, Config, LinearizerOption, Raft, SnapshotPolicy, async_runtime::WatchReceiver,
};
use openraft_rt_sim::SimRuntime;
use prost::Message;

use crate::{
    bug::Bug,
    disk::Disk,
    net::{Factory, Net},
    types::{SimRaft, SimTypes},
    world::{Oracle, now_ms},
};

/// As in production: an election within 600 ms.
const HEARTBEAT_MS: u64 = 75;
const ELECTION_MS: u64 = 600;
/// Small, so that snapshots and purges happen all the time.
const ENTRIES_PER_SNAPSHOT: u64 = 60;
const ENTRIES_KEPT: u64 = 20;
const LOOK_PAUSE: Duration = Duration::from_millis(50);
const PROPOSE_TIMEOUT: Duration = Duration::from_millis(2_000);

/// What a proposal gave: nothing means that the outcome is not known.
pub type Answer = Option<Outcome>;

/// One running process of a master.
#[derive(Clone)]
pub struct Node {
    pub id: u64,
    pub raft: SimRaft,
    pub replicated: Arc<Replicated>,
    term: Arc<Mutex<Option<Term>>>,
    bug: Option<Bug>,
}

/// What only a leader knows.
struct Term {
    number: u64,
    keeper: Keeper,
    workers: BTreeMap<String, SeenWorker>,
    draining: Vec<(String, u64)>,
}

/// The real machine, watched.
struct Watched {
    id: u64,
    machine: CommandMachine,
    replicated: Arc<Replicated>,
    oracle: Oracle,
}

impl Machine for Watched {
    fn apply(&mut self, index: u64, payload: &[u8]) -> Result<Vec<u8>, String> {
        let answer = self.machine.apply(index, payload)?;
        self.replicated
            .read(|state| self.oracle.applied(self.id, index, payload, state));
        Ok(answer)
    }

    fn snapshot(&self) -> Vec<u8> {
        self.machine.snapshot()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.machine.restore(bytes)?;
        self.replicated
            .read(|state| self.oracle.restored(self.id, state));
        Ok(())
    }
}

impl Node {
    /// Starts a process on this disk.
    pub async fn start(id: u64, disk: &Disk, net: &Net, oracle: &Oracle, bug: Option<Bug>) -> Self {
        let store = Store::over(disk.open()).expect("what a crash leaves can be opened");
        let replicated = Replicated::new();
        let machine = Watched {
            id,
            machine: CommandMachine::new(replicated.clone()),
            replicated: replicated.clone(),
            oracle: oracle.clone(),
        };
        let config = Config {
            heartbeat_interval: HEARTBEAT_MS,
            election_timeout_min: ELECTION_MS / 4,
            election_timeout_max: ELECTION_MS / 2,
            enable_pre_vote: Some(true),
            enable_leader_restore: Some(false),
            allow_log_reversion: Some(false),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(ENTRIES_PER_SNAPSHOT),
            max_in_snapshot_log_to_keep: ENTRIES_KEPT,
            replication_lag_threshold: ENTRIES_PER_SNAPSHOT * 2,
            purge_batch_size: 8,
            ..Config::default()
        };
        let config = Arc::new(config.validate().expect("as in production"));
        let factory = Factory {
            net: net.clone(),
            from: id,
        };
        let machine = store.state_machine_of::<SimTypes, _>(Arc::new(RwLock::new(machine)));
        let raft = Raft::new(id, config, factory, store.log_of::<SimTypes>(), machine)
            .await
            .expect("starts");
        net.enter(id, raft.clone());
        let node = Node {
            id,
            raft,
            replicated,
            term: Arc::default(),
            bug,
        };
        drop(SimRuntime::spawn(node.clone().lead()));
        node
    }

    pub async fn form(&self, ids: &[u64]) {
        let members: BTreeMap<u64, PeerNode> =
            ids.iter().map(|id| (*id, PeerNode::default())).collect();
        self.raft.initialize(members).await.expect("empty");
    }

    fn leading(&self) -> Option<u64> {
        let metrics = self.raft.metrics().borrow_watched().clone();
        (metrics.running_state.is_ok() && metrics.state.is_leader()).then_some(metrics.current_term)
    }

    pub fn leads(&self) -> bool {
        self.term.lock().unwrap().is_some()
    }

    fn runs(&self) -> bool {
        self.raft.metrics().borrow_watched().running_state.is_ok()
    }

    /// Everything acknowledged before this call is in the state here.
    pub async fn catch_up(&self) -> bool {
        let option =
            LinearizerOption::new(Some(Duration::ZERO), true).with_wait_timeout(PROPOSE_TIMEOUT);
        let round =
            SimRuntime::timeout(PROPOSE_TIMEOUT, self.raft.get_read_linearizer(option)).await;
        match round {
            Ok(Ok(linearizer)) => matches!(
                linearizer
                    .try_await_ready(&self.raft, Some(PROPOSE_TIMEOUT))
                    .await,
                Ok(Ok(_))
            ),
            _ => false,
        }
    }

    /// A linearizable look at the state; `None`: no proof, nothing read.
    pub async fn read<R>(&self, look: impl FnOnce(&State) -> R) -> Option<R> {
        if self.bug == Some(Bug::StaleRead) {
            return self.leads().then(|| self.replicated.read(look));
        }
        (self.leads() && self.catch_up().await).then(|| self.replicated.read(look))
    }

    pub async fn propose(&self, command: Command) -> Answer {
        let payload = Payload(command.encode_to_vec());
        let write = SimRuntime::timeout(PROPOSE_TIMEOUT, self.raft.client_write(payload)).await;
        match write {
            Ok(Ok(response)) => Outcome::decode(response.data.0.as_slice()).ok(),
            _ => None,
        }
    }

    /// Begins and ends terms, and runs the scheduler in them.
    async fn lead(self) {
        while self.runs() {
            let leading = self.leading();
            let known = self.term.lock().unwrap().as_ref().map(|term| term.number);
            if known.is_some() && known != leading {
                *self.term.lock().unwrap() = None;
            } else if known.is_none() && leading.is_some() && self.catch_up().await {
                if let Some(number) = leading.filter(|number| self.leading() == Some(*number)) {
                    self.begin(number);
                }
            } else if known.is_some() {
                self.schedule().await;
            }
            SimRuntime::sleep(LOOK_PAUSE).await;
        }
        *self.term.lock().unwrap() = None;
    }

    fn begin(&self, number: u64) {
        let now = match self.bug {
            // So the wait is over when it begins.
            Some(Bug::NoInheritedWait) => 0,
            _ => now_ms(),
        };
        let keeper = self.replicated.read(|state| Keeper::start_term(state, now));
        *self.term.lock().unwrap() = Some(Term {
            number,
            keeper,
            workers: BTreeMap::new(),
            draining: Vec::new(),
        });
    }

    async fn schedule(&self) {
        let commands = self.decide();
        for command in commands {
            drop(self.propose(command).await);
        }
    }

    fn decide(&self) -> Vec<Command> {
        let mut term = self.term.lock().unwrap();
        let Some(term) = term.as_mut() else {
            return Vec::new();
        };
        let actions = self.replicated.read(|state| {
            let observed = term.keeper.observe(state, term.workers.clone(), now_ms());
            plan(state, &observed)
        });
        for action in &actions {
            if let Action::Grant {
                source_id,
                expected_epoch,
                ..
            }
            | Action::Release {
                source_id,
                expected_epoch,
            } = action
                && self.bug != Some(Bug::RenewalAfterReplacement)
            {
                term.keeper.refuse_renewal(source_id, *expected_epoch);
            }
        }
        term.draining = actions
            .iter()
            .filter_map(|action| match action {
                Action::Drain { source_id, epoch } => Some((source_id.clone(), *epoch)),
                _ => None,
            })
            .collect();
        actions.into_iter().filter_map(to_command).collect()
    }

    /// A worker's process makes itself known.
    pub async fn register(&self, name: &str, incarnation: u64) -> bool {
        let known = self.replicated.read(|state| {
            let worker = state.workers.get(name);
            worker.is_some_and(|worker| worker.incarnation.0 == incarnation)
        });
        if known || !self.leads() {
            return known && self.leads();
        }
        let kind = Kind::RegisterWorker(RegisterWorker {
            name: name.to_owned(),
            addr: format!("{name}:1"),
            incarnation,
        });
        self.propose(Command {
            kind: Some(kind),
            ..Command::default()
        })
        .await
        .is_some_and(|outcome| outcome.ok)
    }

    /// A heartbeat: which of the leases go on, what the worker shall own with TTLs, and what it shall give back.
    pub async fn heartbeat(
        &self,
        name: &str,
        incarnation: u64,
        asked: &[LeaseRef],
    ) -> Option<Beat> {
        {
            let mut term = self.term.lock().unwrap();
            let seen = SeenWorker {
                incarnation,
                heard_ms: now_ms(),
                leaving: false,
            };
            term.as_mut()?.workers.insert(name.to_owned(), seen);
        }
        if self.bug != Some(Bug::RenewalUnproved) && !self.catch_up().await {
            return None;
        }
        let mut term = self.term.lock().unwrap();
        let term = term.as_mut()?;
        if self.bug != Some(Bug::RenewalUnproved) && self.leading() != Some(term.number) {
            return None;
        }
        self.replicated.read(|state| {
            let asked_by = match self.bug {
                Some(Bug::IncarnationIgnored) => asked
                    .first()
                    .and_then(|lease| state.lease(&lease.source_id))
                    .map_or(incarnation, |lease| lease.incarnation.0),
                _ => incarnation,
            };
            let renewed = term.keeper.renew(state, name, asked_by, asked, now_ms());
            let owned = state.sources.iter().filter_map(|(id, source)| {
                let lease = source.lease.as_ref()?;
                let mine = lease.worker == name
                    && (lease.incarnation.0 == incarnation
                        || self.bug == Some(Bug::IncarnationIgnored));
                mine.then(|| (id.clone(), lease.epoch.0, lease.ttl_ms))
            });
            Some(Beat {
                revision: state.applied,
                renewed,
                owned: owned.collect(),
                drain: term.draining.clone(),
                ttl_ms: state.settings.lease_ttl_ms,
            })
        })
    }

    /// The owner stopped this source.
    pub fn drained(&self, name: &str, incarnation: u64, lease: &LeaseRef) {
        if let Some(term) = self.term.lock().unwrap().as_mut() {
            self.replicated
                .read(|state| term.keeper.give_back(state, name, incarnation, lease));
        }
    }
}

/// The answer to a heartbeat.
pub struct Beat {
    pub revision: u64,
    pub renewed: Vec<LeaseRef>,
    /// Source, epoch, TTL.
    pub owned: Vec<(String, u64, u64)>,
    pub drain: Vec<(String, u64)>,
    pub ttl_ms: u64,
}

fn to_command(action: Action) -> Option<Command> {
    let kind = match action {
        Action::Grant {
            source_id,
            worker,
            incarnation,
            expected_epoch,
        } => Kind::Grant(Grant {
            source_id,
            worker,
            incarnation,
            expected_epoch,
            ttl_ms: 0,
        }),
        Action::Release {
            source_id,
            expected_epoch,
        } => Kind::Release(Release {
            source_id,
            expected_epoch,
        }),
        Action::Retime {
            source_id,
            expected_epoch,
            ttl_ms,
        } => Kind::RetimeLease(RetimeLease {
            source_id,
            expected_epoch,
            ttl_ms,
        }),
        Action::Drain { .. } => return None,
    };
    Some(Command {
        kind: Some(kind),
        ..Command::default()
    })
}
