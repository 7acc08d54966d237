//! `start-relay` and `stop-relay`: keep a source's binlog files at its worker, or stop doing so.

use dm_proto::{
    json,
    pb::{OperateRelayRequest, OperateRelayResponse, RelayOpV2},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, outcome},
};

/// What is typed, besides one source with -s.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The worker that has the source; need not be named.
    #[arg(value_name = "worker-name")]
    pub workers: Vec<String>,
}

/// Asks the master.
pub async fn call(
    op: RelayOpV2,
    args: &Args,
    ctx: &Context,
) -> Result<OperateRelayResponse, CtlError> {
    let [source] = ctx.sources.as_slice() else {
        return Err(CtlError::message("must specify one source"));
    };
    let message = OperateRelayRequest {
        op: op.into(),
        source: source.clone(),
        worker: args.workers.clone(),
    };
    ctx.client
        .operate(message, async |mut master, request| {
            master.operate_relay(request).await
        })
        .await
}

/// Renders the answer.
pub fn print(response: &OperateRelayResponse, format: Format) -> String {
    match format {
        Format::Json => json::render(response),
        Format::Table => outcome(response.result, &response.msg),
    }
}
