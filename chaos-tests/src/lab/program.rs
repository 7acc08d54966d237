use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;

use super::{Folder, Process, http};

const START_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(30);

/// One of our programs, running or killed (to be started again), with a folder of its own: what
/// [`Master`](super::Master) and [`Worker`](super::Worker) have in common.
#[derive(Debug)]
pub struct Program {
    name: String,
    /// Name of the log in the folder.
    log: &'static str,
    args: Vec<String>,
    envs: Vec<(String, String)>,
    process: Option<Process>,
    folder: Folder,
}

impl Program {
    /// Makes its folder; nothing runs yet.
    pub(super) fn new(
        name: &str,
        log: &'static str,
        args: Vec<String>,
        envs: Vec<(String, String)>,
    ) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            log,
            args,
            envs,
            process: None,
            folder: Folder::new(name)?,
        })
    }

    /// Its name in the cluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder, with its log and what it stores.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Further command line arguments of the next start.
    pub fn args_mut(&mut self) -> &mut Vec<String> {
        &mut self.args
    }

    /// Further environment of the next start.
    pub fn envs_mut(&mut self) -> &mut Vec<(String, String)> {
        &mut self.envs
    }

    /// Starts `command`, with the further arguments and environment, without waiting.
    pub(super) fn launch(&mut self, mut command: Command) -> Result<()> {
        command
            .arg(format!("--name={}", self.name))
            .args(&self.args)
            .envs(self.envs.iter().cloned())
            .current_dir(self.folder());
        let log = self.folder().join(self.log);
        self.process = Some(Process::start(&self.name, command, &log)?);
        Ok(())
    }

    /// Waits until this page of its port answers.
    pub(super) async fn wait_page(&mut self, addr: &str, page: &str) -> Result<()> {
        let start = Instant::now();
        loop {
            self.process()?.must_run()?;
            match http::get(addr, page).await {
                Ok((200, _)) => return Ok(()),
                answer if start.elapsed() > START_MAX => {
                    let tail = self.process()?.log_tail();
                    bail!(
                        "{} is not ready after {START_MAX:?} ({answer:?}); its log ends:\n{tail}",
                        self.name
                    )
                }
                _ => tokio::time::sleep(LOOK_EVERY).await,
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
