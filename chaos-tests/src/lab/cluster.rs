use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Ctl, CtlOutput, Folder, Master, MasterOptions, NetHost, Worker, WorkerOptions};

const READY_MAX: Duration = Duration::from_secs(30);

/// Masters, workers and a dmctl that knows them.
#[derive(Debug)]
pub struct Cluster {
    /// `master1` …
    pub masters: Vec<Master>,
    /// `worker1` …
    pub workers: Vec<Worker>,
    ctl: Ctl,
    folder: Folder,
    initial_cluster: String,
}

/// How a [`Cluster`] is started.
#[derive(Clone, Debug)]
pub struct ClusterBuilder {
    masters: usize,
    workers: usize,
    master: MasterOptions,
    worker: WorkerOptions,
    worker_hosts: Vec<NetHost>,
}

impl ClusterBuilder {
    /// More command line arguments for every master.
    #[must_use]
    pub fn master_args(mut self, args: &[&str]) -> Self {
        self.master
            .args
            .extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// More command line arguments for every worker.
    #[must_use]
    pub fn worker_args(mut self, args: &[&str]) -> Self {
        self.worker
            .args
            .extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// An environment variable for every program.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        for envs in [&mut self.master.envs, &mut self.worker.envs] {
            envs.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The address that masters listen on, for workers on hosts of a [`Net`](super::Net).
    #[must_use]
    pub fn master_host(mut self, address: &str) -> Self {
        self.master.host = address.to_owned();
        self
    }

    /// Worker n runs on the n-th of these hosts.
    #[must_use]
    pub fn worker_hosts(mut self, hosts: Vec<NetHost>) -> Self {
        self.worker_hosts = hosts;
        self
    }

    /// Starts everything and waits until the workers are members.
    pub async fn start(self) -> Result<Cluster> {
        let masters = (1..=self.masters)
            .map(|n| Master::new(&format!("master{n}"), self.master.clone()))
            .collect::<Result<Vec<_>>>()?;
        let entries: Vec<String> = masters.iter().map(Master::initial_cluster_entry).collect();
        let addrs = masters
            .iter()
            .map(Master::addr)
            .collect::<Vec<_>>()
            .join(",");
        let mut hosts = self.worker_hosts.into_iter();
        let workers = (1..=self.workers)
            .map(|n| {
                let options = WorkerOptions {
                    host: hosts.next(),
                    ..self.worker.clone()
                };
                Worker::new(&format!("worker{n}"), &addrs, options)
            })
            .collect::<Result<Vec<_>>>()?;
        let mut cluster = Cluster {
            masters,
            workers,
            ctl: Ctl::new(addrs),
            folder: Folder::new("cluster")?,
            initial_cluster: entries.join(","),
        };
        cluster.start_all().await?;
        Ok(cluster)
    }
}

impl Cluster {
    /// What to start.
    #[must_use]
    pub fn builder(masters: usize, workers: usize) -> ClusterBuilder {
        ClusterBuilder {
            masters,
            workers,
            master: MasterOptions::default(),
            worker: WorkerOptions::default(),
            worker_hosts: Vec::new(),
        }
    }

    /// Starts that many with the defaults.
    pub async fn start(masters: usize, workers: usize) -> Result<Self> {
        Self::builder(masters, workers).start().await
    }

    async fn start_all(&mut self) -> Result<()> {
        for n in 0..self.masters.len() {
            self.start_master(n)?;
        }
        for master in &mut self.masters {
            master.wait_ready().await?;
        }
        for worker in &mut self.workers {
            worker.start()?;
        }
        for worker in &mut self.workers {
            worker.wait_ready().await?;
        }
        self.wait_members().await
    }

    /// Starts master `n` (again) without waiting.
    pub fn start_master(&mut self, n: usize) -> Result<()> {
        let master = self.masters.get_mut(n).context("no such master")?;
        master.start(&self.initial_cluster)
    }

    async fn wait_members(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            match self.free_or_bound().await {
                Ok(count) if count == self.workers.len() => return Ok(()),
                answer if start.elapsed() > READY_MAX => {
                    bail!(
                        "not all workers are members after {READY_MAX:?}: {answer:?}\n{}",
                        self.logs()
                    )
                }
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn free_or_bound(&self) -> Result<usize> {
        let members = self.ctl.ok(&["list-member"]).await?;
        let workers = find(&members, "workers")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        Ok(workers
            .iter()
            .filter(|worker| worker["stage"] != "offline")
            .count())
    }

    /// dmctl with all masters.
    #[must_use]
    pub fn dmctl(&self) -> &Ctl {
        &self.ctl
    }

    /// Runs dmctl: exit code, standard output, standard error.
    pub async fn ctl(&self, args: &[&str]) -> Result<CtlOutput> {
        self.ctl.run(args).await
    }

    /// Writes a configuration file and returns its path.
    pub fn write(&self, name: &str, text: &str) -> Result<String> {
        Ok(self.folder.write(name, text)?.display().to_string())
    }

    /// The place in `masters` of the leader, as dmctl names it.
    pub async fn leader(&self) -> Result<usize> {
        let members = self.ctl.ok(&["list-member", "--leader"]).await?;
        let name = find(&members, "leader")
            .and_then(|leader| leader["name"].as_str())
            .unwrap_or_default();
        let place = self.masters.iter().position(|master| master.name() == name);
        place.with_context(|| format!("no leader in {members}"))
    }

    /// The place in `workers` of the one that has this source.
    pub async fn owner(&self, source: &str) -> Result<usize> {
        let members = self.ctl.ok(&["list-member", "--worker"]).await?;
        let workers = find(&members, "workers")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let owns = |worker: &&Value| {
            worker["stage"] == "bound"
                && worker["source"]
                    .as_str()
                    .is_some_and(|list| list.split(',').any(|one| one == source))
        };
        let name = workers
            .iter()
            .find(owns)
            .and_then(|worker| worker["name"].as_str())
            .unwrap_or_default();
        let place = self.workers.iter().position(|worker| worker.name() == name);
        place.with_context(|| format!("nobody has {source} in {members}"))
    }

    /// The ends of all logs, for messages.
    #[must_use]
    pub fn logs(&mut self) -> String {
        let mut text = String::new();
        for master in &mut self.masters {
            let name = master.name().to_owned();
            if let Ok(process) = master.process() {
                text += &format!("--- {name}\n{}\n", process.log_tail());
            }
        }
        for worker in &mut self.workers {
            let name = worker.name().to_owned();
            if let Ok(process) = worker.process() {
                text += &format!("--- {name}\n{}\n", process.log_tail());
            }
        }
        text
    }
}

/// The first value of this key anywhere in the tree.
fn find<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map
            .get(key)
            .or_else(|| map.values().find_map(|inner| find(inner, key))),
        Value::Array(list) => list.iter().find_map(|inner| find(inner, key)),
        _ => None,
    }
}
