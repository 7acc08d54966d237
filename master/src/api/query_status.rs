//! `query-status`: the owners are asked now; one that does not answer is shown by its last report.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use dm_model::{DmError, codes};
use dm_proto::{
    pb::{
        ProcessError, ProcessResult, QueryStatusListRequest, QueryStatusListResponse,
        QueryStatusResponse, SourceStatus, SubTaskStatus, sub_task_status,
    },
    v1::{QueryStatusCall, SubtaskReport, call, reply},
};
use futures::future::join_all;
use prost::Message;

use super::{ApiError, led::Led, workers::call_error};
use crate::state::State;

/// A worker answers from memory; one that takes longer is shown by its last report.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// Shown in place of a worker.
const NOT_BOUND: &str = "source not bound";

impl Led {
    pub(super) async fn query_status(
        &self,
        request: QueryStatusListRequest,
    ) -> Result<QueryStatusListResponse, ApiError> {
        self.settle().await?;
        let QueryStatusListRequest {
            name: task,
            sources: given,
        } = request;
        let sources = match self.read(|state| select(state, &task, &given)) {
            Ok(sources) => sources,
            // Not an error with a number in DM, only a text.
            Err(msg) => {
                return Ok(QueryStatusListResponse {
                    result: false,
                    msg,
                    sources: Vec::new(),
                });
            }
        };
        let (owned, unbound) = self.by_owner(&sources);
        let asked = owned
            .iter()
            .map(|(worker, sources)| self.ask_status(worker, &task, sources));
        let mut entries: Vec<QueryStatusResponse> =
            join_all(asked).await.into_iter().flatten().collect();
        let named = !task.is_empty() || !given.is_empty();
        entries.extend(self.read(|state| {
            unbound
                .iter()
                .filter_map(|source| unbound_entry(state, source, &task, named))
                .collect::<Vec<_>>()
        }));
        entries.sort_by(|a, b| source_of(a).cmp(source_of(b)));
        Ok(QueryStatusListResponse {
            result: true,
            msg: String::new(),
            sources: entries,
        })
    }

    fn by_owner(&self, sources: &BTreeSet<String>) -> (BTreeMap<String, Vec<String>>, Vec<String>) {
        let mut owned: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut unbound = Vec::new();
        for source in sources {
            match self.owner(source) {
                Some(worker) => owned.entry(worker).or_default().push(source.clone()),
                None => unbound.push(source.clone()),
            }
        }
        (owned, unbound)
    }

    async fn ask_status(
        &self,
        worker: &str,
        task: &str,
        sources: &[String],
    ) -> Vec<QueryStatusResponse> {
        let question = QueryStatusCall {
            task: task.to_owned(),
            sources: sources.to_vec(),
        };
        let answer = match self
            .term
            .hub
            .call(worker, call::Kind::QueryStatus(question), ASK_TIMEOUT)
            .await
        {
            Ok(reply) => decode(reply.kind),
            Err(error) => Err(call_error(&error)),
        };
        let (mut found, trouble) = match answer {
            Ok(found) => (
                found,
                "the worker has not taken this source over yet".to_owned(),
            ),
            Err(error) => (Vec::new(), error.to_string()),
        };
        for entry in &mut found {
            let status = entry.source_status.get_or_insert_default();
            worker.clone_into(&mut status.worker);
        }
        found.retain(|entry| sources.iter().any(|source| source == source_of(entry)));
        let silent: Vec<&String> = sources
            .iter()
            .filter(|source| {
                !found
                    .iter()
                    .any(|entry| source_of(entry) == source.as_str())
            })
            .collect();
        let last = silent
            .into_iter()
            .map(|source| self.last_known(worker, task, source, &trouble))
            .collect::<Vec<_>>();
        found.extend(last);
        found
    }

    fn last_known(
        &self,
        worker: &str,
        task: &str,
        source: &str,
        trouble: &str,
    ) -> QueryStatusResponse {
        let reported = self.term.hub.reported(worker).unwrap_or_default();
        let of_source = reported.subtasks.iter().filter(|report| {
            report.source_id == source && (task.is_empty() || report.task == task)
        });
        QueryStatusResponse {
            result: false,
            msg: trouble.to_owned(),
            source_status: Some(source_status(source, worker)),
            sub_task_status: of_source.map(last_status).collect(),
        }
    }
}

