//! Views as DM's messages.

use super::view::{SourceView, SubtaskView};
use crate::sync::{SubtaskStatus, TableStatus};
use dm_model::DmError;
use dm_proto::{pb, v1};
use serde_json::json;

/// Answers `query-status`: one response per source asked for (none named: all), by name. An empty
/// `task` means all tasks.
pub fn list_response(
    views: &[SourceView],
    worker: &str,
    task: &str,
    sources: &[String],
) -> pb::QueryStatusListResponse {
    let asked = views
        .iter()
        .filter(|view| sources.is_empty() || sources.iter().any(|s| s == view.source.as_str()));
    let sources = asked.map(|view| response(view, worker, task)).collect();
    pb::QueryStatusListResponse {
        result: true,
        msg: String::new(),
        sources,
    }
}

fn response(view: &SourceView, worker: &str, task: &str) -> pb::QueryStatusResponse {
    let shown: Vec<_> = view
        .subtasks
        .iter()
        .filter(|s| task.is_empty() || s.task.as_str() == task)
        .map(subtask)
        .collect();
    let msg = if view.subtasks.is_empty() {
        "no sub task started"
    } else {
        ""
    };
    let missing = pb::SubTaskStatus {
        name: task.to_owned(),
        status: Some(pb::sub_task_status::Status::Msg(format!(
            "no sub task with name {task} has started"
        ))),
        ..Default::default()
    };
    let sub_task_status = if shown.is_empty() && !task.is_empty() && !view.subtasks.is_empty() {
        vec![missing]
    } else {
        shown
    };
    pb::QueryStatusResponse {
        result: true,
        msg: msg.to_owned(),
        source_status: Some(pb::SourceStatus {
            source: view.source.to_string(),
            worker: worker.to_owned(),
            result: None,
            relay_status: None,
        }),
        sub_task_status,
    }
}

fn subtask(view: &SubtaskView) -> pb::SubTaskStatus {
    let status = &view.status;
    let unit = match status.unit {
        pb::UnitType::Dump => pb::sub_task_status::Status::Dump(dump(status)),
        pb::UnitType::Load => pb::sub_task_status::Status::Load(load(status)),
        pb::UnitType::Sync => pb::sub_task_status::Status::Sync(sync(status)),
        _ => pb::sub_task_status::Status::Msg(note(view).unwrap_or_default().to_owned()),
    };
    pb::SubTaskStatus {
        name: view.task.to_string(),
        stage: view.stage.into(),
        unit: status.unit.into(),
        result: result(view),
        unresolved_ddl_lock_id: String::new(),
        status: Some(unit),
        validation: None,
    }
}

/// Null for a unit that runs without errors, as scripts for DM expect; but with the tables once they
/// are known, which is where our own readers look.
fn result(view: &SubtaskView) -> Option<pb::ProcessResult> {
    let errors: Vec<_> = view.errors().map(process_error).collect();
    let paused = view.stage == pb::Stage::Paused && errors.is_empty();
    let detail = if view.status.tables.is_empty() && note(view).is_none() {
        Vec::new()
    } else {
        detail(view)
    };
    (!errors.is_empty() || paused || !detail.is_empty()).then_some(pb::ProcessResult {
        is_canceled: paused,
        errors,
        detail,
    })
}

fn process_error(error: &DmError) -> pb::ProcessError {
    pb::ProcessError {
        err_code: error.code,
        err_class: error.class.to_string(),
        err_scope: error.scope.to_string(),
        err_level: error.level.to_string(),
        message: error.message.clone(),
        raw_cause: error.cause.clone().unwrap_or_default(),
        workaround: error.workaround.clone().unwrap_or_default(),
    }
}

