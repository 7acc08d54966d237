//! `list-member`: masters and workers, and which of them leads or owns what.

use dm_proto::{
    json,
    pb::{
        ListMasterMember, ListMemberRequest, ListMemberResponse, ListWorkerMember, members::Member,
    },
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, outcome, table},
};

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Shows the leader.
    #[arg(short = 'l', long)]
    pub leader: bool,
    /// Shows masters.
    #[arg(short = 'm', long)]
    pub master: bool,
    /// Shows workers.
    #[arg(short = 'w', long)]
    pub worker: bool,
    /// Only these names.
    #[arg(short = 'n', long = "name", value_delimiter = ',', value_name = "name")]
    pub names: Vec<String>,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<ListMemberResponse, CtlError> {
    let message = ListMemberRequest {
        leader: args.leader,
        master: args.master,
        worker: args.worker,
        names: args.names.clone(),
    };
    ctx.client
        .query(message, async |mut master, request| {
            master.list_member(request).await
        })
        .await
}

/// Renders the answer.
pub fn print(response: &ListMemberResponse, format: Format) -> String {
    if format == Format::Json {
        return json::render(response);
    }
    if !response.result {
        return outcome(false, &response.msg);
    }
    let parts = response
        .members
        .iter()
        .filter_map(|member| member.member.as_ref())
        .map(|member| match member {
            Member::Leader(leader) => note(
                format!("Leader: {} at {}", leader.name, leader.addr),
                &leader.msg,
            ),
            Member::Master(masters) => note(masters_table(masters), &masters.msg),
            Member::Worker(workers) => note(workers_table(workers), &workers.msg),
        });
    parts.collect::<Vec<_>>().join("\n")
}

fn note(text: String, msg: &str) -> String {
    if msg.is_empty() {
        text
    } else {
        format!("{text}\n{msg}")
    }
}

fn masters_table(masters: &ListMasterMember) -> String {
    let rows = masters.masters.iter().map(|master| {
        let alive = if master.alive { "yes" } else { "NO" };
        [
            master.name.clone(),
            master.member_id.to_string(),
            alive.to_owned(),
            master.client_ur_ls.join(" "),
            master.peer_ur_ls.join(" "),
        ]
    });
    table(["Master", "Id", "Alive", "Clients at", "Peers at"], rows)
}

fn workers_table(workers: &ListWorkerMember) -> String {
    let rows = workers.workers.iter().map(|worker| {
        [
            worker.name.clone(),
            worker.addr.clone(),
            worker.stage.clone(),
            worker.source.replace(',', ", "),
        ]
    });
    table(["Worker", "Address", "Stage", "Sources"], rows)
}
