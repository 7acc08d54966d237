//! `transfer-source`: gives a source to another worker.

use dm_proto::{
    json,
    pb::{TransferSourceRequest, TransferSourceResponse},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, outcome},
};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The source.
    #[arg(value_name = "source-id")]
    pub source: String,
    /// The worker that shall have it.
    #[arg(value_name = "worker-id")]
    pub worker: String,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<TransferSourceResponse, CtlError> {
    let message = TransferSourceRequest {
        source: args.source.clone(),
        worker: args.worker.clone(),
    };
    ctx.client
        .operate(message, async |mut master, request| {
            master.transfer_source(request).await
        })
        .await
}

/// Renders the answer.
pub fn print(response: &TransferSourceResponse, format: Format) -> String {
    match format {
        Format::Json => json::render(response),
        Format::Table => outcome(response.result, &response.msg),
    }
}
