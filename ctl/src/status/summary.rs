//! The short list of `query-status`: one state per task, computed as DM's dmctl does.

use std::collections::BTreeMap;

use dm_proto::pb::{QueryStatusListResponse, RelayStatus, Stage, SubTaskStatus, UnitType};
use serde_json::{Map, Value, json};

/// What is shown for one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSummary {
    /// Its name.
    pub name: String,
    /// Its state in DM's words.
    pub status: String,
    /// Its sources, in the order of the answer.
    pub sources: Vec<String>,
}

/// All tasks, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The tasks.
    pub tasks: Vec<TaskSummary>,
}

struct Subtask<'a> {
    source: &'a str,
    status: &'a SubTaskStatus,
    relay: Option<&'a RelayStatus>,
}

/// The short list; `None` when some part of the answer failed, which only the full form can show.
pub fn summarize(response: &QueryStatusListResponse) -> Option<Summary> {
    if !response.result || response.sources.iter().any(|answer| !answer.result) {
        return None;
    }
    let mut tasks: BTreeMap<&str, Vec<Subtask<'_>>> = BTreeMap::new();
    for answer in &response.sources {
        let source = answer.source_status.as_ref();
        for status in &answer.sub_task_status {
            tasks.entry(&status.name).or_default().push(Subtask {
                source: source
                    .map(|source| source.source.as_str())
                    .unwrap_or_default(),
                status,
                relay: source.and_then(|source| source.relay_status.as_ref()),
            });
        }
    }
    // A worker without subtasks sends one entry that names none.
    tasks.remove("");
    let tasks = tasks.into_iter().map(|(name, subtasks)| TaskSummary {
        name: name.to_owned(),
        status: task_status(name, &subtasks),
        sources: subtasks
            .iter()
            .map(|subtask| subtask.source.to_owned())
            .collect(),
    });
    Some(Summary {
        tasks: tasks.collect(),
    })
}

fn task_status(task: &str, subtasks: &[Subtask<'_>]) -> String {
    let advice = |what: &str| {
        format!("Error - {what}. Please run `query-status {task}` to get more details.")
    };
    if subtasks
        .iter()
        .any(|subtask| is_paused(subtask) && has_errors(subtask))
    {
        return advice("Some error occurred in subtask");
    }
    if let Some(relay) = subtasks.iter().find_map(broken_relay) {
        return advice(&format!("Relay status is {relay}"));
    }
    if subtasks.iter().any(is_paused) {
        return Stage::Paused.as_str_name().to_owned();
    }
    let mut stages = subtasks.iter().map(|subtask| subtask.status.stage());
    let first = stages.next().unwrap_or(Stage::Running);
    let common = if stages.all(|stage| stage == first) {
        first
    } else {
        Stage::Running
    };
    common.as_str_name().to_owned()
}

fn is_paused(subtask: &Subtask<'_>) -> bool {
    subtask.status.stage() == Stage::Paused
}

fn has_errors(subtask: &Subtask<'_>) -> bool {
    subtask
        .status
        .result
        .as_ref()
        .is_some_and(|result| !result.errors.is_empty())
}

/// The relay's state, when a subtask that reads from it runs and it does not.
fn broken_relay(subtask: &Subtask<'_>) -> Option<&'static str> {
    let reads = subtask.status.unit() == UnitType::Sync && subtask.status.stage() == Stage::Running;
    let relay = subtask.relay.filter(|_| reads)?;
    if !matches!(relay.stage(), Stage::Paused | Stage::Stopped) {
        return None;
    }
    let failed = relay
        .result
        .as_ref()
        .is_some_and(|result| !result.errors.is_empty());
    Some(if failed {
        "Error"
    } else {
        relay.stage().as_str_name()
    })
}

impl Summary {
    /// In the form that DM prints; empty members are left out.
    pub fn to_json(&self) -> Value {
        let tasks: Vec<Value> = self.tasks.iter().map(TaskSummary::to_json).collect();
        json!({"result": true, "msg": "", "tasks": tasks})
    }
}

impl TaskSummary {
    fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("taskName".into(), self.name.clone().into());
        members.insert("taskStatus".into(), self.status.clone().into());
        if !self.sources.is_empty() {
            members.insert("sources".into(), self.sources.clone().into());
        }
        Value::Object(members)
    }
}