fn detail(view: &SubtaskView) -> Vec<u8> {
    let status = &view.status;
    let table = |table: &TableStatus| {
        let missed = status.mismatches_by_table.get(&table.source);
        json!({
            "source": table.source,
            "target": table.target,
            "state": table.state,
            "rows": table.rows,
            "rows_estimated": table.rows_estimated,
            "bytes": table.bytes,
            "error": table.error,
            "mismatches": missed.map_or(0, |missed| missed.count),
            "first_mismatch": missed.map(|missed| missed.first.as_str()),
        })
    };
    let detail = json!({
        "tables": status.tables.iter().map(table).collect::<Vec<_>>(),
        "lag_ms": status.lag_ms,
        "lag_p50_ms": status.lag_p50_ms,
        "lag_p99_ms": status.lag_p99_ms,
        "transactions_ahead": status.transactions_ahead,
        "bytes_ahead": status.bytes_ahead,
        "position": status.position,
        "load_bytes_done": status.load_bytes_done,
        "load_bytes_total": status.load_bytes_total,
        "load_bytes_per_s": status.load_bytes_per_s,
        "load_remaining_s": remaining_s(status),
        "epoch": view.epoch.0,
        "mismatches": status.mismatches,
        "note": note(view),
    });
    serde_json::to_vec(&detail).unwrap_or_default()
}

/// Seconds that the full load still takes at its present speed, by the server's estimate of its size.
fn remaining_s(status: &SubtaskStatus) -> Option<u64> {
    let left = status
        .load_bytes_total
        .saturating_sub(status.load_bytes_done);
    (status.unit == pb::UnitType::Load && status.load_bytes_per_s > 0)
        .then(|| left.div_ceil(status.load_bytes_per_s))
}

fn note(view: &SubtaskView) -> Option<&str> {
    view.waits_for.or(view.status.note.as_deref())
}

fn dump(status: &SubtaskStatus) -> pb::DumpStatus {
    pb::DumpStatus {
        total_tables: signed(status.tables.len() as u64),
        finished_bytes: status.bytes_total as f64,
        finished_rows: status.rows_total as f64,
        progress: progress(status.load_bytes_done, status.load_bytes_total),
        ..Default::default()
    }
}

fn load(status: &SubtaskStatus) -> pb::LoadStatus {
    pb::LoadStatus {
        finished_bytes: signed(status.load_bytes_done),
        total_bytes: signed(status.load_bytes_total),
        progress: progress(status.load_bytes_done, status.load_bytes_total),
        meta_binlog: status.position.clone(),
        meta_binlog_gtid: status.gtid.clone(),
        bps: signed(status.load_bytes_per_s),
    }
}

fn sync(status: &SubtaskStatus) -> pb::SyncStatus {
    let (total, average, recent) = (
        signed(status.rows_total),
        signed(status.rows_per_s),
        signed(status.rows_per_s_recent),
    );
    pb::SyncStatus {
        total_events: total,
        total_tps: average,
        recent_tps: recent,
        total_rows: total,
        total_rps: average,
        recent_rps: recent,
        master_binlog: status.source_position.clone(),
        master_binlog_gtid: status.source_gtid.clone(),
        syncer_binlog: status.position.clone(),
        syncer_binlog_gtid: status.gtid.clone(),
        synced: status.synced,
        binlog_type: "remote".to_owned(),
        seconds_behind_master: signed(status.lag_ms.unwrap_or(0) / 1_000),
        io_total_bytes: status.bytes_total,
        dump_io_total_bytes: status.load_bytes_done,
        ..Default::default()
    }
}

