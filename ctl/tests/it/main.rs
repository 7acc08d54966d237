//! The `dmctl` program against masters that only exist here.

mod election;
mod exit_codes;
mod fake_master;
mod output;
mod trace;
mod watch;

use std::process::{Output, Stdio};

use tokio::process::Command;

/// The program, without the caller's environment getting in.
fn dmctl(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dmctl"));
    command
        .args(args)
        .env_remove("DM_MASTER_ADDR")
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn run(args: &[&str]) -> Output {
    dmctl(args).output().await.expect("dmctl runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
