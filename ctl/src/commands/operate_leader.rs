//! `operate-leader`: makes the contacted master give up leadership, or take part in elections again.

use dm_proto::{
    json,
    pb::{LeaderOp, OperateLeaderRequest, OperateLeaderResponse},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, outcome},
};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[arg(value_enum)]
    pub action: Action,
}

/// What to do with leadership.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Action {
    /// Give it up, and stay out of elections.
    Evict,
    /// Take part again.
    CancelEvict,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<OperateLeaderResponse, CtlError> {
    let op = match args.action {
        Action::Evict => LeaderOp::EvictLeaderOp,
        Action::CancelEvict => LeaderOp::CancelEvictLeaderOp,
    };
    let message = OperateLeaderRequest { op: op.into() };
    ctx.client
        .operate(message, async |mut master, request| {
            master.operate_leader(request).await
        })
        .await
}

/// Renders the answer.
pub fn print(response: &OperateLeaderResponse, format: Format) -> String {
    match format {
        Format::Json => json::render(response),
        Format::Table => outcome(response.result, &response.msg),
    }
}
