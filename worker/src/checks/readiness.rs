//! What else can spoil a first night: shadow tables, a position that is gone, few connections, binlogs that go too soon.

use super::finding::Finding;
use super::privileges::some_of;
use super::probe::{Probe, text_of};
use super::tables::SourceTable;
use crate::database::ServerKind;
use dm_model::{DmError, SubtaskConfig};
use mysql_async::Row;
use regex::Regex;

/// Bytes per second that a copy is reckoned with when nobody has measured.
const COPY_BYTES_PER_S: u64 = 10 << 20;
/// Connections that a subtask has at the target besides its writers.
const TARGET_EXTRA: u64 = 1;

/// Tables that an online DDL tool is working on.
pub(super) fn online_ddl(
    address: &str,
    shadow_table_rules: &[String],
    tables: &[SourceTable],
) -> Finding {
    let mut finding = Finding::new(
        "online ddl checker",
        "check whether an online DDL tool is running at the source",
        address,
    );
    // The rules were compiled when the task was read.
    let rules: Vec<Regex> = shadow_table_rules
        .iter()
        .filter_map(|rule| Regex::new(rule).ok())
        .collect();
    let shadows: Vec<String> = tables
        .iter()
        .filter(|table| rules.iter().any(|rule| rule.is_match(&table.name.table)))
        .map(|table| table.name.to_string())
        .collect();
    if !shadows.is_empty() {
        let names: Vec<&str> = shadows.iter().map(String::as_str).collect();
        finding.warn(
            format!("tables of a running gh-ost or pt-osc: {}", some_of(&names)),
            "Start the task when they are done, or leave them out with block-allow-list: else they are copied as tables of their own.",
        );
    }
    finding
}

/// Whether the source still has what an incremental task starts from.
pub(super) async fn meta_position(probe: &mut Probe, subtask: &SubtaskConfig) -> Finding {
    let mut finding = Finding::new(
        "meta position check",
        "check whether the position of meta can be read",
        &probe.address,
    );
    let Some(meta) = &subtask.meta else {
        return finding;
    };
    if !meta.binlog_gtid.is_empty() {
        if probe.identity.kind == ServerKind::Mariadb {
            finding.warn(
                "not evaluated: what MariaDB has purged is known only when its binlog is read",
                "The task says so when it starts.",
            );
            return finding;
        }
        let set = meta.binlog_gtid.replace(['\'', '\\', '\n', ' '], "");
        let query = format!("SELECT GTID_SUBSET(@@GLOBAL.gtid_purged, '{set}')");
        match probe.text(&query).await {
            Ok(covered) if covered == "1" => {}
            Ok(_) => finding.fail(
                "the source has purged transactions after binlog-gtid",
                "Load the tables with task-mode: all, or start from a newer set.",
            ),
            Err(error) => finding.not_evaluated(&error),
        }
        return finding;
    }
    let logs: Result<Vec<Row>, DmError> = probe.rows("SHOW BINARY LOGS").await;
    match logs {
        Ok(logs) => {
            let found = logs
                .iter()
                .find(|row| text_of(row, 0).is_some_and(|name| name == meta.binlog_name));
            let size = found
                .and_then(|row| text_of(row, 1))
                .and_then(|size| size.parse::<u64>().ok());
            match (found, size) {
                (None, _) => finding.fail(
                    format!("the source has no binlog {}", meta.binlog_name),
                    "Name one that SHOW BINARY LOGS lists, or load the tables with task-mode: all.",
                ),
                (Some(_), Some(size)) if meta.binlog_pos > size => finding.fail(
                    format!(
                        "{} has {size} bytes, and binlog-pos is {}",
                        meta.binlog_name, meta.binlog_pos
                    ),
                    "Use a position of an event's beginning.",
                ),
                _ => {}
            }
        }
        Err(error) => finding.not_evaluated(&error),
    }
    finding
}

/// Connections at the target for all sources of a task.
pub(super) async fn target_connections(probe: &mut Probe, writers: &[u64]) -> Finding {
    let mut finding = Finding::new(
        "loader_conn_number_checker",
        "check whether the target allows enough connections",
        &probe.address,
    );
    let needed: u64 = writers.iter().map(|n| n.saturating_add(TARGET_EXTRA)).sum();
    match probe.variable("max_connections").await {
        Ok(value) => match value.and_then(|value| value.parse::<u64>().ok()) {
            // 0 is no limit (TiDB).
            Some(allowed) if allowed != 0 && needed > allowed => finding.warn(
                format!("max_connections is {allowed}, and up to {needed} connections are wanted"),
                "Raise max_connections on the target, or lower pool-size.",
            ),
            Some(_) => {}
            None => finding.warn("not evaluated: max_connections can't be read", ""),
        },
        Err(error) => finding.not_evaluated(&error),
    }
    finding
}

/// How long the source keeps its binlogs, against the time that the copy will take.
pub(super) async fn retention(probe: &mut Probe, tables: &[SourceTable]) -> Finding {
    let mut finding = Finding::new(
        "binlog retention check",
        "check whether the source keeps its binlogs as long as the copy takes",
        &probe.address,
    );
    let kept_s = match kept_seconds(probe).await {
        Ok(kept_s) => kept_s,
        Err(error) => {
            finding.not_evaluated(&error);
            return finding;
        }
    };
    let bytes: u64 = tables.iter().map(|table| table.bytes).sum();
    let copy_s = bytes / COPY_BYTES_PER_S;
    if let Some(kept_s) = kept_s
        && kept_s < copy_s.saturating_mul(2)
    {
        finding.warn(
            format!(
                "binlogs are kept for {} h, and copying {} MiB may take {} h: changes made meanwhile could be purged before they are read",
                kept_s / 3_600,
                bytes >> 20,
                copy_s / 3_600 + 1
            ),
            "Raise binlog_expire_logs_seconds (expire_logs_days on older servers) for the time of the copy.",
        );
    }
    finding
}

/// `None`: for ever.
async fn kept_seconds(probe: &mut Probe) -> Result<Option<u64>, DmError> {
    let number = |value: Option<String>| value.and_then(|value| value.parse::<f64>().ok());
    let seconds = number(probe.variable("binlog_expire_logs_seconds").await?).unwrap_or(0.0);
    let days = number(probe.variable("expire_logs_days").await?).unwrap_or(0.0);
    let seconds = seconds.max(days * 86_400.0);
    Ok((seconds > 0.0).then_some(seconds as u64))
}
