//! A database server for one test.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const START_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
    _folder: TempDir,
}

impl Server {
    /// Starts a server of the given name; `None`, with a word about it, when it isn't unpacked.
    pub(crate) async fn start(name: &str, options: &[&str]) -> Option<Self> {
        let folder = databases().join(name);
        if !folder.join("server").exists() {
            eprintln!(
                "skipped: no {name} in {} (run deploy/databases.sh {name})",
                databases().display()
            );
            return None;
        }
        let data = tempfile::Builder::new()
            .prefix("dm-worker-it")
            .tempdir_in(ram())
            .expect("folder");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(folder.join("template"))
            .arg(data.path().join("data"))
            .status();
        assert!(copied.expect("cp").success());
        let port = free_port();
        let process = Command::new(folder.join("server"))
            .arg(format!("--datadir={}", data.path().join("data").display()))
            .arg(format!("--port={port}"))
            .arg(format!("--socket={}", data.path().join("sock").display()))
            .arg(format!("--pid-file={}", data.path().join("pid").display()))
            .arg("--bind-address=127.0.0.1")
            .args(options)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(data.path().join("log")).expect("log"))
            .spawn()
            .expect("server starts");
        let server = Self {
            process,
            port,
            _folder: data,
        };
        let deadline = tokio::time::Instant::now() + START_TIMEOUT;
        while Conn::new(server.opts()).await.is_err() {
            assert!(
                tokio::time::Instant::now() < deadline,
                "{name} doesn't start"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(server)
    }

    pub(crate) fn opts(&self) -> OptsBuilder {
        OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port)
            .user(Some("root"))
            .prefer_socket(false)
    }

    pub(crate) async fn exec(&self, statements: &[&str]) {
        let mut conn = Conn::new(self.opts()).await.expect("connection");
        for statement in statements {
            conn.query_drop(*statement)
                .await
                .unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn databases() -> PathBuf {
    let cache = std::env::var_os("DM_CACHE_DIR").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let xdg = || {
        std::env::var_os("XDG_CACHE_HOME")
            .map_or_else(home, PathBuf::from)
            .join("dm-rs")
    };
    cache.unwrap_or_else(xdg).join("databases")
}

fn ram() -> PathBuf {
    let ram = PathBuf::from("/dev/shm");
    if ram.is_dir() {
        ram
    } else {
        std::env::temp_dir()
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    listener.local_addr().expect("bound").port()
}
