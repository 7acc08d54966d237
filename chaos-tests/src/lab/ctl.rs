use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Binaries, Process};

/// Longer than any bounded wait of dmctl.
const ANSWER_MAX: Duration = Duration::from_secs(90);

/// Runs dmctl against a list of masters.
#[derive(Clone, Debug)]
pub struct Ctl {
    master_addr: String,
}

/// What one run of dmctl said.
#[derive(Clone, Debug)]
pub struct CtlOutput {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ctl {
    /// `master_addr` as in `--master-addr`.
    #[must_use]
    pub fn new(master_addr: impl Into<String>) -> Self {
        Self {
            master_addr: master_addr.into(),
        }
    }

    /// The list of masters.
    #[must_use]
    pub fn master_addr(&self) -> &str {
        &self.master_addr
    }

    /// Runs a command and takes what comes.
    pub async fn run(&self, args: &[&str]) -> Result<CtlOutput> {
        let mut command = tokio::process::Command::from(self.command()?);
        command.args(args).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(ANSWER_MAX, command.output())
            .await
            .with_context(|| {
                format!("dmctl {} did not end within {ANSWER_MAX:?}", args.join(" "))
            })??;
        Ok(CtlOutput {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a command that must answer `"result": true`; returns the JSON.
    pub async fn ok(&self, args: &[&str]) -> Result<Value> {
        let output = self.run(args).await?;
        let json = output
            .json()
            .with_context(|| format!("dmctl {}", args.join(" ")))?;
        if output.code != 0 || json.get("result") != Some(&Value::Bool(true)) {
            bail!("dmctl {} failed: {output}", args.join(" "));
        }
        Ok(json)
    }

    /// The command line of dmctl, for who starts it otherwise.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(Binaries::find()?.path("dmctl")?);
        command
            .arg("--master-addr")
            .arg(&self.master_addr)
            .current_dir(std::env::temp_dir());
        Ok(command)
    }

    /// Starts a command that goes on (`query-status --watch`) with its output in `log`.
    pub fn start(&self, args: &[&str], log: &std::path::Path) -> Result<Process> {
        let mut command = self.command()?;
        command.args(args);
        Process::start("dmctl", command, log)
    }
}

impl CtlOutput {
    /// Standard output as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("no JSON from dmctl: {self}"))
    }
}

impl std::fmt::Display for CtlOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n{}{}", self.code, self.stdout, self.stderr)
    }
}
