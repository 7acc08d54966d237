//! A subtask as one row: what people want to see at a glance.

use dm_proto::pb::{
    ProcessError, QueryStatusListResponse, Stage, SubTaskStatus, UnitType, sub_task_status::Status,
};

use super::{Detail, TableState};

/// How far a subtask is; what a unit shows depends on the unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The worker says something instead (no such subtask, not bound, ...).
    Note(String),
    /// Copying rows.
    Load {
        /// `45.20 %`.
        percent: String,
        /// Rows copied.
        rows: u64,
        /// Rows expected.
        rows_estimated: u64,
        /// Bytes per second.
        bytes_per_s: u64,
    },
    /// Following the binlog.
    Sync {
        /// Rows per second over the last interval.
        rows_per_s: i64,
        /// Position that is in the target.
        position: String,
        /// Everything of the source is in the target.
        synced: bool,
    },
    /// Another unit, or one that has nothing to tell yet.
    Nothing,
}

/// One subtask.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Task.
    pub task: String,
    /// Source.
    pub source: String,
    /// Worker that runs it.
    pub worker: String,
    /// DM's stage name.
    pub stage: &'static str,
    /// DM's unit name.
    pub unit: &'static str,
    /// How far it is.
    pub progress: Progress,
    /// How far the target is behind; absent while unknown.
    pub lag_ms: Option<u64>,
    /// Texts of the errors in force.
    pub errors: Vec<String>,
    /// What the worker tells beyond DM's fields.
    pub detail: Detail,
}

/// All subtasks of an answer, in its order.
pub fn rows(response: &QueryStatusListResponse) -> Vec<Row> {
    let mut rows = Vec::new();
    for answer in &response.sources {
        let source = answer.source_status.as_ref();
        let place = source
            .map(|status| (status.source.as_str(), status.worker.as_str()))
            .unwrap_or_default();
        rows.extend(
            answer
                .sub_task_status
                .iter()
                .map(|subtask| row(place, subtask, &answer.msg)),
        );
    }
    rows
}

fn row((source, worker): (&str, &str), subtask: &SubTaskStatus, note: &str) -> Row {
    let detail = Detail::of(subtask);
    let errors = subtask
        .result
        .as_ref()
        .map_or(&[][..], |result| result.errors.as_slice());
    Row {
        task: subtask.name.clone(),
        source: source.to_owned(),
        worker: worker.to_owned(),
        stage: subtask.stage().as_str_name(),
        unit: subtask.unit().as_str_name(),
        progress: progress(subtask, &detail, note),
        lag_ms: lag_ms(subtask, &detail),
        errors: errors.iter().map(error_text).collect(),
        detail,
    }
}

fn progress(subtask: &SubTaskStatus, detail: &Detail, note: &str) -> Progress {
    match &subtask.status {
        Some(Status::Msg(text)) if !text.is_empty() => Progress::Note(text.clone()),
        Some(Status::Load(load)) => Progress::Load {
            percent: load.progress.clone(),
            rows: detail.tables.iter().map(|table| table.rows).sum(),
            rows_estimated: detail
                .tables
                .iter()
                .map(|table| table.rows_estimated.max(table.rows))
                .sum(),
            bytes_per_s: u64::try_from(load.bps).unwrap_or_default(),
        },
        Some(Status::Sync(sync)) => Progress::Sync {
            rows_per_s: sync.recent_rps,
            position: if detail.position.is_empty() {
                sync.syncer_binlog.clone()
            } else {
                detail.position.clone()
            },
            synced: sync.synced,
        },
        None if !note.is_empty() && subtask.stage() == Stage::InvalidStage => {
            Progress::Note(note.to_owned())
        }
        _ => Progress::Nothing,
    }
}

/// The worker's own measure where there is one; DM's field has whole seconds.
fn lag_ms(subtask: &SubTaskStatus, detail: &Detail) -> Option<u64> {
    let Some(Status::Sync(sync)) = &subtask.status else {
        return detail.lag_ms;
    };
    detail.lag_ms.or_else(|| {
        u64::try_from(sync.seconds_behind_master)
            .ok()?
            .checked_mul(1000)
    })
}

/// Everything that an operator needs, in one line.
fn error_text(error: &ProcessError) -> String {
    let mut text = format!("[code={}] {}", error.err_code, error.message);
    for (label, part) in [
        ("cause", &error.raw_cause),
        ("workaround", &error.workaround),
    ] {
        if !part.is_empty() {
            text.push_str(&format!("; {label}: {part}"));
        }
    }
    text
}

impl Row {
    /// `0.3 s`, or nothing while unknown.
    pub fn lag(&self) -> String {
        self.lag_ms
            .map(|ms| format!("{:.1} s", ms as f64 / 1000.0))
            .unwrap_or_default()
    }

    /// Stage, with what makes a running stage less than well.
    pub fn state(&self) -> String {
        let stopped = self
            .detail
            .count(TableState::Stopped)
            .max(self.errors.len());
        match (self.stage, stopped) {
            (stage, 0) => stage.to_owned(),
            ("Running", 1) => "Running, 1 error".to_owned(),
            ("Running", n) => format!("Running, {n} errors"),
            (stage, _) => format!("{stage}, failed"),
        }
    }

    /// True while the unit follows the binlog.
    pub fn is_sync(&self) -> bool {
        self.unit == UnitType::Sync.as_str_name()
    }
}
