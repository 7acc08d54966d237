//! `start-task`: creates the subtasks of a task file and runs them.

use dm_proto::{
    json,
    pb::{StartTaskRequest, StartTaskResponse},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, with_raw_check, worker_answers},
    task_file,
};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task file.
    #[arg(value_name = "config-file")]
    pub file: String,
    /// Forgets the progress that the target holds of an earlier task of this name.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true",
        action = clap::ArgAction::Set)]
    pub remove_meta: bool,
    /// Where the binlog is read from: 2006-01-02T15:04:05.
    #[arg(long, default_value = "", value_name = "time")]
    pub start_time: String,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<StartTaskResponse, CtlError> {
    let message = StartTaskRequest {
        task: task_file::read_task(&args.file)?,
        sources: ctx.sources.clone(),
        remove_meta: args.remove_meta,
        start_time: args.start_time.clone(),
    };
    ctx.client
        .operate(message, async |mut master, request| {
            master.start_task(request).await
        })
        .await
}

/// Renders the answer.
pub fn print(response: &StartTaskResponse, format: Format) -> String {
    match format {
        Format::Json => with_raw_check(&response.check_result, |text| {
            json::render(&StartTaskResponse {
                check_result: text.to_owned(),
                ..response.clone()
            })
        }),
        Format::Table => {
            let head = worker_answers(response.result, &response.msg, &response.sources);
            if response.check_result.is_empty() {
                head
            } else {
                format!("{head}\n{}", response.check_result.trim_end())
            }
        }
    }
}
