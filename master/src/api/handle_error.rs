//! `binlog skip|replace|inject|revert|list` and `handle-error`.
//!
//! A command without a position means "the current error". The leader asks the owner which statement that is and binds the
//! command to its place and hash before anything is logged (R29): what was skipped is what the operator of the system saw.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dm_model::{DmError, EventPlace, Operator, SourceId, codes};
use dm_proto::{
    pb::{CommonWorkerResponse, ErrorOp, HandleErrorRequest, HandleErrorResponse, Stage},
    request_id::RequestId,
    v1::{
        self, BlockedStatement, CurrentErrorCall, CurrentErrorReply, SetOperators, call,
        command::Kind, reply,
    },
};
use prost::Message;
use serde_json::json;
use xxhash_rust::xxh3::xxh3_128;

use super::{ApiError, led::Led, operator_sql::check_statements, workers::call_error};

/// Name of the request's one step.
const STEP: &str = "handle-error";
/// A worker answers from memory.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
/// Stock dmctl repeats a call without an id within this time (R29).
const REPEAT_WITHIN_MS: u64 = 30_000;

/// What is bound for each source, or why nothing can be.
type Bound = Result<v1::Operator, DmError>;

impl Led {
    pub(super) async fn handle_error(
        &self,
        request: HandleErrorRequest,
    ) -> Result<HandleErrorResponse, ApiError> {
        let op = ErrorOp::try_from(request.op).unwrap_or(ErrorOp::InvalidErrorOp);
        check_arguments(op, &request)?;
        self.settle().await?;
        let sources = self.sources_of(&request.task, &request.sources)?;
        if op == ErrorOp::List {
            return Ok(answer(self.listed(&request, &sources)?));
        }
        let (digest, issued_ms) = (self.digest(&request), now_ms());
        if !digest.is_empty() {
            let first = self.read(|state| {
                state
                    .recent_request(&digest, issued_ms.saturating_sub(REPEAT_WITHIN_MS))
                    .map(str::to_owned)
            });
            if let Some(first) = first {
                return self
                    .again(&first)
                    .carried_out(&request, Vec::new(), digest, issued_ms)
                    .await;
            }
        }
        if self.done_before(STEP) {
            return self
                .carried_out(&request, Vec::new(), digest, issued_ms)
                .await;
        }
        let mut bound = Vec::with_capacity(sources.len());
        for source in &sources {
            bound.push((source.clone(), self.bind(op, &request, source).await));
        }
        self.carried_out(&request, bound, digest, issued_ms).await
    }

    /// Logs what could be bound, waits until the subtasks go on, and says how it went for every source.
    async fn carried_out(
        &self,
        request: &HandleErrorRequest,
        bound: Vec<(String, Bound)>,
        digest: String,
        issued_ms: u64,
    ) -> Result<HandleErrorResponse, ApiError> {
        let mut failed = Vec::new();
        let mut operators = Vec::new();
        for (source, bound) in bound {
            match bound {
                Ok(operator) => operators.push(operator),
                Err(error) => failed.push(self.response(&source, Err(error.to_string()))),
            }
        }
        if operators.is_empty() && !failed.is_empty() {
            return Ok(answer(failed));
        }
        let resume = operators
            .iter()
            .any(|operator| self.stands(&request.task, &operator.source_id));
        let command = SetOperators {
            task: request.task.clone(),
            generation: self.read(|state| {
                state
                    .tasks
                    .get(&request.task)
                    .map_or(0, |task| task.generation.0)
            }),
            operators,
            resume,
            digest,
            issued_ms,
        };
        let done = self.propose(STEP, Kind::SetOperators(command)).await?;
        let mut sources = if resume {
            self.confirm_running(&request.task, &done.sources).await
        } else {
            done.sources
                .iter()
                .map(|source| self.response(source, Ok(String::new())))
                .collect()
        };
        sources.extend(failed);
        Ok(answer(sources))
    }

    fn again(&self, first: &str) -> Led {
        Led::new(self.api.clone(), self.term.clone(), first, 0)
    }

