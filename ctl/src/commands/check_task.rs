//! `check-task`: would this task start?

use dm_proto::{
    json,
    pb::{CheckTaskRequest, CheckTaskResponse},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, outcome, with_raw_check},
    task_file,
};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task file.
    #[arg(value_name = "config-file")]
    pub file: String,
    /// Most errors shown.
    #[arg(
        short = 'e',
        long = "error",
        default_value_t = 10,
        value_name = "count"
    )]
    pub errors_max: i64,
    /// Most warnings shown.
    #[arg(short = 'w', long = "warn", default_value_t = 10, value_name = "count")]
    pub warnings_max: i64,
    /// Where the binlog would be read from: 2006-01-02T15:04:05.
    #[arg(long, default_value = "", value_name = "time")]
    pub start_time: String,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<CheckTaskResponse, CtlError> {
    let message = CheckTaskRequest {
        task: task_file::read_task(&args.file)?,
        err_cnt: args.errors_max,
        warn_cnt: args.warnings_max,
        start_time: args.start_time.clone(),
    };
    ctx.client
        .query(message, async |mut master, request| {
            master.check_task(request).await
        })
        .await
}

/// Renders the answer.
pub fn print(response: &CheckTaskResponse, format: Format) -> String {
    match format {
        Format::Json => with_raw_check(&response.msg, |msg| {
            json::render(&CheckTaskResponse {
                msg: msg.to_owned(),
                ..response.clone()
            })
        }),
        Format::Table => outcome(response.result, &response.msg),
    }
}
