//! Masters of one cluster, each with its own folder and free ports.

use std::{
    ffi::OsString,
    net::TcpListener,
    path::PathBuf,
    time::{Duration, Instant},
};

use dm_master::{
    config::{Config, Invocation, Settings},
    server::Master,
};
use dm_proto::{
    pb::{self, SourceOp, TaskOp, master_client::MasterClient},
    request_id::RequestId,
    transport,
};
use tonic::transport::Channel;

/// Longest wait for anything that should happen soon, on a machine that also compiles.
const PATIENCE: Duration = Duration::from_secs(40);

/// One master: its place and its folder, whether it runs or not.
pub struct Place {
    pub name: String,
    pub folder: tempfile::TempDir,
    pub client_port: u16,
    pub peer_port: u16,
}

impl Place {
    fn new(number: usize) -> Self {
        let ports = free_ports(2);
        Place {
            name: format!("m{number}"),
            folder: folder(),
            client_port: ports[0],
            peer_port: ports[1],
        }
    }

    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.client_port)
    }

    pub fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer_port)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn wipe(&self) {
        std::fs::remove_dir_all(self.data_dir()).unwrap();
    }

    /// The configuration of this master, with how it comes into its cluster.
    pub fn config(&self, entry: (&str, &str), lease_ttl: &str) -> Config {
        config(&[
            ("--name", &self.name),
            ("--data-dir", self.data_dir().to_str().unwrap()),
            ("--master-addr", &self.addr()),
            ("--peer-urls", &self.peer_url()),
            ("--lease-ttl", lease_ttl),
            entry,
        ])
    }
}

pub struct Cluster {
    pub masters: Vec<Option<Master>>,
    pub addrs: Vec<String>,
    pub places: Vec<Place>,
    initial: String,
    lease_ttl: String,
}

impl Cluster {
    /// Starts `count` masters with this lease TTL and waits for a leader.
    pub async fn start(count: usize, lease_ttl: &str) -> Self {
        let places: Vec<Place> = (0..count).map(Place::new).collect();
        let initial: Vec<String> = places
            .iter()
            .map(|place| format!("{}={}", place.name, place.peer_url()))
            .collect();
        let mut cluster = Cluster {
            masters: places.iter().map(|_| None).collect(),
            addrs: places.iter().map(Place::addr).collect(),
            places,
            initial: initial.join(","),
            lease_ttl: lease_ttl.to_owned(),
        };
        cluster.start_all().await;
        cluster
    }

    /// Starts all that do not run, together.
    pub async fn start_all(&mut self) {
        let idle = |number: &usize| self.masters[*number].is_none();
        let numbers: Vec<usize> = (0..self.masters.len()).filter(idle).collect();
        let configs: Vec<Config> = numbers.iter().map(|n| self.founder(*n)).collect();
        let started = futures::future::join_all(configs.into_iter().map(Master::start)).await;
        for (number, master) in numbers.into_iter().zip(started) {
            self.masters[number] = Some(master.unwrap());
        }
        self.leader().await;
    }

    fn founder(&self, number: usize) -> Config {
        self.places[number].config(("--initial-cluster", &self.initial), &self.lease_ttl)
    }