    fn digest(&self, request: &HandleErrorRequest) -> String {
        if RequestId::is_made_by_server(self.request_id()) {
            format!("{:032x}", xxh3_128(&request.encode_to_vec()))
        } else {
            String::new()
        }
    }

    fn sources_of(&self, task: &str, given: &[String]) -> Result<Vec<String>, DmError> {
        self.read(|state| {
            let Some(known) = state.tasks.get(task) else {
                let message = format!(
                    "task {task} has no source or not exist, please check the task name and status"
                );
                return Err(DmError::new(&codes::SCHEDULER_TASK_NOT_EXIST, message));
            };
            if given.is_empty() {
                return Ok(known.subtasks.keys().cloned().collect());
            }
            match given.iter().find(|id| !known.subtasks.contains_key(*id)) {
                Some(unknown) => Err(DmError::new(
                    &codes::SCHEDULER_SUB_TASK_NOT_EXIST,
                    format!("source {unknown} not found in task {task}"),
                )),
                None => Ok(given.to_vec()),
            }
        })
    }

    /// `binlog list`: per source, a JSON array in the text.
    fn listed(
        &self,
        request: &HandleErrorRequest,
        sources: &[String],
    ) -> Result<Vec<CommonWorkerResponse>, DmError> {
        let only = place_of(&request.binlog_pos)?;
        let listed = sources.iter().map(|source| {
            let texts: Vec<serde_json::Value> = self.read(|state| {
                state
                    .operators_of(&request.task, source)
                    .iter()
                    .filter(|operator| only.as_ref().is_none_or(|only| only.same(&operator.place)))
                    .map(|operator| listed_item(&request.task, operator))
                    .collect()
            });
            let text = serde_json::Value::from(texts).to_string();
            self.response(source, Ok(text))
        });
        Ok(listed.collect())
    }

    async fn bind(&self, op: ErrorOp, request: &HandleErrorRequest, source: &str) -> Bound {
        let place = place_of(&request.binlog_pos)?;
        let empty = v1::Operator {
            op: op.into(),
            source_id: source.to_owned(),
            sqls: request.sqls.clone(),
            ..v1::Operator::default()
        };
        if let Some(place) = place {
            // A place that was given may be ahead of the stream, so nothing is known of what stands there.
            let text = |value: Option<String>| value.unwrap_or_default();
            return Ok(v1::Operator {
                position: text(place.start.as_ref().map(ToString::to_string)),
                gtid: text(place.gtid.as_ref().map(ToString::to_string)),
                ..empty
            });
        }
        let found = self.current_error(&request.task, source).await?;
        Ok(v1::Operator {
            position: found.position,
            gtid: found.gtid,
            hash: if op == ErrorOp::Revert {
                String::new()
            } else {
                found.hash
            },
            tables: found.tables.join(", "),
            ..empty
        })
    }

    /// The one statement that the subtask stands at.
    async fn current_error(&self, task: &str, source: &str) -> Result<BlockedStatement, DmError> {
        let Some(worker) = self.owner(source) else {
            let message =
                format!("no dm-worker owns source {source}, so its current error is not known");
            return Err(DmError::new(&codes::MASTER_WORKER_CLI_NOT_FOUND, message)
                .with_workaround("Start a worker, or give the position with --binlog-pos."));
        };
        let question = CurrentErrorCall {
            task: task.to_owned(),
            source_id: source.to_owned(),
        };
        let reply = self
            .term
            .hub
            .call(&worker, call::Kind::CurrentError(question), ASK_TIMEOUT)
            .await
            .map_err(|error| call_error(&error))?;
        let Some(reply::Kind::CurrentError(found)) = reply.kind else {
            return Err(DmError::new(
                &codes::MASTER_GRPC_REQUEST_ERROR,
                format!("worker {worker} answered with something else"),
            ));
        };
        the_one(source, found)
    }

    /// Whether the subtask stands: by an error of it or of a table, or because it was paused.
    fn stands(&self, task: &str, source: &str) -> bool {
        let paused = self.read(|state| {
            state
                .tasks
                .get(task)
                .and_then(|task| task.subtasks.get(source))
                .is_some_and(|subtask| subtask.wanted == crate::state::Wanted::Paused)
        });
        let reported = self
            .owner(source)
            .and_then(|worker| self.term.hub.reported(&worker))
            .unwrap_or_default();
        paused
            || reported.subtasks.iter().any(|report| {
                report.task == task
                    && report.source_id == source
                    && (!report.errors.is_empty() || report.stage == i32::from(Stage::Paused))
            })
    }