/// DM's `xx.xx %`.
fn progress(done: u64, total: u64) -> String {
    let share = if total == 0 {
        0.0
    } else {
        (done as f64 / total as f64 * 100.0).min(100.0)
    };
    format!("{share:.2} %")
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A subtask as a heartbeat reports it.
pub fn report(view: &SubtaskView) -> v1::SubtaskReport {
    v1::SubtaskReport {
        task: view.task.to_string(),
        source_id: view.source.to_string(),
        epoch: view.epoch.0,
        stage: view.stage.into(),
        unit: view.status.unit.into(),
        position: view.status.position.clone(),
        errors: view.errors().map(ToString::to_string).collect(),
        generation: view.generation.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dm_model::{Epoch, Generation, SourceId, TaskName, codes};
    use std::sync::Arc;

    fn view(stage: pb::Stage, status: SubtaskStatus) -> SourceView {
        let source = SourceId::new("mysql-01").expect("valid");
        let subtask = SubtaskView {
            task: TaskName::new("t").expect("valid"),
            source: source.clone(),
            epoch: Epoch(8),
            generation: Generation(2),
            stage,
            failure: None,
            waits_for: None,
            status: Arc::new(status),
        };
        SourceView {
            source,
            epoch: Epoch(5),
            live: true,
            subtasks: vec![subtask],
        }
    }

    fn only(response: &pb::QueryStatusListResponse) -> &pb::SubTaskStatus {
        &response.sources[0].sub_task_status[0]
    }

    #[test]
    fn running_unit_without_tables_has_no_result() {
        let status = SubtaskStatus {
            unit: pb::UnitType::Sync,
            lag_ms: Some(2_500),
            ..Default::default()
        };
        let response = list_response(&[view(pb::Stage::Running, status)], "w", "", &[]);
        let subtask = only(&response);
        assert_eq!(subtask.result, None);
        let Some(pb::sub_task_status::Status::Sync(sync)) = &subtask.status else {
            panic!("{subtask:?}")
        };
        assert_eq!(
            (sync.seconds_behind_master, sync.binlog_type.as_str()),
            (2, "remote")
        );
    }

    #[test]
    fn tables_and_errors_are_in_the_result() {
        let table = TableStatus {
            source: "`a`.`b`".into(),
            target: "`c`.`b`".into(),
            state: "stopped",
            rows: 1,
            rows_estimated: 2,
            bytes: 3,
            error: Some("x".into()),
        };
        let status = SubtaskStatus {
            unit: pb::UnitType::Load,
            tables: vec![table],
            errors: vec![DmError::new(&codes::TABLE_STOPPED, "table `a`.`b`")],
            load_bytes_done: 1,
            load_bytes_total: 3,
            ..Default::default()
        };
        let response = list_response(
            &[view(pb::Stage::Running, status)],
            "w",
            "t",
            &["mysql-01".into()],
        );
        let subtask = only(&response);
        assert_eq!(subtask.stage(), pb::Stage::Running);
        let result = subtask.result.as_ref().expect("errors");
        assert!(!result.is_canceled);
        assert_eq!(result.errors[0].err_code, 60005);
        let detail: serde_json::Value = serde_json::from_slice(&result.detail).expect("JSON");
        assert_eq!(detail["tables"][0]["source"], "`a`.`b`");
        assert_eq!(detail["epoch"], 8);
        let Some(pb::sub_task_status::Status::Load(load)) = &subtask.status else {
            panic!("{subtask:?}")
        };
        assert_eq!(load.progress, "33.33 %");
    }

    #[test]
    fn paused_by_the_user_is_cancelled_without_errors() {
        let response = list_response(
            &[view(pb::Stage::Paused, SubtaskStatus::default())],
            "w",
            "",
            &[],
        );
        let result = only(&response).result.as_ref().expect("paused");
        assert!(result.is_canceled && result.errors.is_empty());
    }

    #[test]
    fn says_what_is_not_there() {
        let mut one = view(pb::Stage::Running, SubtaskStatus::default());
        let response = list_response(std::slice::from_ref(&one), "w", "other", &[]);
        let Some(pb::sub_task_status::Status::Msg(msg)) = &only(&response).status else {
            panic!()
        };
        assert_eq!(msg, "no sub task with name other has started");
        one.subtasks.clear();
        assert_eq!(
            list_response(&[one.clone()], "w", "", &[]).sources[0].msg,
            "no sub task started"
        );
        assert!(
            list_response(&[one], "w", "", &["elsewhere".into()])
                .sources
                .is_empty()
        );
    }
}
