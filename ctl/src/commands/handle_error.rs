//! `handle-error`: the older spelling of `binlog skip|replace|revert`.

use dm_proto::pb::{ErrorOp, HandleErrorResponse};

use super::binlog;
use crate::{CtlError, commands::Context, task_file};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task, or its file.
    #[arg(value_name = "task-name | task-file")]
    pub task: String,
    /// What to do.
    #[arg(value_enum)]
    pub operation: Operation,
    /// Start of the statement's event as `mysql-bin.000003:3270`, or the GTID of its transaction; without it, the current error.
    #[arg(short = 'b', long, value_name = "position", default_value = "")]
    pub binlog_pos: String,
    /// DDL statements of a replacement, separated by semicolons.
    #[arg(value_name = "sql")]
    pub sqls: Vec<String>,
}

/// What to do.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Operation {
    /// Leaves the statement out.
    Skip,
    /// Runs other statements in its place.
    Replace,
    /// Takes such a decision back.
    Revert,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<HandleErrorResponse, CtlError> {
    let op = match args.operation {
        Operation::Skip => ErrorOp::Skip,
        Operation::Replace => ErrorOp::Replace,
        Operation::Revert => ErrorOp::Revert,
    };
    if matches!(op, ErrorOp::Replace) == args.sqls.is_empty() {
        let wrong = if args.sqls.is_empty() {
            "replace needs a SQL statement"
        } else {
            "only replace takes SQL statements"
        };
        return Err(CtlError::message(wrong));
    }
    let task = task_file::task_name(&args.task);
    binlog::request(op, task, &args.binlog_pos, &args.sqls, ctx).await
}
