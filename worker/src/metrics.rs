//! `/metrics`: what is known now, under DM's names where DM has the same thing.
//!
//! The gauges are made anew for every scrape, so a subtask that left leaves no series behind.

use crate::supervisor::{SourceView, SubtaskView};
use crate::sync::LAG_BOUNDS_MS;
use dm_model::BinlogPosition;
use prometheus::{Encoder as _, GaugeVec, Opts, Registry, TextEncoder};

const TABLE: &[&str] = &["task", "source_id", "worker", "table"];
const SUBTASK: &[&str] = &["task", "source_id", "worker"];
const NODE: &[&str] = &["node", "task", "source_id"];

/// A page in Prometheus' text format.
pub(crate) fn render(
    worker: &str,
    views: &[SourceView],
    connected: bool,
) -> Result<Vec<u8>, prometheus::Error> {
    let page = Page::new()?;
    page.process
        .with_label_values::<&str>(&[])
        .set(resident_bytes());
    page.connected
        .with_label_values(&[worker])
        .set(f64::from(u8::from(connected)));
    for view in views {
        page.lease
            .with_label_values(&[view.source.as_str(), worker])
            .set(f64::from(u8::from(view.live)));
        for subtask in &view.subtasks {
            page.subtask(worker, subtask);
        }
    }
    let mut text = Vec::new();
    TextEncoder::new().encode(&page.registry.gather(), &mut text)?;
    text.extend_from_slice(lags(worker, views).as_bytes());
    Ok(text)
}

/// The histogram of lags, under DM's name: its counts are kept with the subtask, so it is written here.
fn lags(worker: &str, views: &[SourceView]) -> String {
    const NAME: &str = "dm_syncer_replication_lag";
    let subtasks: Vec<&SubtaskView> = views.iter().flat_map(|view| &view.subtasks).collect();
    let mut text = String::new();
    if subtasks.is_empty() {
        return text;
    }
    text.push_str("# HELP dm_syncer_replication_lag From the commit at the source to the commit at the target, in seconds.\n");
    text.push_str("# TYPE dm_syncer_replication_lag histogram\n");
    for view in subtasks {
        let lags = &view.status.lags;
        let labels = format!(
            "task=\"{}\",source_id=\"{}\",worker=\"{}\"",
            escaped(view.task.as_str()),
            escaped(view.source.as_str()),
            escaped(worker)
        );
        let mut count = 0;
        for (found, bound) in lags.counts.iter().zip(LAG_BOUNDS_MS) {
            count += found;
            let le = bound as f64 / 1_000.0;
            text.push_str(&format!("{NAME}_bucket{{{labels},le=\"{le}\"}} {count}\n"));
        }
        let all = lags.count();
        text.push_str(&format!("{NAME}_bucket{{{labels},le=\"+Inf\"}} {all}\n"));
        let sum = lags.sum_ms as f64 / 1_000.0;
        text.push_str(&format!(
            "{NAME}_sum{{{labels}}} {sum}\n{NAME}_count{{{labels}}} {all}\n"
        ));
    }
    text
}

/// A label's value in the text format.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

struct Page {
    registry: Registry,
    process: GaugeVec,
    connected: GaugeVec,
    lease: GaugeVec,
    state: GaugeVec,
    lag: GaugeVec,
    rows: GaugeVec,
    bytes: GaugeVec,
    rps: GaugeVec,
    errors: GaugeVec,
    mismatches: GaugeVec,
    table_mismatches: GaugeVec,
    retries: GaugeVec,
    transactions_ahead: GaugeVec,
    bytes_ahead: GaugeVec,
    position: GaugeVec,
    file: GaugeVec,
}

