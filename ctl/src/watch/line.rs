//! One plain line per subtask and interval: for logs, pipes and scripts.

use std::time::Duration;

use dm_proto::pb::QueryStatusListResponse;

use super::item::progress_text;
use crate::status::{Row, rows};

/// The lines of an answer, each with the time in front.
pub fn lines(now: &str, response: &QueryStatusListResponse) -> String {
    let rows = rows(response);
    let mut lines: Vec<String> = rows.iter().map(|row| line(now, row)).collect();
    if !response.msg.is_empty() {
        lines.push(format!("{now} {}", response.msg));
    }
    if lines.is_empty() {
        lines.push(format!("{now} no task"));
    }
    lines.join("\n")
}

fn line(now: &str, row: &Row) -> String {
    let mut line = format!("{now} {} {} {}", row.task, row.source, progress_text(row));
    for error in &row.errors {
        line.push_str(&format!(" ! {}", error.replace('\n', " ")));
    }
    line
}

/// Time of day in UTC, as `12:00:01`.
pub fn clock(since_epoch: Duration) -> String {
    let second = since_epoch.as_secs() % 86_400;
    format!(
        "{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use dm_proto::pb::{
        LoadStatus, ProcessError, ProcessResult, QueryStatusResponse, SourceStatus, Stage,
        SubTaskStatus, UnitType, sub_task_status::Status,
    };

    use super::*;

    #[test]
    fn one_line_per_subtask() {
        let detail = r#"{"tables":[{"state":"loading","rows":5,"rows_estimated":10}]}"#;
        let errors = vec![ProcessError {
            err_code: 10006,
            message: "a\nb".into(),
            ..Default::default()
        }];
        let subtask = SubTaskStatus {
            name: "demo".into(),
            stage: Stage::Running.into(),
            unit: UnitType::Load.into(),
            result: Some(ProcessResult {
                errors,
                detail: detail.into(),
                ..Default::default()
            }),
            status: Some(Status::Load(LoadStatus {
                progress: "50.00 %".into(),
                bps: 10,
                ..Default::default()
            })),
            ..Default::default()
        };
        let source = SourceStatus {
            source: "mysql-01".into(),
            worker: "w1".into(),
            ..Default::default()
        };
        let response = QueryStatusListResponse {
            result: true,
            sources: vec![QueryStatusResponse {
                result: true,
                source_status: Some(source),
                sub_task_status: vec![subtask],
                ..Default::default()
            }],
            ..Default::default()
        };
        let expected = "12:00:01 demo mysql-01 Running, 1 error · Load 50.00 % 5/10 rows 0/1 tables 10 B/s ! [code=10006] a b";
        assert_eq!(
            lines(&clock(Duration::from_secs(86_400 * 9 + 43_201)), &response),
            expected
        );
        assert_eq!(lines("x", &QueryStatusListResponse::default()), "x no task");
    }
}
