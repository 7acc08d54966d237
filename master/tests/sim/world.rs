//! One run: some masters, workers and clients, faults for a while, then quiet, then the checks.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use dm_master::state::{Snapshot, State};
use dm_proto::v1::{Command, PutSource, RaiseStateLevel, Settings, command::Kind};
use openraft::{AsyncRuntime, ChangeMembers, Instant as _};
use openraft_rt_sim::{SimInstant, SimRuntime};
use prost::Message;

use crate::{
    bug::Bug,
    clients,
    disk::Disk,
    linear::{self, Op},
    net::Net,
    node::Node,
    rng::Dice,
    workers,
};

const MASTERS: u64 = 3;
const WORKERS: u64 = 3;
const CLIENTS: u64 = 3;
const KEYS: u64 = 3;
const TTL_MS: u64 = 1_000;
/// Numbers of workers and clients in the network begin here.
const WORKER_NUMBER: u64 = 1_000;
const CLIENT_NUMBER: u64 = 2_000;
const FAULTS: Duration = Duration::from_secs(10);
/// With the faults gone, everything is well within this time.
const HEALED_WITHIN: Duration = Duration::from_secs(20);

thread_local! {
    static START: Cell<Option<SimInstant>> = const { Cell::new(None) };
}

/// Virtual milliseconds since the run began, one second in: 0 is long ago.
pub fn now_ms() -> u64 {
    let start = START.with(Cell::get).expect("a run");
    1_000_000 + (SimInstant::now() - start).as_millis() as u64
}

#[derive(Default)]
struct Noted {
    ticks: u64,
    /// By index: payload and hash of the state after it.
    log: BTreeMap<u64, (Vec<u8>, u64)>,
    applied: BTreeMap<u64, u64>,
    /// Indexes at which each written value became the value of a source.
    effects: BTreeMap<String, BTreeSet<u64>>,
    /// The newest epoch that was written under, by source.
    written: BTreeMap<String, (u64, u64)>,
    writes: u64,
    histories: BTreeMap<usize, Vec<Op>>,
    violation: Option<String>,
}

/// Sees everything and forgets nothing.
#[derive(Clone, Default)]
pub struct Oracle(Arc<Mutex<Noted>>);

impl Oracle {
    /// A number for this event.
    pub fn tick(&self) -> u64 {
        let mut noted = self.0.lock().unwrap();
        noted.ticks += 1;
        noted.ticks
    }

    fn violated(noted: &mut Noted, text: String) {
        noted.violation.get_or_insert(text);
    }

    /// I3 and I15.
    pub fn applied(&self, node: u64, index: u64, payload: &[u8], state: &State) {
        let hash = hash(state);
        let mut noted = self.0.lock().unwrap();
        let known = noted
            .log
            .entry(index)
            .or_insert_with(|| (payload.to_vec(), hash));
        if known.0 != payload || known.1 != hash {
            let text = format!("I3: master {node} applied something else at index {index}");
            Self::violated(&mut noted, text);
        }
        let before = noted.applied.insert(node, index).unwrap_or(0);
        if before >= index {
            let text = format!("I3: master {node} applied {index} after {before}");
            Self::violated(&mut noted, text);
        }
        let Ok(Command {
            kind: Some(Kind::PutSource(put)),
            ..
        }) = Command::decode(payload)
        else {
            return;
        };
        let took_effect = state
            .sources
            .get(&put.source_id)
            .is_some_and(|source| source.revision == index);
        if took_effect && put.yaml != "0" {
            let at = noted.effects.entry(put.yaml.clone()).or_default();
            at.insert(index);
            if at.len() > 1 {
                let text = format!("I15: write {} was carried out at {at:?}", put.yaml);
                Self::violated(&mut noted, text);
            }
        }
    }

    /// A snapshot came, or a process began with its own.
    pub fn restored(&self, node: u64, state: &State) {
        let hash = hash(state);
        let mut noted = self.0.lock().unwrap();
        noted.applied.insert(node, state.applied);
        if noted
            .log
            .get(&state.applied)
            .is_some_and(|(_, known)| *known != hash)
        {
            let text = format!(
                "I3: master {node} restored another state at {}",
                state.applied
            );
            Self::violated(&mut noted, text);
        }
    }

