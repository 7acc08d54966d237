//! `operate-source`: creates, updates, stops or shows sources.

use std::fs;

use dm_proto::{
    json,
    pb::{OperateSourceRequest, OperateSourceResponse, SourceOp},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, worker_answers},
    task_file,
};

/// What `-p` prints.
pub const SAMPLE: &str = include_str!("source.sample.yaml");

/// What is typed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[arg(value_enum, required_unless_present = "print_sample_config")]
    pub action: Option<Action>,
    /// Files of sources; for stop and show also source ids.
    #[arg(value_name = "config-file")]
    pub files: Vec<String>,
    /// Worker that shall have the new source.
    #[arg(short = 'w', long, default_value = "", value_name = "worker")]
    pub worker: String,
    /// Prints a sample file.
    #[arg(short = 'p', long)]
    pub print_sample_config: bool,
}

/// What to do with sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Action {
    /// Adds them.
    Create,
    /// Replaces their configuration.
    Update,
    /// Removes them.
    Stop,
    /// Lists them.
    Show,
}

/// Asks the master.
pub async fn call(args: &Args, ctx: &Context) -> Result<OperateSourceResponse, CtlError> {
    let action = args
        .action
        .ok_or_else(|| CtlError::message("say what to do: create, update, stop or show"))?;
    let message = message(action, args, &ctx.sources)?;
    if action == Action::Show {
        return ctx
            .client
            .query(message, async |mut master, request| {
                master.operate_source(request).await
            })
            .await;
    }
    ctx.client
        .operate(message, async |mut master, request| {
            master.operate_source(request).await
        })
        .await
}

fn message(
    action: Action,
    args: &Args,
    sources: &[String],
) -> Result<OperateSourceRequest, CtlError> {
    let mut message = OperateSourceRequest {
        worker_name: args.worker.clone(),
        ..Default::default()
    };
    let op = match action {
        Action::Create => SourceOp::StartSource,
        Action::Update => SourceOp::UpdateSource,
        Action::Stop => SourceOp::StopSource,
        Action::Show => SourceOp::ShowSource,
    };
    message.set_op(op);
    if matches!(action, Action::Create | Action::Update) {
        if args.files.is_empty() {
            return Err(CtlError::message(
                "give at least one source configuration file",
            ));
        }
        message.config = args
            .files
            .iter()
            .map(|file| task_file::read_source(file))
            .collect::<Result<_, _>>()?;
        return Ok(message);
    }
    for argument in &args.files {
        match fs::read_to_string(argument) {
            Ok(text) => message.config.push(text),
            Err(_) => message.source_id.push(argument.clone()),
        }
    }
    message.source_id.extend_from_slice(sources);
    if action == Action::Stop && message.config.is_empty() && message.source_id.is_empty() {
        return Err(CtlError::message(
            "give the sources to stop: ids, files, or -s",
        ));
    }
    Ok(message)
}

/// Renders the answer.
pub fn print(response: &OperateSourceResponse, format: Format) -> String {
    match format {
        Format::Json => json::render(response),
        Format::Table => worker_answers(response.result, &response.msg, &response.sources),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(files: &[&str]) -> Args {
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        Args {
            action: None,
            files,
            worker: String::new(),
            print_sample_config: false,
        }
    }

    #[test]
    fn an_argument_that_is_no_file_is_an_id() {
        let request =
            message(Action::Stop, &args(&["mysql-01"]), &["mysql-02".into()]).expect("ids");
        assert_eq!(request.source_id, ["mysql-01", "mysql-02"]);
        assert!(message(Action::Stop, &args(&[]), &[]).is_err());
        assert!(message(Action::Show, &args(&[]), &[]).is_ok());
    }

    #[test]
    fn create_needs_files_that_are_there() {
        assert!(message(Action::Create, &args(&[]), &[]).is_err());
        assert!(message(Action::Create, &args(&["/nowhere/source.yaml"]), &[]).is_err());
    }

    #[test]
    fn the_sample_is_a_valid_source() {
        dm_model::SourceConfig::parse(SAMPLE).expect("valid");
    }
}
