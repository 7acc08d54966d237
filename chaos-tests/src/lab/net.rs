use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};

/// 198.18.0.0/15 is set aside for tests of networks, so nothing real is behind it.
const NETWORKS_MAX: u8 = 100;
const HOSTS_MAX: usize = 100;

/// A network of its own with hosts that can die: packets vanish, connections and what hangs on them stay.
///
/// Needs root and `ip`. Servers for it listen on [`Net::gateway`] or 0.0.0.0.
#[derive(Debug)]
pub struct Net {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    number: u8,
    hosts: std::sync::Mutex<usize>,
    _lock: Flock<File>,
}

/// A host of a [`Net`].
#[derive(Clone, Debug)]
pub struct NetHost {
    namespace: String,
    link: String,
    address: String,
    _net: Arc<Inner>,
}

impl Net {
    /// Makes one; the error says why this machine can't.
    pub fn new() -> Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            bail!("hosts of their own need root");
        }
        for number in 0..NETWORKS_MAX {
            let path = std::env::temp_dir().join(format!("dm-lab-net-{number}"));
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?;
            if let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                let inner = Inner {
                    number,
                    hosts: std::sync::Mutex::new(0),
                    _lock: lock,
                };
                inner.create()?;
                return Ok(Self {
                    inner: Arc::new(inner),
                });
            }
        }
        bail!("{NETWORKS_MAX} networks are in use")
    }

    /// The address of this machine in the network.
    #[must_use]
    pub fn gateway(&self) -> String {
        self.inner.address(1)
    }

    /// One more host.
    pub fn host(&self) -> Result<NetHost> {
        let place = {
            let mut hosts = self
                .inner
                .hosts
                .lock()
                .map_err(|_| anyhow::anyhow!("poisoned"))?;
            *hosts += 1;
            *hosts
        };
        if place > HOSTS_MAX {
            bail!("more than {HOSTS_MAX} hosts");
        }
        let (bridge, address) = (self.inner.bridge(), self.inner.address(place + 1));
        let namespace = format!(
            "dm-lab-{}-{}-{place}",
            std::process::id(),
            self.inner.number
        );
        let (link, inside) = (
            format!("dml{}h{place}", self.inner.number),
            format!("dml{}i{place}", self.inner.number),
        );
        ip(&format!("netns add {namespace}"))?;
        ip(&format!("link add {link} type veth peer name {inside}"))?;
        ip(&format!("link set {inside} netns {namespace}"))?;
        ip(&format!("link set {link} master {bridge} up"))?;
        ip(&format!(
            "-n {namespace} address add {address}/24 dev {inside}"
        ))?;
        ip(&format!("-n {namespace} link set {inside} up"))?;
        ip(&format!("-n {namespace} link set lo up"))?;
        Ok(NetHost {
            namespace,
            link,
            address,
            _net: Arc::clone(&self.inner),
        })
    }
}

impl NetHost {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A command that runs `program` there. `ip` becomes the program, so the process id stays.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.namespace])
            .arg(program);
        command
    }

    /// All packets from and to it are dropped from now on.
    pub fn unplug(&self) -> Result<()> {
        ip(&format!("link set {} down", self.link))
    }

    /// Packets pass again.
    pub fn plug(&self) -> Result<()> {
        ip(&format!("link set {} up", self.link))
    }
}

impl Inner {
    fn bridge(&self) -> String {
        format!("dmlab{}", self.number)
    }

    fn address(&self, host: usize) -> String {
        format!("198.18.{}.{host}", self.number)
    }

    fn create(&self) -> Result<()> {
        // A process that was killed leaves its bridge; whoever has the lock may take it away.
        let _ = ip(&format!("link del {}", self.bridge()));
        self.remove_namespaces();
        ip(&format!("link add {} type bridge", self.bridge()))?;
        ip(&format!(
            "address add {}/24 dev {}",
            self.address(1),
            self.bridge()
        ))?;
        ip(&format!("link set {} up", self.bridge()))
    }

    /// Namespaces are named dm-lab-PID-NETWORK-HOST.
    fn remove_namespaces(&self) {
        let Ok(output) = Command::new("ip").args(["netns", "list"]).output() else {
            return;
        };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let name = line.split(' ').next().unwrap_or_default();
            let ours = name
                .strip_prefix("dm-lab-")
                .and_then(|rest| rest.split('-').nth(1));
            if ours == Some(self.number.to_string().as_str()) {
                let _ = ip(&format!("netns del {name}"));
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.remove_namespaces();
        let _ = ip(&format!("link del {}", self.bridge()));
    }
}

fn ip(arguments: &str) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .context("cannot run ip (package iproute2)")?;
    if !output.status.success() {
        bail!(
            "ip {arguments}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
