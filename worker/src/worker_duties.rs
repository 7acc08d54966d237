//! What this process does for the leader: subtasks, status, checks.

use crate::checks;
use crate::http::Shown;
use crate::session::{Duties, Grantor};
use crate::supervisor::{SourceView, Spawn, Supervisor, current_error, list_response};
use crate::sync::{self, TableCommands, TableOp};
use dm_model::{DmError, SourceId, TableName, TaskName, codes};
use dm_proto::v1::{
    Call, CheckSourceReply, Desired, OperateTableCall, OperateTableReply, RaiseFenceReply, Reply,
    SubtaskReport, call, reply,
};
use futures::future::BoxFuture;
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::Instrument as _;

/// A call without a timeout of its own gets this one; DM's budget for a pre-check.
const CALL_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How long one try to stop another worker's subtask at the target may take.
const STOPPING_TTL_MS: u64 = 10_000;

/// Joins the parts that the session serves.
pub(crate) struct WorkerDuties<S: Spawn> {
    name: String,
    supervisor: Arc<Supervisor<S>>,
    commands: TableCommands,
    connected: std::sync::OnceLock<watch::Receiver<bool>>,
}

impl<S: Spawn> WorkerDuties<S> {
    pub(crate) fn new(
        name: String,
        supervisor: Arc<Supervisor<S>>,
        commands: TableCommands,
    ) -> Self {
        Self {
            name,
            supervisor,
            commands,
            connected: std::sync::OnceLock::new(),
        }
    }

    /// Where it is seen whether the session stands; set once, after the session was made.
    pub(crate) fn watch_session(&self, connected: watch::Receiver<bool>) {
        let _ = self.connected.set(connected);
    }

    async fn operate_table(&self, asked: &OperateTableCall) -> Result<String, DmError> {
        let op = TableOp::parse(&asked.op).ok_or_else(|| {
            DmError::new(
                &codes::REQUEST_CONFLICT,
                format!("this worker doesn't know `table {}`; upgrade it", asked.op),
            )
        })?;
        let (task, source) = (
            TaskName::new(&asked.task)?,
            SourceId::new(&asked.source_id)?,
        );
        let table = TableName::new(asked.schema.clone(), asked.table.clone());
        self.commands.send(&task, &source, op, table).await
    }

    async fn answer(&self, grantor: &Grantor, kind: call::Kind) -> Result<reply::Kind, DmError> {
        match kind {
            call::Kind::QueryStatus(asked) => {
                let response = list_response(
                    &self.supervisor.views(),
                    &self.name,
                    &asked.task,
                    &asked.sources,
                );
                Ok(reply::Kind::QueryStatus(response.encode_to_vec()))
            }
            call::Kind::CheckSource(asked) => {
                let yaml = checks::check_source(&asked, &grantor.secret_key).await?;
                Ok(reply::Kind::CheckSource(CheckSourceReply { yaml }))
            }
            call::Kind::CurrentError(asked) => Ok(reply::Kind::CurrentError(current_error(
                &self.supervisor.views(),
                &asked,
            ))),
            call::Kind::RaiseFence(asked) => {
                let spec = self
                    .supervisor
                    .stopping_spec(grantor, &asked, STOPPING_TTL_MS)?;
                sync::silence(&spec).await?;
                Ok(reply::Kind::RaiseFence(RaiseFenceReply {}))
            }
            call::Kind::CheckTask(asked) => Ok(reply::Kind::CheckTask(
                checks::check_task(&asked, &grantor.secret_key).await?,
            )),
            call::Kind::OperateTable(asked) => {
                let message = self.operate_table(&asked).await?;
                Ok(reply::Kind::OperateTable(OperateTableReply { message }))
            }
        }
    }
}

impl<S: Spawn> Duties for WorkerDuties<S> {
    fn desired(&self, grantor: &Grantor, desired: Desired) {
        self.supervisor.desired(grantor, desired);
    }

    fn reports(&self) -> Vec<SubtaskReport> {
        self.supervisor.reports()
    }

    fn call(self: Arc<Self>, grantor: Grantor, call: Call) -> BoxFuture<'static, Reply> {
        let span = tracing::info_span!("worker call", kind = kind_name(&call));
        dm_proto::telemetry::set_parent(&span, &call.traceparent);
        Box::pin(
            async move {
                let id = call.id;
                let Some(kind) = call.kind else {
                    return Reply {
                        id,
                        error: "this worker doesn't know that call; upgrade it".into(),
                        kind: None,
                    };
                };
                let timeout = if call.timeout_ms == 0 {
                    CALL_TIMEOUT
                } else {
                    Duration::from_millis(call.timeout_ms)
                };
                match tokio::time::timeout(timeout, self.answer(&grantor, kind)).await {
                    Ok(Ok(kind)) => Reply {
                        id,
                        error: String::new(),
                        kind: Some(kind),
                    },
                    Ok(Err(error)) => Reply {
                        id,
                        error: error.to_string(),
                        kind: None,
                    },
                    Err(_) => Reply {
                        id,
                        error: format!("not done within {} ms", timeout.as_millis()),
                        kind: None,
                    },
                }
            }
            .instrument(span),
        )
    }
}

impl<S: Spawn> Shown for WorkerDuties<S> {
    fn worker(&self) -> &str {
        &self.name
    }

    fn views(&self) -> Vec<SourceView> {
        self.supervisor.views()
    }

    fn connected(&self) -> bool {
        self.connected
            .get()
            .is_some_and(|connected| *connected.borrow())
    }
}

fn kind_name(call: &Call) -> &'static str {
    match call.kind {
        Some(call::Kind::QueryStatus(_)) => "query-status",
        Some(call::Kind::CheckSource(_)) => "check-source",
        Some(call::Kind::CheckTask(_)) => "check-task",
        Some(call::Kind::CurrentError(_)) => "current-error",
        Some(call::Kind::OperateTable(_)) => "table",
        Some(call::Kind::RaiseFence(_)) => "raise-fence",
        None => "unknown",
    }
}
