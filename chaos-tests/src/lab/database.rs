use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use nix::sys::signal::Signal;

use super::{Endpoint, Folder, Kind, Medium, Port, Process};

/// A start takes half a second; a loaded machine may take a few.
const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(30);

/// A real database server of our own, with its data in memory. Dropping it kills it and removes the data.
#[derive(Debug)]
pub struct Database {
    kind: Kind,
    args: Vec<String>,
    process: Option<Process>,
    port: Port,
    endpoint: Endpoint,
    folder: Folder,
}

/// How a [`Database`] is started.
#[derive(Clone, Debug)]
pub struct DatabaseBuilder {
    kind: Kind,
    gtid: bool,
    bind: String,
    args: Vec<String>,
    medium: Medium,
    data: Option<PathBuf>,
}

impl DatabaseBuilder {
    /// GTID on (the default) or off. MariaDB always has GTIDs.
    #[must_use]
    pub fn gtid(mut self, on: bool) -> Self {
        self.gtid = on;
        self
    }

    /// One more server option, `--name=value`.
    #[must_use]
    pub fn arg(mut self, option: impl Into<String>) -> Self {
        self.args.push(option.into());
        self
    }

    /// Listens on this address instead of 127.0.0.1; `0.0.0.0` for hosts of a [`Net`](super::Net).
    #[must_use]
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    /// Keeps its data on this medium instead of in memory.
    #[must_use]
    pub fn medium(mut self, medium: Medium) -> Self {
        self.medium = medium;
        self
    }

    /// Begins with a copy of the data of a server that was stopped ([`Database::data`]).
    #[must_use]
    pub fn data_of(mut self, data: impl Into<PathBuf>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Starts it and waits until one can log in.
    pub async fn start(mut self) -> Result<Database> {
        let installed = self.kind.installed()?;
        let folder = Folder::on(self.medium, self.kind.folder_name())?;
        let template = self
            .data
            .take()
            .unwrap_or_else(|| installed.join("template"));
        let data = folder.path().join("data");
        let copy = data.clone();
        tokio::task::spawn_blocking(move || copy_folder(&template, &copy)).await??;
        let port = Port::take()?;
        let args = self.server_args(&port, &data);
        let mut database = Database {
            kind: self.kind,
            args,
            process: None,
            endpoint: Endpoint::local(port.number()),
            port,
            folder,
        };
        database.restart().await?;
        Ok(database)
    }

    fn server_args(&self, port: &Port, data: &Path) -> Vec<String> {
        let (port, data) = (port.number(), data.display());
        let mut args = vec![
            format!("--datadir={data}"),
            format!("--port={port}"),
            format!("--bind-address={}", self.bind),
            format!("--socket={data}/s.sock"),
            format!("--pid-file={data}/mysqld.pid"),
            format!("--server-id={port}"),
            "--log-bin=binlog".to_owned(),
            "--binlog-format=ROW".to_owned(),
            "--innodb-buffer-pool-size=64M".to_owned(),
            "--skip-name-resolve".to_owned(),
        ];
        let ours: &[&str] = match self.kind {
            Kind::Mysql97 => &["--innodb-redo-log-capacity=64M", "--performance-schema=OFF"],
            Kind::Mysql56 => &["--log-slave-updates", "--performance-schema=OFF"],
            _ => &["--log-slave-updates=ON"],
        };
        args.extend(ours.iter().map(|&arg| arg.to_owned()));
        if !self.kind.is_mariadb() {
            // Said in both cases: 9.7 has it on by default, 5.6 off.
            let mode = if self.gtid { "ON" } else { "OFF" };
            args.extend([
                format!("--gtid-mode={mode}"),
                format!("--enforce-gtid-consistency={mode}"),
            ]);
        }
        args.extend(self.args.iter().cloned());
        args
    }
}

impl Database {
    /// What to start; change it, then `.start().await`.
    #[must_use]
    pub fn builder(kind: Kind) -> DatabaseBuilder {
        DatabaseBuilder {
            kind,
            gtid: true,
            bind: "127.0.0.1".to_owned(),
            args: Vec::new(),
            medium: Medium::Memory,
            data: None,
        }
    }

    /// Starts one with GTID on and nothing else.
    pub async fn start(kind: Kind) -> Result<Self> {
        Self::builder(kind).start().await
    }

    /// Which server it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it listens on this machine.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port.number()))
    }

    /// How to log in.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A connection as root.
    pub async fn conn(&self) -> Result<Conn> {
        self.endpoint().conn().await
    }

    /// Runs statements, one after the other, on a connection of their own.
    pub async fn exec(&self, statements: &[&str]) -> Result<()> {
        let mut conn = self.conn().await?;
        for statement in statements {
            conn.query_drop(*statement)
                .await
                .with_context(|| format!("running {statement}"))?;
        }
        Ok(conn.disconnect().await?)
    }

    /// The process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// The process while it runs.
    #[must_use]
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// The folder of its data and log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The server options of the next start, to change.
    pub fn args_mut(&mut self) -> &mut Vec<String> {
        &mut self.args
    }

    /// kill -9.
    pub fn kill9(&mut self) {
        self.process = None;
    }

    /// Stops it as an administrator would.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::SIGTERM)?;
            process.wait_exit(STOP_MAX).await?;
        }
        Ok(())
    }

    /// Freezes it: connections stay, nothing answers.
    pub fn sigstop(&mut self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    pub fn sigcont(&mut self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        self.process
            .as_mut()
            .context("the server is not running")?
            .signal(signal)
    }

    /// Starts it (again, after `stop` or `kill9`; a running one is stopped first) on the same port and data.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        let mut command = Command::new(self.kind.installed()?.join("server"));
        command.args(&self.args);
        let log = self.folder.path().join("server.log");
        let process = self
            .process
            .insert(Process::start(self.kind.title(), command, &log)?);
        let endpoint = self.endpoint.clone();
        let start = Instant::now();
        loop {
            process.must_run()?;
            match endpoint.conn().await {
                Ok(conn) => return Ok(conn.disconnect().await?),
                Err(error) if start.elapsed() > START_MAX => {
                    bail!(
                        "{} does not answer: {error:#}\n{}",
                        self.kind.title(),
                        process.log_tail()
                    )
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