    fn response(&self, source: &str, outcome: Result<String, String>) -> CommonWorkerResponse {
        let result = outcome.is_ok();
        CommonWorkerResponse {
            result,
            msg: outcome.unwrap_or_else(|error| error),
            source: source.to_owned(),
            worker: self.owner(source).unwrap_or_default(),
        }
    }
}

fn check_arguments(op: ErrorOp, request: &HandleErrorRequest) -> Result<(), DmError> {
    let wrong = |message: String| DmError::new(&codes::VERIFY_HANDLE_ERROR_ARGS, message);
    for source in &request.sources {
        SourceId::new(source)?;
    }
    place_of(&request.binlog_pos)?;
    match op {
        ErrorOp::Skip | ErrorOp::Revert | ErrorOp::List if !request.sqls.is_empty() => {
            Err(wrong(format!("{} takes no SQL", op.as_str_name())))
        }
        ErrorOp::Replace | ErrorOp::Inject if request.sqls.is_empty() => {
            Err(wrong(format!("{} needs SQL", op.as_str_name())))
        }
        ErrorOp::Replace | ErrorOp::Inject => check_statements(&request.sqls),
        ErrorOp::Skip | ErrorOp::Revert | ErrorOp::List => Ok(()),
        ErrorOp::InvalidErrorOp => Err(wrong("the operation is none".to_owned())),
    }
}

fn place_of(text: &str) -> Result<Option<EventPlace>, DmError> {
    (!text.is_empty())
        .then(|| EventPlace::parse(text))
        .transpose()
}

/// The statement that is meant when none is named.
fn the_one(source: &str, found: CurrentErrorReply) -> Result<BlockedStatement, DmError> {
    if !found.syncing {
        let message = format!("source {source} is not in its sync unit");
        return Err(DmError::new(&codes::WORKER_OPER_SYNC_UNIT_ONLY, message));
    }
    match found.blocked.as_slice() {
        [one] => Ok(one.clone()),
        [] if found.other_error.is_empty() => {
            let message = format!("source '{source}' has no error");
            Err(
                DmError::new(&codes::VERIFY_HANDLE_ERROR_ARGS, message).with_workaround(
                    "Give the position of a statement with --binlog-pos, if one is to come.",
                ),
            )
        }
        [] => {
            let message = format!(
                "only errors of DDL statements can be handled; the current error of source '{source}' is: {}",
                found.other_error
            );
            Err(DmError::new(&codes::SYNCER_UNIT_INJECT_DDL_ONLY, message)
                .with_workaround("Remove the reason that it names, then resume the task."))
        }
        several => {
            let places: Vec<String> = several.iter().map(shown).collect();
            let message = format!(
                "source {source} stands at {} statements: {}",
                several.len(),
                places.join("; ")
            );
            Err(DmError::new(&codes::SEVERAL_ERRORS, message))
        }
    }
}

fn shown(blocked: &BlockedStatement) -> String {
    let place = EventPlace::parse(&blocked.position)
        .map_or_else(|_| blocked.gtid.clone(), |place| place.flag());
    format!("-b {place} ({})", blocked.tables.join(", "))
}

fn listed_item(task: &str, operator: &Operator) -> serde_json::Value {
    let place = match &operator.place.start {
        Some(start) => start.to_string(),
        None => operator
            .place
            .gtid
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    };
    let mut item = json!({"op": operator.action.number(), "task": task, "binlogPos": place});
    if let Some(members) = item.as_object_mut()
        && !operator.sqls.is_empty()
    {
        members.insert("sqls".to_owned(), json!(operator.sqls));
    }
    item
}

/// As DM: the whole succeeded when the sources were asked; each says for itself how it went.
fn answer(sources: Vec<CommonWorkerResponse>) -> HandleErrorResponse {
    HandleErrorResponse {
        result: true,
        msg: String::new(),
        sources,
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
