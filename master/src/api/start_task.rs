//! `start-task`: check, create, wait until it runs.

use dm_model::{DmError, TaskConfig, codes};
use dm_proto::{
    pb::{CommonWorkerResponse, StartTaskRequest, StartTaskResponse},
    v1::{CheckTaskCall, PutTask, command::Kind},
};

use super::{ApiError, check_task::SHOWN_DEFAULT, confirm::all_succeeded, led::Led};

/// Name of the request's one step.
const STEP: &str = "put-task";

impl Led {
    pub(super) async fn start_task(
        &self,
        request: StartTaskRequest,
    ) -> Result<StartTaskResponse, ApiError> {
        let parsed = TaskConfig::parse(&request.task)?;
        let (task, notices) = (parsed.value, parsed.notices.join("\n"));
        let foreign = foreign_sources(&task, &request.sources);
        if !foreign.is_empty() {
            return Ok(StartTaskResponse {
                sources: foreign,
                ..StartTaskResponse::default()
            });
        }
        let sources: Vec<String> = match request.sources.as_slice() {
            [] => task.sources().map(ToString::to_string).collect(),
            given => given.to_vec(),
        };
        self.settle().await?;
        // Before the check, which may take minutes: it must hold for what is started then.
        let expected = sources.iter().map(|id| self.expect_source(id)).collect();
        let mut check_result = String::new();
        if !self.done_before(STEP) {
            self.require_new(&task, &sources, request.remove_meta)?;
            let checked = self.run_check(&task, check_call(&request)).await?;
            if !checked.passed {
                return Ok(StartTaskResponse {
                    check_result: checked.message,
                    ..StartTaskResponse::default()
                });
            }
            check_result = checked.message;
        }
        let put = PutTask {
            task: task.name.to_string(),
            yaml: self.stored_yaml(&task, &request.task)?,
            sources,
            start_time: request.start_time,
            remove_meta: request.remove_meta,
        };
        let created = self
            .propose_checked(STEP, Kind::PutTask(put), expected)
            .await?;
        let sources = self
            .confirm_running(task.name.as_str(), &created.sources)
            .await;
        Ok(StartTaskResponse {
            result: all_succeeded(&sources),
            msg: notices,
            sources,
            check_result,
        })
    }

    /// Refuses before the long check what would be refused after it.
    fn require_new(
        &self,
        task: &TaskConfig,
        sources: &[String],
        remove_meta: bool,
    ) -> Result<(), DmError> {
        self.read(|state| {
            let Some(known) = state.tasks.get(task.name.as_str()) else {
                return Ok(());
            };
            let taken: Vec<&str> = known.subtasks.keys().map(String::as_str).collect();
            let nothing_new = sources.iter().all(|id| known.subtasks.contains_key(id));
            if !remove_meta && !nothing_new {
                return Ok(());
            }
            let message = format!(
                "subtasks with name {} for sources {} already exist",
                task.name,
                taken.join(",")
            );
            Err(DmError::new(&codes::SCHEDULER_SUB_TASK_EXIST, message))
        })
    }

    /// What is kept in the log: the text as it came, or with an encrypted password when there is a key.
    fn stored_yaml(&self, task: &TaskConfig, text: &str) -> Result<String, DmError> {
        if self.api.config.secret_key.is_none() {
            return Ok(text.to_owned());
        }
        let mut task = task.clone();
        task.target_database.password = self.encrypted(&task.target_database.password);
        task.to_yaml()
    }
}

fn check_call(request: &StartTaskRequest) -> CheckTaskCall {
    CheckTaskCall {
        yaml: request.task.clone(),
        start_time: request.start_time.clone(),
        error_count: SHOWN_DEFAULT,
        warning_count: SHOWN_DEFAULT,
        ..CheckTaskCall::default()
    }
}

fn foreign_sources(task: &TaskConfig, sources: &[String]) -> Vec<CommonWorkerResponse> {
    let foreign = sources
        .iter()
        .filter(|given| !task.sources().any(|id| id.as_str() == given.as_str()));
    let refuse = |source: &String| CommonWorkerResponse {
        result: false,
        msg: "source not found in task's config".to_owned(),
        source: source.clone(),
        worker: String::new(),
    };
    foreign.map(refuse).collect()
}
