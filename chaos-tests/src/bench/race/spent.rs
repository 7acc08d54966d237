use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::lab::cpu_time;

/// What one run took: time, and the CPU of every process that took part.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Spent {
    pub(in crate::bench) rows: u64,
    pub(in crate::bench) time: Duration,
    /// Name and CPU time.
    pub(in crate::bench) cpu: Vec<(&'static str, Duration)>,
}

/// Name and id of each process of a run.
pub(in crate::bench) type Processes = Vec<(&'static str, u32)>;

/// CPU times when a run begins.
pub(in crate::bench) struct Meter {
    start: Instant,
    processes: Processes,
    before: Vec<Duration>,
}

impl Meter {
    pub(in crate::bench) fn start(processes: &Processes) -> Result<Self> {
        Ok(Self {
            before: read(processes)?,
            processes: processes.clone(),
            start: Instant::now(),
        })
    }

    /// `rows` were applied since the start.
    pub(in crate::bench) fn stop(self, rows: u64) -> Result<Spent> {
        let time = self.start.elapsed();
        let after = read(&self.processes)?;
        let cpu = self
            .processes
            .iter()
            .zip(after.iter().zip(&self.before))
            .map(|((name, _), (after, before))| (*name, after.saturating_sub(*before)))
            .collect();
        Ok(Spent { rows, time, cpu })
    }
}

fn read(processes: &Processes) -> Result<Vec<Duration>> {
    processes.iter().map(|(_, pid)| cpu_time(*pid)).collect()
}

impl Spent {
    /// Rows per second.
    pub(in crate::bench) fn rate(&self) -> f64 {
        self.rows as f64 / self.time.as_secs_f64()
    }

    /// CPU of a process per row, in µs.
    pub(in crate::bench) fn cpu_us_per_row(&self, process: &str) -> f64 {
        let cpu = self.cpu.iter().find(|(name, _)| *name == process);
        cpu.map_or(0.0, |(_, time)| time.as_secs_f64() * 1e6 / self.rows as f64)
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, seconds) = (self.rows, self.time.as_secs_f64());
        write!(
            f,
            "{rows} rows in {seconds:.2} s = {:.0} rows/s; CPU µs/row:",
            self.rate()
        )?;
        for (name, _) in &self.cpu {
            write!(f, " {name} {:.2}", self.cpu_us_per_row(name))?;
        }
        Ok(())
    }
}

/// Of the last minute: whoever else uses the machine shows here.
pub(in crate::bench) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}
