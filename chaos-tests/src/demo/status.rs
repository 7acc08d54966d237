use anyhow::{Context, Result};
use serde_json::Value;

use crate::lab::Ctl;

/// What `dmctl query-status TASK` says about the one subtask of the demo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskStatus {
    /// The worker that has the source; empty when nobody has.
    pub worker: String,
    /// `Running`, `Paused` …
    pub stage: String,
    /// `Dump`, `Load`, `Sync` …
    pub unit: String,
    /// The target has everything that the source has, as the worker sees it.
    pub synced: bool,
    /// `(file, offset)`
    pub syncer_binlog: String,
    /// GTID set.
    pub syncer_gtid: String,
    /// Seconds.
    pub lag: String,
    /// Rows per second in the last interval.
    pub recent_rps: String,
    /// Errors of the subtask, and messages of levels above it.
    pub errors: Vec<String>,
}

impl TaskStatus {
    /// Asks dmctl.
    pub async fn query(ctl: &Ctl, task: &str) -> Result<Self> {
        let json = ctl.run(&["query-status", task]).await?.json()?;
        Self::from_json(&json, task).with_context(|| format!("query-status says {json}"))
    }

    /// Picks the first source's part.
    fn from_json(json: &Value, task: &str) -> Result<Self> {
        let source = json["sources"].get(0).context("no source")?;
        let empty = Value::Null;
        let subtasks = source["subTaskStatus"].as_array();
        let subtask = subtasks
            .and_then(|list| list.iter().find(|one| one["name"] == task))
            .unwrap_or(&empty);
        let sync = &subtask["sync"];
        let mut errors: Vec<String> = [&json["msg"], &source["msg"], &subtask["msg"]]
            .iter()
            .filter_map(|message| message.as_str())
            .filter(|message| !message.is_empty())
            .map(str::to_owned)
            .collect();
        for error in subtask["result"]["errors"].as_array().into_iter().flatten() {
            errors.push(format!(
                "{} {} {}",
                error["ErrCode"],
                text(&error["Message"]),
                text(&error["RawCause"])
            ));
        }
        Ok(Self {
            worker: text(&source["sourceStatus"]["worker"]),
            stage: text(&subtask["stage"]),
            unit: text(&subtask["unit"]),
            synced: sync["synced"].as_bool().unwrap_or(false),
            syncer_binlog: text(&sync["syncerBinlog"]),
            syncer_gtid: text(&sync["syncerBinlogGtid"]).replace(['\n', ' '], ""),
            lag: text(&sync["secondsBehindMaster"]),
            recent_rps: text(&sync["recentRps"]),
            errors,
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
