use std::ops::{Deref, DerefMut};
use std::process::Command;

use anyhow::Result;

use super::{Binaries, NetHost, Port, Program};

/// A running (or killed, to be started again) dm-worker.
#[derive(Debug)]
pub struct Worker {
    program: Program,
    join: String,
    host: Option<NetHost>,
    port: Port,
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
            program: Program::new(name, "worker.log", options.args, options.envs)?,
            join: join.to_owned(),
            host: options.host,
            port: Port::take()?,
        })
    }

    /// Where its HTTP is.
    #[must_use]
    pub fn addr(&self) -> String {
        let host = self.host.as_ref().map_or("127.0.0.1", NetHost::address);
        format!("{host}:{}", self.port.number())
    }

    /// Starts it without waiting.
    pub fn start(&mut self) -> Result<()> {
        let program = Binaries::find()?.path("dm-worker")?;
        let mut command = match &self.host {
            Some(host) => host.command(&program),
            None => Command::new(program),
        };
        command.arg(format!("--worker-addr={}", self.addr()));
        command.arg(format!("--join={}", self.join));
        self.program.launch(command)
    }

    /// Waits until `/status` answers.
    pub async fn wait_ready(&mut self) -> Result<()> {
        let addr = self.addr();
        self.program.wait_page(&addr, "/status").await
    }
}

impl Deref for Worker {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl DerefMut for Worker {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}