    /// A process forgets what it had applied.
    fn restarted(&self, node: u64) {
        self.0.lock().unwrap().applied.remove(&node);
    }

    /// R31: with clocks that agree, no two processes own a source at the same time.
    pub fn wrote(&self, source: &str, epoch: u64, worker: &str, incarnation: u64) {
        let mut noted = self.0.lock().unwrap();
        noted.writes += 1;
        let (newest, by) = noted
            .written
            .get(source)
            .copied()
            .unwrap_or((epoch, incarnation));
        if newest > epoch || newest == epoch && by != incarnation {
            let text = format!(
                "R31: {worker} ({incarnation:x}) writes {source} under {epoch} after {by:x} did under {newest}"
            );
            Self::violated(&mut noted, text);
        } else {
            noted
                .written
                .insert(source.to_owned(), (epoch, incarnation));
        }
    }

    pub fn note(&self, key: usize, op: Op) {
        let mut noted = self.0.lock().unwrap();
        noted.histories.entry(key).or_default().push(op);
    }

    fn violation(&self) -> Option<String> {
        self.0.lock().unwrap().violation.clone()
    }
}

fn hash(state: &State) -> u64 {
    let bytes = Snapshot::write(state).expect("encodes");
    u64::from(crc32fast::hash(&bytes))
}

struct Living {
    nodes: BTreeMap<u64, Node>,
    disks: BTreeMap<u64, Disk>,
    workers: BTreeMap<String, u64>,
    quiet: bool,
}

/// What all parts of a run share.
#[derive(Clone)]
pub struct Shared {
    pub dice: Dice,
    pub net: Net,
    pub oracle: Oracle,
    pub keys: Arc<Vec<String>>,
    pub bug: Option<Bug>,
    living: Arc<Mutex<Living>>,
}

