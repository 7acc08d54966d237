use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Result, bail};
use nix::fcntl::{Flock, FlockArg};
use rand::Rng;

/// Below the range from which the kernel takes ports for outgoing connections: nobody gets ours by chance.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
const ATTEMPTS_MAX: usize = 1_000;

/// A TCP port that no other lab on this machine uses while this value lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: Flock<File>,
}

impl Port {
    /// Takes a free one.
    pub fn take() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("dm-lab-ports-{}", nix::unistd::getuid()));
        fs::create_dir_all(&folder)?;
        for _ in 0..ATTEMPTS_MAX {
            let number = rand::rng().random_range(RANGE);
            if let Some(lock) = lock(folder.join(number.to_string()))?
                && TcpListener::bind(("0.0.0.0", number)).is_ok()
            {
                return Ok(Self {
                    number,
                    _lock: lock,
                });
            }
        }
        bail!("no free port between {} and {}", RANGE.start, RANGE.end)
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

fn lock(path: PathBuf) -> Result<Option<Flock<File>>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    Ok(Flock::lock(file, FlockArg::LockExclusiveNonblock).ok())
}
