use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use tokio::task::spawn_blocking;

use super::Tables;
use super::tables::SCHEMA;
use crate::bench::race::{Meter, Spent};
use crate::lab::{Database, Endpoint, Folder, Kind};

/// Rows of a chunk of mydumper (`-r`).
const CHUNK_ROWS: &str = "100000";

/// The reference of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Dumper {
    /// `mysqldump | mysql`
    Mysqldump,
    /// mydumper, then myloader, with so many threads each.
    Mydumper(u32),
}

impl fmt::Display for Dumper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mysqldump => write!(f, "mysqldump|mysql"),
            Self::Mydumper(threads) => write!(f, "mydumper+myloader -t {threads}"),
        }
    }
}

impl Dumper {
    /// An error that says how to get what is missing.
    pub(in crate::bench) fn check(self) -> Result<()> {
        if self == Self::Mysqldump {
            return Kind::Mysql97.client("mysqldump").map(drop);
        }
        let found = Command::new("mydumper").arg("--version").output();
        ensure!(
            found.is_ok_and(|output| output.status.success()),
            "mydumper is not installed: apt-get install mydumper"
        );
        Ok(())
    }

    /// Copies everything into a new target and compares.
    pub(in crate::bench) async fn run(self, tables: &Tables) -> Result<Spent> {
        let target = tables.target().await?;
        let (from, to) = (tables.server.endpoint().clone(), target.endpoint().clone());
        let processes = vec![
            ("upstream", pid(&tables.server)?),
            ("target", pid(&target)?),
        ];
        let (meter, before) = (Meter::start(&processes)?, children_cpu()?);
        spawn_blocking(move || match self {
            Self::Mysqldump => mysqldump(&from, &to),
            Self::Mydumper(threads) => mydumper(&from, &to, threads),
        })
        .await??;
        let mut spent = meter.stop(tables.rows)?;
        spent
            .cpu
            .push(("tools", children_cpu()?.saturating_sub(before)));
        tables
            .must_be_equal(&target)
            .await
            .with_context(|| format!("after {self}"))?;
        Ok(spent)
    }
}

pub(super) fn pid(server: &Database) -> Result<u32> {
    server.pid().context("the server is not running")
}

/// Of children that were waited for; servers are not among them while they run.
fn children_cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = |time: nix::sys::time::TimeVal| {
        u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0)
    };
    Ok(Duration::from_micros(
        micros(usage.user_time()) + micros(usage.system_time()),
    ))
}

fn mysqldump(from: &Endpoint, to: &Endpoint) -> Result<()> {
    let mut dump = Kind::Mysql97.client("mysqldump")?;
    login(&mut dump, from)
        .args(["--single-transaction", "--quick", "--set-gtid-purged=OFF"])
        .args(["--databases", SCHEMA])
        .stdout(Stdio::piped());
    let mut load = Kind::Mysql97.client("mysql")?;
    login(&mut load, to);
    show(&dump);
    let mut dump = dump.spawn().context("mysqldump")?;
    let output = dump.stdout.take().context("no output")?;
    let loaded = load.stdin(output).status().context("mysql")?;
    let dumped = dump.wait()?;
    ensure!(
        dumped.success() && loaded.success(),
        "mysqldump: {dumped}, mysql: {loaded}"
    );
    Ok(())
}

fn login<'a>(command: &'a mut Command, at: &Endpoint) -> &'a mut Command {
    command
        .arg(format!("--host={}", at.host))
        .arg(format!("--port={}", at.port))
        .arg(format!("--user={}", at.user))
}

fn mydumper(from: &Endpoint, to: &Endpoint, threads: u32) -> Result<()> {
    let folder = Folder::new("mydumper")?;
    let threads = threads.to_string();
    let mut dump = Command::new("mydumper");
    login(&mut dump, from)
        .args(["-B", SCHEMA, "-r", CHUNK_ROWS, "-t", &threads, "-o"])
        .arg(folder.path().join("dump"));
    let mut load = Command::new("myloader");
    login(&mut load, to)
        .args(["-e", "-t", &threads, "-d"])
        .arg(folder.path().join("dump"));
    for mut command in [dump, load] {
        show(&command);
        let start = Instant::now();
        let output = command.output()?;
        if !output.status.success() {
            bail!(
                "{:?}: {}\n{}",
                command.get_program(),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        println!(
            "    {:?} {:.1} s",
            command.get_program(),
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn show(command: &Command) {
    let words: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    println!(
        "    {} {}",
        command.get_program().display(),
        words.join(" ")
    );
}
