//! Waits until workers do what was recorded.
//!
//! A start is confirmed by a report under the epoch that authorised it: an older report can't be
//! mistaken for it. A stop is confirmed by an answer that the worker gave *after* it was told (orders
//! and questions travel in one stream, in order). What is not confirmed in time is said (R32): the
//! change is recorded, and writes may go on until the worker hears of it or its lease ends. Before that, another worker is asked
//! to end the writes where they land: it raises head and lanes of the subtask to the stopping entry's index.

use std::{collections::BTreeMap, time::Duration};

use dm_model::{DmError, codes};
use dm_proto::{
    pb::{self, CommonWorkerResponse, QueryStatusListResponse, Stage},
    v1::{Outcome, QueryStatusCall, RaiseFenceCall, SubtaskReport, call, reply},
};
use futures::future::join_all;
use prost::Message;
use tokio::time::Instant;

use super::led::Led;

/// DM polls ten times, one second apart.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
/// A missed bell costs no more than this.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// Longest single question to a worker.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

/// A worker that is connected has so long before another one ends the writes of its subtask.
const RAISE_AFTER: Duration = Duration::from_secs(4);
/// Longest try to end them.
const RAISE_TIMEOUT: Duration = Duration::from_secs(8);

/// Which standstill is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Still there, and still.
    Paused,
    /// Gone.
    Removed,
}

/// By source: the call with which another worker ends the writes of a subtask.
pub(super) type Silencing = BTreeMap<String, RaiseFenceCall>;

/// True when nothing failed.
pub(super) fn all_succeeded(sources: &[CommonWorkerResponse]) -> bool {
    sources.iter().all(|source| source.result)
}

/// The texts of what failed, for the answer as a whole.
pub(super) fn failed_texts(sources: &[CommonWorkerResponse]) -> String {
    let failed = sources.iter().filter(|source| !source.result);
    failed
        .map(|source| format!("{}: {}", source.source, source.msg))
        .collect::<Vec<_>>()
        .join("\n")
}

fn response(source: &str, worker: &str, outcome: Result<String, String>) -> CommonWorkerResponse {
    let result = outcome.is_ok();
    let msg = outcome.unwrap_or_else(|error| error);
    CommonWorkerResponse {
        result,
        msg,
        source: source.to_owned(),
        worker: worker.to_owned(),
    }
}

impl Led {
    /// Waits until each subtask runs, or stands with an error.
    pub(super) async fn confirm_running(
        &self,
        task: &str,
        sources: &[String],
    ) -> Vec<CommonWorkerResponse> {
        let deadline = Instant::now() + CONFIRM_TIMEOUT;
        let mut bell = self.term.hub.watch();
        loop {
            bell.borrow_and_update();
            let now: Vec<Option<CommonWorkerResponse>> = sources
                .iter()
                .map(|source| self.running_yet(task, source))
                .collect();
            if now.iter().all(Option::is_some) {
                return now.into_iter().flatten().collect();
            }
            if Instant::now() >= deadline || self.term.over.is_cancelled() {
                let late = |(source, now): (&String, Option<CommonWorkerResponse>)| {
                    now.unwrap_or_else(|| self.not_running(task, source))
                };
                return sources.iter().zip(now).map(late).collect();
            }
            let _ = tokio::time::timeout(LOOK_PAUSE, bell.changed()).await;
        }
    }

    fn running_yet(&self, task: &str, source: &str) -> Option<CommonWorkerResponse> {
        let Some(worker) = self.owner(source) else {
            if self.term.hub.connected().is_empty() {
                return Some(response(
                    source,
                    "",
                    Ok("recorded; it starts when a worker takes the source over".to_owned()),
                ));
            }
            return None;
        };
        let epoch = self.read(|state| state.subtask_epoch(task, source))?;
        let report = self
            .report(&worker, task, source)
            .filter(|report| report.epoch >= epoch.0)?;
        match Stage::try_from(report.stage) {
            Ok(Stage::Running | Stage::Finished) => {
                Some(response(source, &worker, Ok(String::new())))
            }
            Ok(Stage::Paused | Stage::Stopped) if !report.errors.is_empty() => {
                Some(response(source, &worker, Err(report.errors.join("\n"))))
            }
            _ => None,
        }
    }

    fn not_running(&self, task: &str, source: &str) -> CommonWorkerResponse {
        let worker = self.owner(source).unwrap_or_default();
        if worker.is_empty() {
            return response(
                source,
                "",
                Ok("recorded; it starts when a worker takes the source over".to_owned()),
            );
        }
        let last = self
            .report(&worker, task, source)
            .map_or("nothing".to_owned(), |report| {
                format!(
                    "stage {} {}",
                    stage_name(report.stage),
                    report.errors.join("; ")
                )
            });
        let message = format!(
            "fail to get expected result: recorded, but worker {worker} last reported {last}"
        );
        response(
            source,
            &worker,
            Err(DmError::new(&codes::MASTER_FAIL_TO_GET_EXPECT_RESULT, message).to_string()),
        )
    }

    fn report(&self, worker: &str, task: &str, source: &str) -> Option<SubtaskReport> {
        let reported = self.term.hub.reported(worker)?;
        reported
            .subtasks
            .into_iter()
            .find(|report| report.task == task && report.source_id == source)
    }

