use std::fmt;
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::lab::{Folder, Medium};

const SYNCS: usize = 300;
const PAGE: [u8; 4096] = [7; 4096];

/// What an appended 4 kB page and its fdatasync cost on a medium.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct SyncCost {
    p50: Duration,
    p99: Duration,
}

impl SyncCost {
    pub(in crate::bench) fn measure(medium: Medium) -> Result<Self> {
        let folder = Folder::on(medium, "sync")?;
        let mut file = File::create(folder.path().join("file"))?;
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            let start = Instant::now();
            file.write_all(&PAGE)?;
            file.sync_data()?;
            times.push(start.elapsed());
        }
        times.sort();
        let at = |share: usize| times.get(SYNCS * share / 100).copied().unwrap_or_default();
        Ok(Self {
            p50: at(50),
            p99: at(99),
        })
    }
}

impl fmt::Display for SyncCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(
            f,
            "fdatasync of 4 kB: p50 {:.3} ms, p99 {:.3} ms",
            ms(self.p50),
            ms(self.p99)
        )
    }
}
