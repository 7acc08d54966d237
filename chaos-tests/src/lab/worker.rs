use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;

use super::{Binaries, Folder, NetHost, Port, Process, http};

const START_MAX: Duration = Duration::from_secs(30);

/// A running (or killed, to be started again) dm-worker.
#[derive(Debug)]
pub struct Worker {
    name: String,
    join: String,
    options: WorkerOptions,
    process: Option<Process>,
    port: Port,
    folder: Folder,
}

/// What differs between workers of tests.
#[derive(Clone, Debug, Default)]
pub struct WorkerOptions {
    /// Runs on this host of a [`Net`](super::Net) instead of 127.0.0.1.
    pub host: Option<NetHost>,
    /// More command line arguments.
    pub args: Vec<String>,
    /// More environment.
    pub envs: Vec<(String, String)>,
}

impl Worker {
    /// Takes a port and a folder; nothing runs yet. `join` is the list of masters.
    pub fn new(name: &str, join: &str, options: WorkerOptions) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            join: join.to_owned(),
            options,
            process: None,
            port: Port::take()?,
            folder: Folder::new(name)?,
        })
    }

    /// Its name in the cluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its HTTP is.
    #[must_use]
    pub fn addr(&self) -> String {
        let host = self
            .options
            .host
            .as_ref()
            .map_or("127.0.0.1", NetHost::address);
        format!("{host}:{}", self.port.number())
    }

    /// Its folder, with `worker.log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Further command line arguments of the next start.
    pub fn args_mut(&mut self) -> &mut Vec<String> {
        &mut self.options.args
    }

    /// Starts it without waiting.
    pub fn start(&mut self) -> Result<()> {
        let program = Binaries::find()?.path("dm-worker")?;
        let mut command = match &self.options.host {
            Some(host) => host.command(&program),
            None => Command::new(program),
        };
        command.arg(format!("--name={}", self.name));
        command.arg(format!("--worker-addr={}", self.addr()));
        command.arg(format!("--join={}", self.join));
        command
            .args(&self.options.args)
            .envs(self.options.envs.iter().cloned())
            .current_dir(self.folder());
        self.process = Some(Process::start(
            &self.name,
            command,
            &self.folder().join("worker.log"),
        )?);
        Ok(())
    }

    /// Waits until `/status` answers.
    pub async fn wait_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            let addr = self.addr();
            self.process()?.must_run()?;
            match http::get(&addr, "/status").await {
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

    /// Freezes it.
    pub fn sigstop(&mut self) -> Result<()> {
        self.process()?.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    pub fn sigcont(&mut self) -> Result<()> {
        self.process()?.signal(Signal::SIGCONT)
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
