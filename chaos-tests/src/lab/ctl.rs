use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Binaries, Process};

/// Longer than any bounded wait of dmctl.
const ANSWER_MAX: Duration = Duration::from_secs(90);

/// How the report of a pre-check begins.
const CHECK_REPORT: &str = "fail to check synchronization configuration with type";

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
    /// Standard output as JSON. The report of a pre-check stands in it unescaped, as DM's users know it; here it
    /// becomes a string again.
    pub fn json(&self) -> Result<Value> {
        let parsed = match self.stdout.split_once(CHECK_REPORT) {
            Some((before, report)) => {
                let (report, end) = report.rsplit_once('"').unwrap_or((report, "}"));
                let report = Value::from(format!("{CHECK_REPORT}{report}")).to_string();
                serde_json::from_str(&format!("{}{report}{end}", before.trim_end_matches('"')))
            }
            None => serde_json::from_str(&self.stdout),
        };
        parsed.with_context(|| format!("no JSON from dmctl: {self}"))
    }
}

impl std::fmt::Display for CtlOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n{}{}", self.code, self.stdout, self.stderr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_report_becomes_a_string() -> Result<()> {
        let stdout = format!(
            "{{\n \"result\": true,\n \"checkResult\": \"{CHECK_REPORT}: a\n\t\"b\": 1}}\"\n}}"
        );
        let output = CtlOutput {
            code: 0,
            stdout,
            stderr: String::new(),
        };
        let json = output.json()?;
        assert_eq!(json["result"], true);
        assert_eq!(
            json["checkResult"],
            format!("{CHECK_REPORT}: a\n\t\"b\": 1}}")
        );
        Ok(())
    }
}