    /// Configuration of a master that joins.
    pub fn joiner(&self, number: usize) -> Config {
        let others: Vec<&str> = self
            .addrs
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number)
            .map(|(_, addr)| addr.as_str())
            .collect();
        self.places[number].config(("--join", &others.join(",")), &self.lease_ttl)
    }

    /// The first place of this cluster as a master that joins another cluster.
    pub fn joiner_of(&self, other: &Cluster) -> Config {
        self.places[0].config(("--join", &other.addrs.join(",")), &self.lease_ttl)
    }

    /// Starts a master again, as it was started first.
    pub async fn restart(&mut self, number: usize) {
        self.masters[number] = Some(Master::start(self.founder(number)).await.unwrap());
    }

    /// Starts a further master that joins; its number.
    pub async fn grow(&mut self) -> usize {
        let number = self.places.len();
        let place = Place::new(number);
        self.addrs.push(place.addr());
        self.places.push(place);
        let master = Master::start(self.joiner(number)).await.unwrap();
        self.masters.push(Some(master));
        number
    }

    /// Names of the voters, as the leader has them.
    pub async fn voters(&self) -> Vec<String> {
        let leader = self.leader().await;
        let api = &self.masters[leader].as_ref().unwrap().api;
        let members = api.replica.members();
        let voters = members.into_iter().filter(|member| member.is_voter);
        voters.map(|member| member.name).collect()
    }

    pub async fn await_voters(&self, names: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let voters = self.voters().await;
            if voters == names {
                return;
            }
            assert!(Instant::now() < deadline, "{voters:?}, not {names:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn offline_master(&self, name: &str) -> pb::OfflineMemberResponse {
        let request = pb::OfflineMemberRequest {
            r#type: "master".into(),
            name: name.into(),
        };
        self.any()
            .await
            .offline_member(request)
            .await
            .unwrap()
            .into_inner()
    }

    /// Number of the master that leads, as soon as one does.
    pub async fn leader(&self) -> usize {
        eventually("a leader", || {
            self.masters.iter().position(|master| {
                master
                    .as_ref()
                    .is_some_and(|master| master.api.term.borrow().is_some())
            })
        })
        .await
    }

    /// A master that runs and does not lead; the only one of a cluster of one.
    pub async fn follower(&self) -> usize {
        let leader = self.leader().await;
        self.masters
            .iter()
            .enumerate()
            .position(|(number, master)| number != leader && master.is_some())
            .unwrap_or(leader)
    }

    /// As if killed.
    pub async fn kill(&mut self, number: usize) {
        self.masters[number].take().unwrap().abort().await;
    }

    pub async fn client(&self, number: usize) -> MasterClient<Channel> {
        MasterClient::connect(format!("http://{}", self.addrs[number]))
            .await
            .unwrap()
    }

    /// A client of a master that must forward.
    pub async fn any(&self) -> MasterClient<Channel> {
        self.client(self.follower().await).await
    }

    pub async fn create_source(&self, id: &str) -> pb::OperateSourceResponse {
        self.operate_source(SourceOp::StartSource, vec![source_yaml(id)], vec![])
            .await
    }

    pub async fn operate_source(
        &self,
        op: SourceOp,
        config: Vec<String>,
        ids: Vec<String>,
    ) -> pb::OperateSourceResponse {
        let request = pb::OperateSourceRequest {
            op: op.into(),
            config,
            source_id: ids,
            worker_name: String::new(),
        };
        self.any()
            .await
            .operate_source(with_id(request))
            .await
            .unwrap()
            .into_inner()
    }

    pub async fn start_task(&self, yaml: &str) -> pb::StartTaskResponse {
        let request = pb::StartTaskRequest {
            task: yaml.to_owned(),
            ..Default::default()
        };
        self.any()
            .await
            .start_task(with_id(request))
            .await
            .unwrap()
            .into_inner()
    }

    pub async fn operate_task(&self, op: TaskOp, name: &str) -> pb::OperateTaskResponse {
        let request = pb::OperateTaskRequest {
            op: op.into(),
            name: name.to_owned(),
            sources: vec![],
        };
        self.any()
            .await
            .operate_task(with_id(request))
            .await
            .unwrap()
            .into_inner()
    }

    /// Owner and epoch of a source, as the leader has it.
    pub async fn lease(&self, source: &str) -> Option<(String, u64)> {
        let leader = self.leader().await;
        let api = &self.masters[leader].as_ref().unwrap().api;
        api.replicated.read(|state| {
            state
                .lease(source)
                .map(|lease| (lease.worker.clone(), lease.epoch.0))
        })
    }

    pub async fn stop(self) {
        for master in self.masters.into_iter().flatten() {
            master.abort().await;
        }
    }
}

pub fn config(flags: &[(&str, &str)]) -> Config {
    let args =
        std::iter::once("dm-master").chain(flags.iter().flat_map(|(flag, value)| [*flag, *value]));
    match Settings::read(args.map(OsString::from)).unwrap() {
        Invocation::Run(settings) => Config::new(&settings).unwrap(),
        Invocation::Print(text) => panic!("printed {text}"),
    }
}

pub fn source_yaml(id: &str) -> String {
    format!(
        "source-id: {id}\nfrom:\n  host: 127.0.0.1\n  port: 3306\n  user: root\n  password: very-secret\n"
    )
}

pub fn task_yaml(name: &str, sources: &[&str]) -> String {
    let instances: String = sources
        .iter()
        .map(|source| format!("  - source-id: {source}\n"))
        .collect();
    format!(
        "name: {name}\ntask-mode: all\ntarget-database:\n  host: 127.0.0.1\n  port: 4000\n  user: root\n  password: very-secret\nmysql-instances:\n{instances}"
    )
}

/// As our own dmctl calls: with an id of its own.
pub fn with_id<T>(message: T) -> tonic::Request<T> {
    transport::mutating_request(message, PATIENCE, &RequestId::generate())
}

/// Asks until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "no {what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect()
}
