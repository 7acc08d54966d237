//! All commands, and the way each takes from its arguments to standard output.

use clap::{CommandFactory as _, Subcommand};
use dm_proto::pb::RelayOpV2;

use super::{
    Context, binlog, check_task, config, context::emit, decrypt, encrypt, get_cfg, get_config,
    handle_error, list_member, offline_member, operate_leader, operate_source, operate_task,
    pause_task, query_status, resume_task, start_relay, start_task, stop_task, table,
    transfer_source,
};
use crate::{CtlError, cli::Cli, output::Format};

/// What can be typed after `dmctl`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says what happens to a statement that the target refuses.
    Binlog(binlog::Args),
    /// Checks a task without starting it.
    CheckTask(check_task::Args),
    /// Shows configurations.
    Config(config::Args),
    /// Decrypts a password with a key file that you have.
    #[command(hide = true)]
    Decrypt(decrypt::Args),
    /// Encrypts a password with the cluster's key.
    Encrypt(encrypt::Args),
    /// Older form of config.
    #[command(hide = true)]
    GetConfig(get_config::Args),
    /// Older form of config task.
    #[command(hide = true)]
    GetTaskConfig(get_config::TaskArgs),
    /// Older form of binlog.
    #[command(hide = true)]
    HandleError(handle_error::Args),
    /// Shows masters and workers.
    ListMember(list_member::Args),
    /// Removes a member that is gone for good.
    OfflineMember(offline_member::Args),
    /// Makes the contacted master give up leadership, or take part again.
    OperateLeader(operate_leader::Args),
    /// Creates, updates, stops or shows sources.
    OperateSource(operate_source::Args),
    /// Pauses a task.
    PauseTask(operate_task::Args),
    /// Shows how tasks are doing.
    QueryStatus(query_status::Args),
    /// Resumes a task.
    ResumeTask(operate_task::Args),
    /// Keeps a source's binlog files at its worker.
    StartRelay(start_relay::Args),
    /// Creates a task and runs it.
    StartTask(start_task::Args),
    /// Stops keeping a source's binlog files; those that are there stay.
    StopRelay(start_relay::Args),
    /// Removes a task.
    StopTask(operate_task::Args),
    /// Adds, copies again, pauses or resumes one table of a running task.
    Table(table::Args),
    /// Gives a source to another worker.
    TransferSource(transfer_source::Args),
}

impl Command {
    /// As typed; names the trace.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Binlog(_) => "binlog",
            Self::CheckTask(_) => "check-task",
            Self::Config(_) => "config",
            Self::Decrypt(_) => "decrypt",
            Self::Encrypt(_) => "encrypt",
            Self::GetConfig(_) => "get-config",
            Self::GetTaskConfig(_) => "get-task-config",
            Self::HandleError(_) => "handle-error",
            Self::ListMember(_) => "list-member",
            Self::OfflineMember(_) => "offline-member",
            Self::OperateLeader(_) => "operate-leader",
            Self::OperateSource(_) => "operate-source",
            Self::PauseTask(_) => "pause-task",
            Self::QueryStatus(_) => "query-status",
            Self::ResumeTask(_) => "resume-task",
            Self::StartRelay(_) => "start-relay",
            Self::StartTask(_) => "start-task",
            Self::StopRelay(_) => "stop-relay",
            Self::StopTask(_) => "stop-task",
            Self::Table(_) => "table",
            Self::TransferSource(_) => "transfer-source",
        }
    }

    /// Runs the command and prints its answer.
    pub async fn run(self, ctx: &Context) -> Result<(), CtlError> {
        match self {
            Self::Binlog(args) => match &args.operation {
                Some(operation) => show(ctx, binlog::call(operation, ctx).await?, binlog::print),
                None => help("binlog"),
            },
            Self::CheckTask(args) => {
                let answer = check_task::call(&args, ctx).await?;
                emit(&check_task::print(args.plan, &answer, ctx.format))
            }
            Self::Config(args) => match args.wanted() {
                Some(wanted) => show(ctx, get_cfg::call(&wanted, ctx).await?, get_cfg::print),
                None => help("config"),
            },
            Self::Decrypt(args) => show(ctx, decrypt::call(&args)?, decrypt::print),
            Self::Encrypt(args) => match args.plaintext() {
                Some(plaintext) => show(ctx, encrypt::call(plaintext, ctx).await?, encrypt::print),
                None => help("encrypt"),
            },
            Self::GetConfig(args) => show(
                ctx,
                get_cfg::call(&args.wanted(), ctx).await?,
                get_cfg::print,
            ),
            Self::GetTaskConfig(args) => show(
                ctx,
                get_cfg::call(&args.wanted(), ctx).await?,
                get_cfg::print,
            ),
            Self::HandleError(args) => {
                show(ctx, handle_error::call(&args, ctx).await?, binlog::print)
            }
            Self::ListMember(args) => show(
                ctx,
                list_member::call(&args, ctx).await?,
                list_member::print,
            ),
            Self::OfflineMember(args) => show(
                ctx,
                offline_member::call(&args, ctx).await?,
                offline_member::print,
            ),
            Self::OperateLeader(args) => show(
                ctx,
                operate_leader::call(&args, ctx).await?,
                operate_leader::print,
            ),
            Self::OperateSource(args) if args.print_sample_config => emit(operate_source::SAMPLE),
            Self::OperateSource(args) => show(
                ctx,
                operate_source::call(&args, ctx).await?,
                operate_source::print,
            ),
            Self::PauseTask(args) => {
                show(ctx, pause_task::call(&args, ctx).await?, pause_task::print)
            }
            Self::QueryStatus(args) => match args.watch {
                Some(interval) => query_status::watch(&args, interval, ctx).await,
                None => show(
                    ctx,
                    query_status::call(&args, ctx).await?,
                    query_status::print,
                ),
            },
            Self::ResumeTask(args) => show(
                ctx,
                resume_task::call(&args, ctx).await?,
                resume_task::print,
            ),
            Self::StartRelay(args) => show(
                ctx,
                start_relay::call(RelayOpV2::StartRelayV2, &args, ctx).await?,
                start_relay::print,
            ),
            Self::StopRelay(args) => show(
                ctx,
                start_relay::call(RelayOpV2::StopRelayV2, &args, ctx).await?,
                start_relay::print,
            ),
            Self::StartTask(args) => {
                show(ctx, start_task::call(&args, ctx).await?, start_task::print)
            }
            Self::StopTask(args) => show(ctx, stop_task::call(&args, ctx).await?, stop_task::print),
            Self::Table(args) => show(ctx, table::call(&args, ctx).await?, table::print),
            Self::TransferSource(args) => show(
                ctx,
                transfer_source::call(&args, ctx).await?,
                transfer_source::print,
            ),
        }
    }
}

fn show<A>(ctx: &Context, answer: A, print: fn(&A, Format) -> String) -> Result<(), CtlError> {
    emit(&print(&answer, ctx.format))
}

/// DM prints the help, and succeeds, when these commands get a wrong number of arguments.
fn help(command: &str) -> Result<(), CtlError> {
    let mut cli = Cli::command();
    cli.build();
    let text = cli
        .find_subcommand_mut(command)
        .map(|found| found.render_help().to_string());
    emit(&text.unwrap_or_default())
}
