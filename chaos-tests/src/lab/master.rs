use std::ops::{Deref, DerefMut};
use std::process::Command;

use anyhow::Result;

use super::{Binaries, Port, Program};

/// A running (or killed, to be started again) dm-master with a data folder of its own.
#[derive(Debug)]
pub struct Master {
    program: Program,
    host: String,
    client_port: Port,
    peer_port: Port,
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
            program: Program::new(name, "master.log", options.args, options.envs)?,
            host,
            client_port: Port::take()?,
            peer_port: Port::take()?,
        })
    }

    /// Where dmctl and workers find it; HTTP too.
    #[must_use]
    pub fn addr(&self) -> String {
        format!("{}:{}", self.host, self.client_port.number())
    }

    /// Its entry of `--initial-cluster`.
    #[must_use]
    pub fn initial_cluster_entry(&self) -> String {
        format!("{}={}", self.name(), self.peer_url())
    }

    /// Where other masters find it.
    #[must_use]
    pub fn peer_url(&self) -> String {
        format!("http://{}:{}", self.host, self.peer_port.number())
    }

    /// Starts it; does not wait, as a cluster gets ready together. `initial_cluster` may be empty.
    pub fn start(&mut self, initial_cluster: &str) -> Result<()> {
        let mut command = Command::new(Binaries::find()?.path("dm-master")?);
        command.arg(format!("--master-addr={}", self.addr()));
        command.arg(format!("--peer-urls={}", self.peer_url()));
        let data = self.folder().join("data");
        command.arg(format!("--data-dir={}", data.display()));
        if !initial_cluster.is_empty() {
            command.arg(format!("--initial-cluster={initial_cluster}"));
        }
        self.program.launch(command)
    }

    /// Waits until `/health` answers.
    pub async fn wait_ready(&mut self) -> Result<()> {
        let addr = self.addr();
        self.program.wait_page(&addr, "/health").await
    }
}

impl Deref for Master {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl DerefMut for Master {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}
