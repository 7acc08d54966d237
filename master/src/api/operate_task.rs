//! `pause-task`, `resume-task`, `stop-task`.

use dm_model::{DmError, codes};
use dm_proto::{
    pb::{OperateTaskRequest, OperateTaskResponse, TaskOp},
    v1::{RemoveSubtasks, SetStage, WantedStage, command::Kind},
};

use super::{
    ApiError,
    confirm::{Stop, all_succeeded, failed_texts},
    led::Led,
};

/// Name of the request's one step.
const STEP: &str = "operate-task";

impl Led {
    pub(super) async fn operate_task(
        &self,
        request: OperateTaskRequest,
    ) -> Result<OperateTaskResponse, ApiError> {
        let op = request.op;
        match self.operate(request).await {
            // DM's clients print the operation also when it failed.
            Err(ApiError::Dm(error)) => Ok(OperateTaskResponse {
                op,
                msg: error.to_string(),
                ..OperateTaskResponse::default()
            }),
            answer => answer,
        }
    }

    async fn operate(&self, request: OperateTaskRequest) -> Result<OperateTaskResponse, ApiError> {
        let OperateTaskRequest {
            op,
            name: task,
            sources,
        } = request;
        let operation = TaskOp::try_from(op).unwrap_or(TaskOp::InvalidOp);
        let stage = |stage: WantedStage| {
            Kind::SetStage(SetStage {
                task: task.clone(),
                sources: sources.clone(),
                stage: stage.into(),
            })
        };
        let command = match operation {
            TaskOp::Pause => stage(WantedStage::WantedPaused),
            TaskOp::Resume => stage(WantedStage::WantedRunning),
            TaskOp::Delete => Kind::RemoveSubtasks(RemoveSubtasks {
                task: task.clone(),
                sources: sources.clone(),
            }),
            other => {
                let message = format!("op {} not support for operate-task", other.as_str_name());
                return Err(DmError::new(&codes::MASTER_INVALID_OPERATE_OP, message).into());
            }
        };
        self.catch_up().await?;
        if !self.done_before(STEP) && !self.read(|state| state.tasks.contains_key(&task)) {
            let message = format!(
                "task {task} has no source or not exist, please check the task name and status"
            );
            return Err(DmError::new(&codes::SCHEDULER_TASK_NOT_EXIST, message).into());
        }
        let silencing = self.silencing(&task);
        let done = self.propose(STEP, command).await?;
        let sources = match operation {
            TaskOp::Resume => self.confirm_running(&task, &done.sources).await,
            TaskOp::Pause => {
                self.confirm_stopped(&task, &done, Stop::Paused, &silencing)
                    .await
            }
            _ => {
                self.confirm_stopped(&task, &done, Stop::Removed, &silencing)
                    .await
            }
        };
        let result = all_succeeded(&sources);
        let msg = if result {
            String::new()
        } else {
            failed_texts(&sources)
        };
        Ok(OperateTaskResponse {
            op,
            result,
            msg,
            sources,
        })
    }
}
