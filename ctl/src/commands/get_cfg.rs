//! What `config` and `get-config` have in common: the text of a configuration, shown or written to a file.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _};

use dm_proto::{
    json,
    pb::{CfgType, GetCfgRequest, GetCfgResponse},
};

use crate::{
    CtlError,
    commands::Context,
    output::{Format, outcome},
};

/// Configurations hold passwords, if only masked ones.
const FILE_MODE: u32 = 0o600;

/// Which kind of configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CfgKind {
    /// Of a task.
    Task,
    /// Of a source.
    Source,
    /// Of a master.
    Master,
    /// Of a worker.
    Worker,
    /// Of a task template.
    TaskTemplate,
}

/// Which configuration, and where to.
#[derive(Debug)]
pub struct Wanted {
    /// Its kind.
    pub kind: CfgKind,
    /// Its name.
    pub name: String,
    /// File to write it to instead of printing it.
    pub file: Option<String>,
}

/// Asks the master, and writes the file if one is wanted.
pub async fn call(wanted: &Wanted, ctx: &Context) -> Result<GetCfgResponse, CtlError> {
    let kind = match wanted.kind {
        CfgKind::Task => CfgType::TaskType,
        CfgKind::Source => CfgType::SourceType,
        CfgKind::Master => CfgType::MasterType,
        CfgKind::Worker => CfgType::WorkerType,
        CfgKind::TaskTemplate => CfgType::TaskTemplateType,
    };
    let message = GetCfgRequest {
        r#type: kind.into(),
        name: wanted.name.clone(),
    };
    let mut response = ctx
        .client
        .query(message, async |mut master, request| {
            master.get_cfg(request).await
        })
        .await?;
    if let (true, Some(file)) = (response.result, &wanted.file) {
        write(file, &response.cfg)?;
        response.cfg.clear();
        response.msg = format!("write config to file {file} succeed");
    }
    Ok(response)
}

fn write(path: &str, text: &str) -> Result<(), CtlError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(FILE_MODE)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| CtlError::message(format!("cannot write file {path}: {error}")))
}

/// Renders the answer.
pub fn print(response: &GetCfgResponse, format: Format) -> String {
    match format {
        Format::Json => json::render(response),
        Format::Table if response.result && !response.cfg.is_empty() => response.cfg.clone(),
        Format::Table => outcome(response.result, &response.msg),
    }
}