impl Page {
    fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauge =
            |name: &str, help: &str, labels: &[&str]| -> Result<GaugeVec, prometheus::Error> {
                let gauge = GaugeVec::new(Opts::new(name, help), labels)?;
                registry.register(Box::new(gauge.clone()))?;
                Ok(gauge)
            };
        Ok(Self {
            process: gauge(
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
                &[],
            )?,
            connected: gauge(
                "dm_worker_session_connected",
                "1 while a leader has this worker's session.",
                &["worker"],
            )?,
            lease: gauge(
                "dm_worker_lease_live",
                "1 while the lease of the source runs.",
                &["source_id", "worker"],
            )?,
            state: gauge(
                "dm_worker_task_state",
                "Stage number of the subtask.",
                SUBTASK,
            )?,
            lag: gauge(
                "dm_syncer_replication_lag_gauge",
                "Replication lag in seconds.",
                SUBTASK,
            )?,
            rows: gauge(
                "dm_worker_rows",
                "Rows written since the unit's start.",
                SUBTASK,
            )?,
            bytes: gauge(
                "dm_worker_bytes",
                "Bytes written since the unit's start.",
                SUBTASK,
            )?,
            rps: gauge(
                "dm_syncer_ideal_qps",
                "Rows per second of the last interval.",
                SUBTASK,
            )?,
            errors: gauge("dm_worker_errors", "Errors in force.", SUBTASK)?,
            mismatches: gauge(
                "dm_worker_row_mismatches",
                "Row changes that met another number of rows than expected.",
                SUBTASK,
            )?,
            table_mismatches: gauge(
                "dm_worker_table_row_mismatches",
                "The same by source table; tables without any have no series.",
                TABLE,
            )?,
            retries: gauge("dm_worker_retries", "Retries since the start.", SUBTASK)?,
            transactions_ahead: gauge(
                "dm_worker_transactions_ahead",
                "Transactions that were read and are not all in the target yet.",
                SUBTASK,
            )?,
            bytes_ahead: gauge(
                "dm_worker_bytes_ahead",
                "Bytes of the source's binlog that are not all in the target yet.",
                SUBTASK,
            )?,
            position: gauge(
                "dm_syncer_binlog_pos",
                "Offset within the binlog file.",
                NODE,
            )?,
            file: gauge("dm_syncer_binlog_file", "Number of the binlog file.", NODE)?,
            registry,
        })
    }

    fn subtask(&self, worker: &str, view: &SubtaskView) {
        let (task, source, status) = (view.task.as_str(), view.source.as_str(), &view.status);
        let labels = [task, source, worker];
        self.state
            .with_label_values(&labels)
            .set(f64::from(i32::from(view.stage)));
        self.rows
            .with_label_values(&labels)
            .set(status.rows_total as f64);
        self.bytes
            .with_label_values(&labels)
            .set(status.bytes_total as f64);
        self.rps
            .with_label_values(&labels)
            .set(status.rows_per_s_recent as f64);
        self.errors
            .with_label_values(&labels)
            .set(view.errors().count() as f64);
        self.mismatches
            .with_label_values(&labels)
            .set(status.mismatches as f64);
        for (table, missed) in &status.mismatches_by_table {
            self.table_mismatches
                .with_label_values(&[task, source, worker, table])
                .set(missed.count as f64);
        }
        self.retries
            .with_label_values(&labels)
            .set(status.retries as f64);
        self.transactions_ahead
            .with_label_values(&labels)
            .set(status.transactions_ahead as f64);
        if let Some(bytes) = status.bytes_ahead {
            self.bytes_ahead
                .with_label_values(&labels)
                .set(bytes as f64);
        }
        if let Some(lag_ms) = status.lag_ms {
            self.lag
                .with_label_values(&labels)
                .set(lag_ms as f64 / 1_000.0);
        }
        for (node, text) in [
            ("master", &status.source_position),
            ("syncer", &status.position),
        ] {
            if let Ok(position) = BinlogPosition::parse(text) {
                self.position
                    .with_label_values(&[node, task, source])
                    .set(position.offset as f64);
                let digits = position
                    .file
                    .rsplit('.')
                    .next()
                    .and_then(|suffix| suffix.parse::<u32>().ok());
                self.file
                    .with_label_values(&[node, task, source])
                    .set(f64::from(digits.unwrap_or(0)));
            }
        }
    }
}

/// Resident memory of this process; 0 when the kernel doesn't say.
fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(0.0) * page_bytes()
}

fn page_bytes() -> f64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .map_or(4_096.0, |bytes| bytes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_worker_has_a_page() {
        let page = String::from_utf8(render("w", &[], true).expect("page")).expect("text");
        assert!(
            page.contains("dm_worker_session_connected{worker=\"w\"} 1"),
            "{page}"
        );
        assert!(page.contains("process_resident_memory_bytes"));
    }
}