impl Shared {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let dice = Dice::new(seed);
        Shared {
            net: Net::new(dice.clone()),
            dice,
            oracle: Oracle::default(),
            keys: Arc::new((0..KEYS).map(|key| format!("s{key}")).collect()),
            bug,
            living: Arc::new(Mutex::new(Living {
                nodes: BTreeMap::new(),
                disks: BTreeMap::new(),
                workers: BTreeMap::new(),
                quiet: false,
            })),
        }
    }

    fn living<R>(&self, look: impl FnOnce(&mut Living) -> R) -> R {
        look(&mut self.living.lock().unwrap())
    }

    pub fn quiet(&self) -> bool {
        self.living(|living| living.quiet)
    }

    fn nodes(&self) -> Vec<Node> {
        self.living(|living| living.nodes.values().cloned().collect())
    }

    /// One that believes to lead, any of them.
    pub fn any_leader(&self) -> Option<Node> {
        let leaders: Vec<Node> = self.nodes().into_iter().filter(Node::leads).collect();
        let chosen = self.dice.below(leaders.len() as u64) as usize;
        leaders.into_iter().nth(chosen)
    }

    /// A leader mostly, sometimes any.
    pub fn any_node(&self) -> Node {
        let nodes = self.nodes();
        match self.any_leader() {
            Some(leader) if !self.dice.once_in(6) => leader,
            _ => nodes[self.dice.below(nodes.len() as u64) as usize].clone(),
        }
    }

    pub fn worker_lives(&self, name: &str, incarnation: u64) -> bool {
        self.living(|living| living.workers.get(name) == Some(&incarnation))
    }

    async fn start_master(&self, id: u64) {
        let disk = self.living(|living| {
            let fresh = || Disk::new(self.dice.clone(), self.bug);
            living.disks.entry(id).or_insert_with(fresh).clone()
        });
        self.oracle.restarted(id);
        let node = Node::start(id, &disk, &self.net, &self.oracle, self.bug).await;
        self.living(|living| living.nodes.insert(id, node));
    }

    /// As if its machine lost power.
    async fn crash_master(&self, id: u64) {
        let Some(node) = self.living(|living| living.nodes.remove(&id)) else {
            return;
        };
        self.net.leave(id);
        if let Some(disk) = self.living(|living| living.disks.get(&id).cloned()) {
            disk.crash();
        }
        drop(node.raft.shutdown().await);
    }

    fn start_worker(&self, number: u64) {
        let name = format!("w{number}");
        let incarnation = self.dice.number();
        self.living(|living| living.workers.insert(name.clone(), incarnation));
        let run = workers::run(self.clone(), name, WORKER_NUMBER + number, incarnation);
        drop(SimRuntime::spawn(run));
    }

    async fn set_up(&self) {
        let ids: Vec<u64> = (1..=MASTERS).collect();
        for id in &ids {
            self.start_master(*id).await;
        }
        self.nodes()[0].form(&ids).await;
        let mut kinds = vec![
            Kind::RaiseStateLevel(RaiseStateLevel { level: 2 }),
            Kind::Settings(Settings {
                lease_ttl_ms: TTL_MS,
            }),
        ];
        kinds.extend(self.keys.iter().map(|key| {
            Kind::PutSource(PutSource {
                source_id: key.clone(),
                yaml: "0".into(),
                create_only: true,
                relay_only: false,
            })
        }));
        for kind in kinds {
            let command = Command {
                kind: Some(kind),
                ..Command::default()
            };
            loop {
                let leader = self.any_leader();
                if let Some(leader) = leader
                    && leader.propose(command.clone()).await.is_some()
                {
                    break;
                }
                SimRuntime::sleep(Duration::from_millis(50)).await;
            }
        }
        for number in 0..WORKERS {
            self.start_worker(number);
        }
        for number in 0..CLIENTS {
            drop(SimRuntime::spawn(clients::run(
                self.clone(),
                CLIENT_NUMBER + number,
            )));
        }
    }

    async fn one_fault(&self) {
        let dice = &self.dice;
        let ids: Vec<u64> = self.living(|living| living.disks.keys().copied().collect());
        let some = |dice: &Dice| ids[dice.below(ids.len() as u64) as usize];
        match dice.below(9) {
            0 | 1 => {
                let id = some(dice);
                self.crash_master(id).await;
                SimRuntime::sleep(Duration::from_millis(dice.below(1_500))).await;
                self.start_master(id).await;
            }
            2 => {
                // All at once, as when the power goes.
                for id in &ids {
                    self.crash_master(*id).await;
                }
                for id in &ids {
                    self.start_master(*id).await;
                }
            }
            3 | 4 => self.isolate(some(dice)),
            5 => self.net.set_loss(dice.between(3, 12), dice.between(1, 60)),
            6 => self.start_worker(dice.below(WORKERS)),
            7 => {
                if let Some(leader) = self.any_leader() {
                    let to = some(dice);
                    drop(leader.raft.trigger().transfer_leader(to).await);
                }
            }
            _ => self.replace_master(&ids).await,
        }
        SimRuntime::sleep(Duration::from_millis(dice.between(100, 2_000))).await;
        if dice.once_in(2) {
            self.net.heal();
        }
    }

    /// From the other masters always; from workers and clients perhaps.
    fn isolate(&self, id: u64) {
        let from_all = self.dice.once_in(2);
        let others = self.living(|living| living.disks.keys().copied().collect::<Vec<_>>());
        let outside = (0..WORKERS)
            .map(|n| WORKER_NUMBER + n)
            .chain((0..CLIENTS).map(|n| CLIENT_NUMBER + n))
            .filter(|_| from_all);
        let one_way = self.dice.once_in(3);
        for other in others.into_iter().chain(outside).filter(|o| *o != id) {
            self.net.cut(id, other);
            if !one_way {
                self.net.cut(other, id);
            }
        }
    }

    /// A new master joins, catches up, and takes the place of another one.
    async fn replace_master(&self, ids: &[u64]) {
        let new = ids.iter().max().unwrap_or(&0) + 1;
        let Some(leader) = self.any_leader() else {
            return;
        };
        let others = ids.iter().filter(|id| **id != leader.id);
        let Some(old) = others
            .copied()
            .nth(self.dice.below(ids.len() as u64 - 1) as usize)
        else {
            return;
        };
        self.start_master(new).await;
        let change = async {
            leader
                .raft
                .add_learner(new, Default::default(), false)
                .await
                .ok()?;
            SimRuntime::sleep(Duration::from_millis(500)).await;
            let swap = ChangeMembers::Batch(vec![
                ChangeMembers::AddVoterIds(BTreeSet::from([new])),
                ChangeMembers::RemoveVoters(BTreeSet::from([old])),
            ]);
            leader.raft.change_membership(swap, false).await.ok()
        };
        // Without an answer both stay, whichever of them is a member.
        let changed = SimRuntime::timeout(Duration::from_secs(3), change).await;
        if matches!(changed, Ok(Some(_))) {
            self.crash_master(old).await;
            self.living(|living| living.disks.remove(&old));
        }
    }

    /// Faults are gone: everybody is served, every source is owned, all masters are equal.
    async fn must_heal(&self) -> Result<(), String> {
        self.net.heal();
        let down: Vec<u64> = self.living(|living| {
            let running = |id: &u64| !living.nodes.contains_key(id);
            living.disks.keys().copied().filter(running).collect()
        });
        for id in down {
            self.start_master(id).await;
        }
        let begun = SimInstant::now();
        loop {
            let missing = self.missing().await;
            if missing.is_empty() {
                return Ok(());
            }
            if SimInstant::now() - begun > HEALED_WITHIN {
                return Err(format!(
                    "not well {HEALED_WITHIN:?} after the faults: {missing}"
                ));
            }
            SimRuntime::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn missing(&self) -> String {
        let Some(leader) = self.any_leader() else {
            return "nobody leads".to_owned();
        };
        let command = Command {
            kind: Some(Kind::Settings(Settings {
                lease_ttl_ms: TTL_MS,
            })),
            ..Command::default()
        };
        let Some(outcome) = leader.propose(command).await else {
            return "a write is not acknowledged".to_owned();
        };
        let owners = leader.replicated.read(|state| {
            let owned = |key: &String| state.lease(key).map(|lease| lease.incarnation.0);
            self.keys.iter().filter_map(owned).collect::<Vec<_>>()
        });
        let living = self.living(|living| living.workers.values().copied().collect::<Vec<_>>());
        if owners.len() < self.keys.len() || owners.iter().any(|owner| !living.contains(owner)) {
            return "a source has no living owner".to_owned();
        }
        SimRuntime::sleep(Duration::from_millis(300)).await;
        let metrics =
            openraft::async_runtime::WatchReceiver::borrow_watched(&leader.raft.metrics()).clone();
        let members: Vec<u64> = metrics.membership_config.membership().voter_ids().collect();
        for node in self.nodes() {
            let applied = node.replicated.read(|state| state.applied);
            if members.contains(&node.id) && applied < outcome.index {
                return format!(
                    "master {} lags at {applied} behind {}",
                    node.id, outcome.index
                );
            }
        }
        String::new()
    }
}

/// What a run was like, for comparing two of them byte by byte.
pub struct Report {
    pub text: String,
    pub entries: usize,
    pub writes: u64,
    pub operations: usize,
}

/// Runs one seed; the error says what was violated.
pub fn run(seed: u64, bug: Option<Bug>) -> Result<Report, String> {
    let mut runtime = SimRuntime::with_seed(seed);
    runtime.block_on(async {
        START.with(|start| start.set(Some(SimInstant::now())));
        let shared = Shared::new(seed, bug);
        shared.set_up().await;
        let begun = SimInstant::now();
        while SimInstant::now() - begun < FAULTS && shared.oracle.violation().is_none() {
            shared.one_fault().await;
        }
        let healed = match shared.oracle.violation() {
            None => shared.must_heal().await,
            Some(_) => Ok(()),
        };
        shared.living(|living| living.quiet = true);
        SimRuntime::sleep(Duration::from_secs(10)).await;
        shared.living(|living| living.workers.clear());
        let noted = std::mem::take(&mut *shared.oracle.0.lock().unwrap());
        for node in shared.nodes() {
            drop(node.raft.shutdown().await);
        }
        if let Some(violation) = noted.violation {
            return Err(violation);
        }
        healed?;
        for (key, ops) in &noted.histories {
            linear::check(ops, 0).map_err(|text| format!("I1: source s{key}: {text}"))?;
        }
        let mut text = String::new();
        for (index, (payload, hash)) in &noted.log {
            let _ = writeln!(text, "{index} {hash:x} {}", crc32fast::hash(payload));
        }
        for (key, ops) in &noted.histories {
            let _ = writeln!(text, "{key} {ops:?}");
        }
        Ok(Report {
            text,
            entries: noted.log.len(),
            writes: noted.writes,
            operations: noted.histories.values().map(Vec::len).sum(),
        })
    })
}
