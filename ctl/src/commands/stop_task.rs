//! `stop-task`: removes a task; what the target holds stays.

use dm_proto::pb::TaskOp;

use super::operate_task::{self, Answer, Args};
use crate::{CtlError, commands::Context, output::Format};

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<Answer, CtlError> {
    operate_task::call(TaskOp::Delete, args, ctx).await
}

/// Renders the answer.
pub fn print(answer: &Answer, format: Format) -> String {
    operate_task::print(answer, format)
}