fn decode(kind: Option<reply::Kind>) -> Result<Vec<QueryStatusResponse>, DmError> {
    let bad = |what: String| DmError::new(&codes::MASTER_GRPC_REQUEST_ERROR, what);
    match kind {
        Some(reply::Kind::QueryStatus(bytes)) => QueryStatusListResponse::decode(bytes.as_slice())
            .map(|list| list.sources)
            .map_err(|error| bad(format!("the worker's status can't be read: {error}"))),
        _ => Err(bad(
            "the worker answered query-status with something else".to_owned()
        )),
    }
}

/// The sources that are asked for, or DM's text that says why there are none.
fn select(state: &State, task: &str, given: &[String]) -> Result<BTreeSet<String>, String> {
    let unknown: Vec<&str> = given
        .iter()
        .filter(|id| !state.sources.contains_key(*id))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        return Err(format!(
            "sources [{}] haven't been added",
            unknown.join(" ")
        ));
    }
    let mut sources: BTreeSet<String> = if given.is_empty() {
        state.sources.keys().cloned().collect()
    } else {
        given.iter().cloned().collect()
    };
    if !task.is_empty() {
        let Some(known) = state.tasks.get(task) else {
            return Err(format!("task {task} has no source or not exist"));
        };
        // With -s, DM shows the source even when the task does not run there.
        if given.is_empty() {
            sources.retain(|source| known.subtasks.contains_key(source));
        }
    }
    Ok(sources)
}

/// What is shown for a source without owner; nothing when nobody asked for it and it has no task.
fn unbound_entry(
    state: &State,
    source: &str,
    task: &str,
    named: bool,
) -> Option<QueryStatusResponse> {
    let tasks: Vec<String> = state
        .tasks_of(source)
        .into_iter()
        .filter(|name| task.is_empty() || name == task)
        .collect();
    if tasks.is_empty() && !named {
        return None;
    }
    let msg = format!(
        "can't find task {} from dm-worker for source {source}: no dm-worker owns it; use `list-member` to check whether the workers are offline",
        tasks.join(",")
    );
    let item = |name: String| SubTaskStatus {
        name,
        ..SubTaskStatus::default()
    };
    Some(QueryStatusResponse {
        result: false,
        msg,
        source_status: Some(source_status(source, NOT_BOUND)),
        sub_task_status: tasks.into_iter().map(item).collect(),
    })
}

fn source_status(source: &str, worker: &str) -> SourceStatus {
    SourceStatus {
        source: source.to_owned(),
        worker: worker.to_owned(),
        result: None,
        relay_status: None,
    }
}

fn source_of(entry: &QueryStatusResponse) -> &str {
    entry
        .source_status
        .as_ref()
        .map_or("", |status| status.source.as_str())
}

fn last_status(report: &SubtaskReport) -> SubTaskStatus {
    let errors: Vec<ProcessError> = report
        .errors
        .iter()
        .map(|text| process_error(text))
        .collect();
    let result = (!errors.is_empty()).then(|| ProcessResult {
        is_canceled: false,
        errors,
        detail: Vec::new(),
    });
    SubTaskStatus {
        name: report.task.clone(),
        stage: report.stage,
        unit: report.unit,
        result,
        status: Some(sub_task_status::Status::Msg(format!(
            "last report; position {}",
            report.position
        ))),
        ..SubTaskStatus::default()
    }
}

fn process_error(text: &str) -> ProcessError {
    match DmError::parse(text) {
        Some(error) => ProcessError {
            err_code: error.code,
            err_class: error.class.to_string(),
            err_scope: error.scope.to_string(),
            err_level: error.level.to_string(),
            message: error.message,
            raw_cause: error.cause.unwrap_or_default(),
            workaround: error.workaround.unwrap_or_default(),
        },
        None => ProcessError {
            message: text.to_owned(),
            ..ProcessError::default()
        },
    }
}
