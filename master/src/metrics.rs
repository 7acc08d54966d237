//! Numbers for Prometheus; names are DM's (`interfaces.md` 5.5), so its dashboards and alerts work.

use std::{collections::BTreeSet, sync::LazyLock};

use prometheus::{Encoder, Gauge, GaugeVec, IntCounter, Opts, TextEncoder};

use crate::{scheduler::Observed, state::State};

/// Times that this master became leader.
pub static START_LEADER: LazyLock<IntCounter> = LazyLock::new(|| {
    registered(IntCounter::new(
        "dm_master_start_leader_counter",
        "number of this master being elected leader",
    ))
});

static WORKER_STATE: LazyLock<GaugeVec> = LazyLock::new(|| {
    let options = Opts::new(
        "dm_master_worker_state",
        "state of workers: -1 unrecognized, 0 offline, 1 free, 2 bound",
    );
    registered(GaugeVec::new(options, &["worker"]))
});

static RESIDENT_BYTES: LazyLock<Gauge> = LazyLock::new(|| {
    registered(Gauge::new(
        "process_resident_memory_bytes",
        "resident memory size in bytes",
    ))
});

/// Fails only for a malformed or doubled name, that is, at the first start of a wrong program.
#[allow(clippy::expect_used)]
fn registered<C: prometheus::core::Collector + Clone + 'static>(
    collector: prometheus::Result<C>,
) -> C {
    let collector = collector.expect("metric names are constants");
    prometheus::register(Box::new(collector.clone())).expect("each metric is registered once");
    collector
}

/// A worker's stage in `list-member`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerStage {
    /// No session.
    Offline,
    /// Connected, without a source.
    Free,
    /// Owns at least one source.
    Bound,
}

impl WorkerStage {
    /// The stage of a worker.
    pub fn of(connected: bool, owns: bool) -> Self {
        match (connected, owns) {
            (false, _) => WorkerStage::Offline,
            (true, false) => WorkerStage::Free,
            (true, true) => WorkerStage::Bound,
        }
    }

    /// As DM spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            WorkerStage::Offline => "offline",
            WorkerStage::Free => "free",
            WorkerStage::Bound => "bound",
        }
    }

    fn value(self) -> f64 {
        match self {
            WorkerStage::Offline => 0.0,
            WorkerStage::Free => 1.0,
            WorkerStage::Bound => 2.0,
        }
    }
}

/// Shows the state of all workers; called by the leader only.
pub fn show_workers(state: &State, observed: &Observed) {
    let owners: BTreeSet<&str> = state
        .sources
        .values()
        .filter_map(|source| source.lease.as_ref())
        .map(|lease| lease.worker.as_str())
        .collect();
    WORKER_STATE.reset();
    for name in state.workers.keys() {
        let stage = WorkerStage::of(
            observed.workers.contains_key(name),
            owners.contains(name.as_str()),
        );
        WORKER_STATE
            .with_label_values(&[name.as_str()])
            .set(stage.value());
    }
}

/// Forgets the workers: only a leader knows them.
pub fn hide_workers() {
    WORKER_STATE.reset();
}

/// All numbers in Prometheus' text form.
pub fn text() -> String {
    // Touched, so that it is there before the first election.
    LazyLock::force(&START_LEADER);
    RESIDENT_BYTES.set(resident_bytes().unwrap_or(0.0));
    let mut text = Vec::new();
    // Writing to memory can't fail.
    let _ = TextEncoder::new().encode(&prometheus::gather(), &mut text);
    String::from_utf8(text).unwrap_or_default()
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0)
}