    /// What another worker needs to end the writes of these subtasks; taken before they are removed.
    pub(super) fn silencing(&self, task: &str) -> Silencing {
        self.read(|state| {
            let known = state.tasks.get(task)?;
            let call = |source: &String| {
                let call = RaiseFenceCall {
                    task: task.to_owned(),
                    source_id: source.clone(),
                    task_yaml: known.yaml_of(source)?.to_owned(),
                    source_yaml: state.sources.get(source)?.yaml.clone(),
                    epoch: 0,
                    generation: known.generation.0,
                };
                Some((source.clone(), call))
            };
            Some(known.subtasks.keys().filter_map(call).collect())
        })
        .unwrap_or_default()
    }

    /// Waits until each subtask stands still, or is gone.
    pub(super) async fn confirm_stopped(
        &self,
        task: &str,
        done: &Outcome,
        stop: Stop,
        silencing: &Silencing,
    ) -> Vec<CommonWorkerResponse> {
        let waits = done.sources.iter().map(|source| async move {
            let call = silencing.get(source).map(|call| RaiseFenceCall {
                epoch: done.index,
                ..call.clone()
            });
            self.confirm_one_stopped(task, source, done.index, stop, call)
                .await
        });
        join_all(waits).await
    }

    /// True when another worker has ended the writes of the subtask at the target.
    async fn silenced(&self, owner: Option<&str>, call: &RaiseFenceCall) -> Result<(), String> {
        let workers = self.term.hub.connected();
        let Some(worker) = workers.iter().find(|worker| Some(worker.as_str()) != owner) else {
            return Err("and no other worker is there to end its writes at the target".to_owned());
        };
        let kind = call::Kind::RaiseFence(call.clone());
        match self.term.hub.call(worker, kind, RAISE_TIMEOUT).await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!(
                "and worker {worker} could not end its writes at the target: {error}"
            )),
        }
    }

    async fn confirm_one_stopped(
        &self,
        task: &str,
        source: &str,
        index: u64,
        stop: Stop,
        silencing: Option<RaiseFenceCall>,
    ) -> CommonWorkerResponse {
        let deadline = Instant::now() + CONFIRM_TIMEOUT;
        let raise_at = Instant::now() + RAISE_AFTER;
        let mut silencing = silencing;
        let mut missing = String::new();
        loop {
            let (owner, same_process, last_epoch) = self.read(|state| {
                let source = state.sources.get(source);
                let lease = source.and_then(|source| source.lease.as_ref());
                // An answer of another process of that name says nothing about the one that holds the lease.
                let same_process = lease.is_some_and(|lease| {
                    self.term.hub.incarnation(&lease.worker) == Some(lease.incarnation.0)
                });
                let owner = lease.map(|lease| lease.worker.clone());
                (
                    owner,
                    same_process,
                    source.map(|source| source.last_epoch.0),
                )
            });
            match &owner {
                Some(worker)
                    if same_process
                        && self.stands_still(worker, task, source, index, stop).await =>
                {
                    return response(source, worker, Ok(String::new()));
                }
                // Nobody ever owned the source, so nobody ever wrote for it.
                None if last_epoch == Some(0) => return response(source, "", Ok(String::new())),
                _ => {}
            }
            let awaited = same_process && Instant::now() < raise_at;
            if !awaited && let Some(call) = silencing.take() {
                match self.silenced(owner.as_deref(), &call).await {
                    Ok(()) => {
                        return response(source, &owner.unwrap_or_default(), Ok(String::new()));
                    }
                    Err(why) => missing = why,
                }
            }
            if Instant::now() >= deadline || self.term.over.is_cancelled() {
                let worker = owner.unwrap_or_default();
                return response(source, &worker, Err(unconfirmed(source, &worker, &missing)));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    async fn stands_still(
        &self,
        worker: &str,
        task: &str,
        source: &str,
        index: u64,
        stop: Stop,
    ) -> bool {
        if self
            .term
            .hub
            .told_revision(worker)
            .is_none_or(|told| told < index)
        {
            return false;
        }
        let question = QueryStatusCall {
            task: task.to_owned(),
            sources: vec![source.to_owned()],
        };
        let Ok(reply) = self
            .term
            .hub
            .call(worker, call::Kind::QueryStatus(question), ASK_TIMEOUT)
            .await
        else {
            return false;
        };
        let Some(reply::Kind::QueryStatus(bytes)) = reply.kind else {
            return false;
        };
        let Ok(status) = QueryStatusListResponse::decode(bytes.as_slice()) else {
            return false;
        };
        let of_source = status.sources.iter().filter(|entry| {
            entry
                .source_status
                .as_ref()
                .is_none_or(|status| status.source == source)
        });
        let stages: Vec<Stage> = of_source
            .flat_map(|entry| &entry.sub_task_status)
            .filter(|status| status.name == task)
            .map(pb::SubTaskStatus::stage)
            .collect();
        stages.into_iter().all(|stage| match stage {
            // An item without stage only says that there is no such subtask.
            Stage::InvalidStage => true,
            Stage::Paused | Stage::Stopped | Stage::Finished => stop == Stop::Paused,
            _ => false,
        })
    }
}

fn unconfirmed(source: &str, worker: &str, missing: &str) -> String {
    let who = if worker.is_empty() {
        format!("source {source} has no worker now, and its last one has not confirmed")
    } else {
        format!("worker {worker} has not confirmed")
    };
    let message = format!("recorded; writes may continue: {who} {missing}");
    DmError::new(&codes::MASTER_FAIL_TO_GET_EXPECT_RESULT, message.trim_end()).to_string()
}

fn stage_name(stage: i32) -> &'static str {
    Stage::try_from(stage)
        .unwrap_or(Stage::InvalidStage)
        .as_str_name()
}
