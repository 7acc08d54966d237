//! Masters of one cluster, each with its own folder and free ports.

use std::{
    ffi::OsString,
    net::TcpListener,
    time::{Duration, Instant},
};

use dm_master::{
    config::{Config, Invocation, Settings},
    server::Master,
};
use dm_proto::pb::{self, SourceOp, TaskOp, master_client::MasterClient};
use tonic::transport::Channel;

/// Longest wait for anything that should happen soon, on a machine that also compiles.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Cluster {
    pub masters: Vec<Option<Master>>,
    pub addrs: Vec<String>,
    _folders: Vec<tempfile::TempDir>,
}

impl Cluster {
    /// Starts `count` masters with this lease TTL and waits for a leader.
    pub async fn start(count: usize, lease_ttl: &str) -> Self {
        let ports: Vec<u16> = free_ports(2 * count);
        let (client_ports, peer_ports) = ports.split_at(count);
        let initial: Vec<String> = peer_ports
            .iter()
            .enumerate()
            .map(|(number, port)| format!("m{number}=http://127.0.0.1:{port}"))
            .collect();
        let mut folders = Vec::new();
        let mut starts = Vec::new();
        for number in 0..count {
            let folder = tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .unwrap();
            let config = config(&[
                ("--name", &format!("m{number}")),
                ("--data-dir", folder.path().to_str().unwrap()),
                (
                    "--master-addr",
                    &format!("127.0.0.1:{}", client_ports[number]),
                ),
                (
                    "--peer-urls",
                    &format!("http://127.0.0.1:{}", peer_ports[number]),
                ),
                ("--initial-cluster", &initial.join(",")),
                ("--lease-ttl", lease_ttl),
            ]);
            starts.push(Master::start(config));
            folders.push(folder);
        }
        let started = futures::future::join_all(starts).await;
        let masters = started
            .into_iter()
            .map(|master| Some(master.unwrap()))
            .collect();
        let addrs = client_ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let cluster = Cluster {
            masters,
            addrs,
            _folders: folders,
        };
        cluster.leader().await;
        cluster
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

    /// A master that runs and does not lead.
    pub async fn follower(&self) -> usize {
        let leader = self.leader().await;
        self.masters
            .iter()
            .enumerate()
            .position(|(number, master)| number != leader && master.is_some())
            .unwrap()
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
            .operate_source(request)
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
            .start_task(request)
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
            .operate_task(request)
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

fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect()
}
