//! A few raft nodes with a small machine, for tests.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use dm_master::raft::{ELECTION_MS_DEFAULT, HEARTBEAT_MS_DEFAULT, RaftNode, RaftOptions};
use dm_model::DmError;
use dm_raft_store::Machine;
use tokio::task::JoinHandle;

pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Remembers every payload; answers with how many there are.
#[derive(Debug, Default)]
pub(crate) struct Tape(Vec<String>);

impl Machine for Tape {
    fn apply(&mut self, _index: u64, payload: &[u8]) -> Result<Vec<u8>, String> {
        self.0.push(String::from_utf8_lossy(payload).into_owned());
        Ok(self.0.len().to_string().into_bytes())
    }

    fn snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("JSON")
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0 = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        Ok(())
    }
}

pub(crate) struct Running {
    pub node: RaftNode,
    machine: Arc<RwLock<Tape>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "node {:x}", self.node.node_id())
    }
}

impl Running {
    pub(crate) async fn start(options: RaftOptions) -> Result<Self, DmError> {
        let machine = Arc::new(RwLock::new(Tape::default()));
        let node = RaftNode::start(options, machine.clone()).await?;
        Ok(Self { node, machine })
    }

    pub(crate) fn tape(&self) -> Vec<String> {
        self.machine.read().expect("not poisoned").0.clone()
    }

    pub(crate) async fn wait_applied(&self, index: u64) {
        let mut applied = self.node.watch_applied();
        let arrived = tokio::time::timeout(DEADLINE, applied.wait_for(|now| *now >= index));
        arrived.await.expect("in time").expect("runs");
    }
}

pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    ports: Vec<u16>,
    nodes: Vec<Option<Running>>,
}

impl Cluster {
    pub(crate) fn new(size: usize) -> Self {
        let log = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env());
        log.with_test_writer().try_init().ok();
        let shm = std::path::Path::new("/dev/shm");
        let folder = if shm.is_dir() {
            tempfile::tempdir_in(shm)
        } else {
            tempfile::tempdir()
        };
        // All held until all are chosen, so that no port is chosen twice.
        let held: Vec<_> = (0..size)
            .map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"))
            .collect();
        let ports = held
            .iter()
            .map(|listener| listener.local_addr().expect("an address").port())
            .collect();
        Self {
            folder: folder.expect("a folder"),
            ports,
            nodes: (0..size).map(|_| None).collect(),
        }
    }

    pub(crate) fn name(&self, index: usize) -> String {
        format!("m{}", index + 1)
    }

    pub(crate) fn peer_addr(&self, index: usize) -> String {
        format!("127.0.0.1:{}", self.ports[index])
    }

    pub(crate) fn options(&self, index: usize) -> RaftOptions {
        RaftOptions {
            data_dir: self.folder.path().join(self.name(index)),
            name: self.name(index),
            peer_listen: self.peer_addr(index),
            peer_addr: self.peer_addr(index),
            client_addr: format!("client-of-{}", self.name(index)),
            initial_cluster: (0..self.ports.len())
                .map(|one| (self.name(one), self.peer_addr(one)))
                .collect(),
            join: Vec::new(),
            state_level_max: 1,
            evicted: tokio::sync::watch::Sender::new(false).subscribe(),
            heartbeat_ms: HEARTBEAT_MS_DEFAULT,
            election_ms: ELECTION_MS_DEFAULT,
        }
    }

    pub(crate) fn launch(&self, index: usize) -> JoinHandle<Result<Running, DmError>> {
        tokio::spawn(Running::start(self.options(index)))
    }

    pub(crate) fn put(&mut self, index: usize, running: Running) {
        self.nodes[index] = Some(running);
    }

    pub(crate) async fn start_all(&mut self) {
        let launched: Vec<_> = (0..self.nodes.len())
            .map(|index| self.launch(index))
            .collect();
        for (index, one) in launched.into_iter().enumerate() {
            let running = tokio::time::timeout(DEADLINE, one)
                .await
                .expect("in time")
                .expect("ran")
                .expect("starts");
            self.put(index, running);
        }
        self.leader().await;
    }

    pub(crate) async fn try_start(&mut self, index: usize) -> Result<(), DmError> {
        let running = Running::start(self.options(index)).await?;
        self.put(index, running);
        Ok(())
    }

    pub(crate) async fn start(&mut self, index: usize) {
        self.try_start(index).await.expect("starts");
    }

    pub(crate) fn take(&mut self, index: usize) -> Running {
        self.nodes[index].take().expect("runs")
    }

    pub(crate) async fn stop(&mut self, index: usize) {
        if let Some(running) = self.nodes[index].take() {
            running.node.shutdown().await;
        }
    }

    pub(crate) async fn stop_all(&mut self) {
        for index in 0..self.nodes.len() {
            self.stop(index).await;
        }
    }

    pub(crate) fn wipe(&self, index: usize) {
        std::fs::remove_dir_all(self.options(index).data_dir).expect("removed");
    }

    pub(crate) fn try_get(&self, index: usize) -> Option<&Running> {
        self.nodes[index].as_ref()
    }

    pub(crate) fn get(&self, index: usize) -> &Running {
        self.try_get(index).expect("runs")
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Running> {
        self.nodes.iter().flatten()
    }

    /// The one that leads and can prove it.
    pub(crate) async fn leader(&self) -> usize {
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            for (index, running) in self.nodes.iter().enumerate() {
                let Some(running) = running else {
                    continue;
                };
                let leads = running.node.watch_leadership().borrow().is_leader;
                if leads
                    && running
                        .node
                        .confirm_leadership(Duration::from_millis(500))
                        .await
                        .is_ok()
                {
                    return index;
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no leader in time");
    }
}
