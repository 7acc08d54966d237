//! `offline-member`: removes a master or worker that is gone for good.

use dm_proto::{
    json,
    pb::{OfflineMemberRequest, OfflineMemberResponse},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, outcome},
};

/// What is typed.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("kind").required(true).args(["master", "worker"]))]
pub struct Args {
    /// It is a master.
    #[arg(short = 'm', long)]
    pub master: bool,
    /// It is a worker.
    #[arg(short = 'w', long)]
    pub worker: bool,
    /// Its name.
    #[arg(short = 'n', long)]
    pub name: String,
}

/// Asks the master. A refusal is a failure here, unlike in other commands.
pub async fn call(args: &Args, ctx: &Context) -> Result<OfflineMemberResponse, CtlError> {
    let kind = if args.master { "master" } else { "worker" };
    let message = OfflineMemberRequest {
        r#type: kind.to_owned(),
        name: args.name.clone(),
    };
    let response = ctx
        .client
        .operate(message, async |mut master, request| {
            master.offline_member(request).await
        })
        .await?;
    if response.result {
        Ok(response)
    } else {
        Err(CtlError::message(format!(
            "offline member failed:\n{}",
            response.msg
        )))
    }
}

/// Renders the answer.
pub fn print(response: &OfflineMemberResponse, format: Format) -> String {
    match format {
        Format::Json => json::render(response),
        Format::Table => outcome(response.result, &response.msg),
    }
}
