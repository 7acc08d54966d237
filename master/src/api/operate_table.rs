//! `table add|reload|pause|resume`: the owner of each source does it now.
//!
//! Nothing is logged: the command takes effect in the table's row at the target, which is the one truth about tables.

use std::time::Duration;

use dm_model::{DmError, codes};
use dm_proto::{
    pb::{CommonWorkerResponse, OperateTableRequest, OperateTableResponse},
    v1::{OperateTableCall, call, reply},
};

use super::{ApiError, led::Led, workers::call_error};

/// The subtask first commits what it has in flight.
const TABLE_TIMEOUT: Duration = Duration::from_secs(20);

impl Led {
    pub(super) async fn operate_table(
        &self,
        request: OperateTableRequest,
    ) -> Result<OperateTableResponse, ApiError> {
        self.settle().await?;
        let sources = self.read(|state| {
            let task = state.tasks.get(&request.task)?;
            Some(task.subtasks.keys().cloned().collect::<Vec<String>>())
        });
        let Some(all) = sources else {
            let message = format!("task {} is not there", request.task);
            return Err(DmError::new(&codes::SCHEDULER_TASK_NOT_EXIST, message)
                .with_workaround("`query-status` shows the tasks that are there")
                .into());
        };
        let sources = if request.sources.is_empty() {
            all
        } else {
            if let Some(unknown) = request.sources.iter().find(|source| !all.contains(source)) {
                let message = format!("task {} has no source {unknown}", request.task);
                return Err(DmError::new(&codes::SCHEDULER_SUB_TASK_NOT_EXIST, message).into());
            }
            request.sources.clone()
        };
        let mut answers = Vec::with_capacity(sources.len());
        for source in sources {
            answers.push(self.operate_at(&request, source).await);
        }
        Ok(OperateTableResponse {
            result: answers.iter().any(|answer| answer.result)
                && (request.sources.is_empty() || answers.iter().all(|answer| answer.result)),
            msg: String::new(),
            sources: answers,
        })
    }

    async fn operate_at(
        &self,
        request: &OperateTableRequest,
        source: String,
    ) -> CommonWorkerResponse {
        let Some(worker) = self.owner(&source) else {
            return CommonWorkerResponse {
                result: false,
                msg: "no worker has the source now: try again when one has it".to_owned(),
                source,
                worker: String::new(),
            };
        };
        let asked = OperateTableCall {
            task: request.task.clone(),
            source_id: source.clone(),
            op: request.op.clone(),
            schema: request.schema.clone(),
            table: request.table.clone(),
        };
        let answer = self
            .term
            .hub
            .call(&worker, call::Kind::OperateTable(asked), TABLE_TIMEOUT)
            .await;
        let (result, msg) = match answer {
            Ok(reply) if !reply.error.is_empty() => (false, reply.error),
            Ok(reply) => match reply.kind {
                Some(reply::Kind::OperateTable(done)) => (true, done.message),
                _ => (
                    false,
                    "the worker answers something else; upgrade it".to_owned(),
                ),
            },
            Err(error) => {
                let error = call_error(&error);
                let unknown = "; whether it was done is shown by `query-status`";
                (false, format!("{error}{unknown}"))
            }
        };
        CommonWorkerResponse {
            result,
            msg,
            source,
            worker,
        }
    }
}
