//! `check-task`: configuration and connectivity, nothing changed.

use std::{collections::BTreeSet, time::Duration};

use dm_model::{DmError, SourceId, TaskConfig, codes};
use dm_proto::{
    pb::{CheckTaskRequest, CheckTaskResponse},
    v1::{CheckTaskCall, CheckTaskReply, call, reply},
};

use super::{ApiError, led::Led};

/// DM's budget for all checks of a task.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Errors and warnings shown unless the caller says otherwise.
pub(super) const SHOWN_DEFAULT: i64 = 10;

impl Led {
    pub(super) async fn check_task(
        &self,
        request: CheckTaskRequest,
    ) -> Result<CheckTaskResponse, ApiError> {
        let task = TaskConfig::parse(&request.task)?.value;
        self.settle().await?;
        let call = CheckTaskCall {
            yaml: request.task,
            source_yamls: std::collections::HashMap::new(),
            start_time: request.start_time,
            error_count: request.err_cnt,
            warning_count: request.warn_cnt,
            plan: request.plan,
        };
        let checked = self.run_check(&task, call).await?;
        Ok(CheckTaskResponse {
            result: checked.passed,
            msg: checked.message,
        })
    }

    /// Lets a worker check the task; the owner of its first source if that lives.
    pub(super) async fn run_check(
        &self,
        task: &TaskConfig,
        mut call: CheckTaskCall,
    ) -> Result<CheckTaskReply, ApiError> {
        let known = self.read(|state| {
            state
                .sources
                .keys()
                .filter_map(|id| SourceId::parse(id).ok())
                .collect::<BTreeSet<_>>()
        });
        task.check_sources(&known)?;
        call.source_yamls = self.read(|state| {
            let yaml = |id: &SourceId| {
                Some((id.to_string(), state.sources.get(id.as_str())?.yaml.clone()))
            };
            task.sources().filter_map(yaml).collect()
        });
        let owner = task.sources().find_map(|id| self.owner(id.as_str()));
        let reply = self
            .ask_any(owner.as_deref(), call::Kind::CheckTask(call), CHECK_TIMEOUT)
            .await?;
        match reply.kind {
            Some(reply::Kind::CheckTask(checked)) => Ok(checked),
            _ => Err(DmError::new(
                &codes::MASTER_GRPC_REQUEST_ERROR,
                "the worker answered check-task with something else",
            )
            .into()),
        }
    }
}
