use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;

use super::{Binaries, Folder, Port, Process, http};

const START_MAX: Duration = Duration::from_secs(30);

/// A running (or killed, to be started again) dm-master with a data folder of its own.
#[derive(Debug)]
pub struct Master {
    name: String,
    host: String,
    args: Vec<String>,
    envs: Vec<(String, String)>,
    process: Option<Process>,
    client_port: Port,
    peer_port: Port,
    folder: Folder,
}

/// What differs between masters of tests.
#[derive(Clone, Debug, Default)]
pub struct MasterOptions {
    /// The address that it listens on and tells others; empty: 127.0.0.1.
    pub host: String,
    /// More command line arguments.
    pub args: Vec<String>,
    /// More environment.
    pub envs: Vec<(String, String)>,
}

impl Master {
    /// Takes ports and a folder; nothing runs yet.
    pub fn new(name: &str, options: MasterOptions) -> Result<Self> {
        let host = if options.host.is_empty() {
            "127.0.0.1".to_owned()
        } else {
            options.host
        };
        Ok(Self {
            name: name.to_owned(),
            host,
            args: options.args,
            envs: options.envs,
            process: None,
            client_port: Port::take()?,
            peer_port: Port::take()?,
            folder: Folder::new(name)?,
        })
    }

    /// Its name in the cluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where dmctl and workers find it; HTTP too.
    #[must_use]
    pub fn addr(&self) -> String {
        format!("{}:{}", self.host, self.client_port.number())
    }

    /// Its entry of `--initial-cluster`.
    #[must_use]
    pub fn initial_cluster_entry(&self) -> String {
        format!("{}={}", self.name, self.peer_url())
    }

    /// Where other masters find it.
    #[must_use]
    pub fn peer_url(&self) -> String {
        format!("http://{}:{}", self.host, self.peer_port.number())
    }

    /// Its folder: `data` and `master.log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Further command line arguments of the next start.
    pub fn args_mut(&mut self) -> &mut Vec<String> {
        &mut self.args
    }

    /// Starts it; does not wait, as a cluster gets ready together. `initial_cluster` may be empty.
    pub fn start(&mut self, initial_cluster: &str) -> Result<()> {
        let mut command = Command::new(Binaries::find()?.path("dm-master")?);
        command.arg(format!("--name={}", self.name));
        command.arg(format!("--master-addr={}", self.addr()));
        command.arg(format!("--peer-urls={}", self.peer_url()));
        command.arg(format!(
            "--data-dir={}",
            self.folder().join("data").display()
        ));
        if !initial_cluster.is_empty() {
            command.arg(format!("--initial-cluster={initial_cluster}"));
        }
        command
            .args(&self.args)
            .envs(self.envs.iter().cloned())
            .current_dir(self.folder());
        self.process = Some(Process::start(
            &self.name,
            command,
            &self.folder().join("master.log"),
        )?);
        Ok(())
    }

    /// Waits until `/health` answers.
    pub async fn wait_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            let addr = self.addr();
            self.process()?.must_run()?;
            match http::get(&addr, "/health").await {
                Ok((200, _)) => return Ok(()),
                answer if start.elapsed() > START_MAX => {
                    let tail = self.process()?.log_tail();
                    bail!(
                        "{} is not ready after {START_MAX:?} ({answer:?}); its log ends:\n{tail}",
                        self.name
                    )
                }
                _ => tokio::time::sleep(Duration::from_millis(30)).await,
            }
        }
    }

    /// The process while there is one.
    pub fn process(&mut self) -> Result<&mut Process> {
        match &mut self.process {
            Some(process) => Ok(process),
            None => bail!("{} is not running", self.name),
        }
    }

    /// Whether it was started and not killed by us.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// kill -9.
    pub fn kill9(&mut self) {
        self.process = None;
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(&mut self, limit: Duration) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::SIGTERM)?;
            process.wait_exit(limit).await?;
        }
        Ok(())
    }
}
