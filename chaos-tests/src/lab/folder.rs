use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::kind::cache_dir;

/// Everything that we put on disk starts with this, then the process id.
const PREFIX: &str = "dm-lab-";

/// What a folder is kept on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// Memory where there is some (`DM_LAB_DIR`, else `/dev/shm`): a sync costs nothing.
    #[default]
    Memory,
    /// The disk of the cache folder: a sync costs what it costs.
    Disk,
}

/// A folder of its own, removed when dropped and at the latest when this process has ended.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes one in memory; `label` is there for who looks at it.
    pub fn new(label: &str) -> Result<Self> {
        Self::on(Medium::Memory, label)
    }

    /// Makes one on `medium`.
    pub fn on(medium: Medium, label: &str) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        clean_up_after_us();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = medium
            .base()
            .join(format!("{PREFIX}{}-{number}-{label}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file into it and returns its path.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Medium {
    /// Databases and logs sync a lot, and tests don't need that to survive the machine, so memory is the default.
    fn base(self) -> PathBuf {
        if self == Self::Disk {
            return cache_dir().join("lab");
        }
        if let Some(dir) = std::env::var_os("DM_LAB_DIR") {
            return dir.into();
        }
        let memory = PathBuf::from("/dev/shm");
        if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        }
    }
}

/// Starts, once, the shell that outlives us and removes our folders; also removes what dead processes left.
fn clean_up_after_us() {
    static REAPER: OnceLock<Option<Child>> = OnceLock::new();
    REAPER.get_or_init(|| {
        remove_leftovers();
        start_reaper().ok()
    });
}

/// The shell waits for the end of a pipe whose other end only we hold, so it starts when we end, however that is.
/// It removes twice because the kernel may still be killing our children when it starts.
fn start_reaper() -> io::Result<Child> {
    let script = "read x; for n in 1 2 3; do rm -rf -- \"$1\"* \"$3\"*; sleep 0.5; done; \
                  for n in $(ip netns list 2>/dev/null | cut -d' ' -f1 | grep -- \"^$2\"); do ip netns del $n; done";
    let mine = format!("{PREFIX}{}-", std::process::id());
    Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(Medium::Memory.base().join(&mine))
        .arg(&mine)
        .arg(Medium::Disk.base().join(&mine))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C goes to the group of the terminal.
        .process_group(0)
        .spawn()
}

fn remove_leftovers() {
    let folders = [Medium::Memory, Medium::Disk].map(|medium| fs::read_dir(medium.base()));
    for entry in folders.into_iter().flatten().flatten().flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split('-').next())
            .and_then(|pid| pid.parse::<i32>().ok());
        if let Some(pid) = pid
            && kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
