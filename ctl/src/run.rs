//! One invocation: arguments in, exit code out.

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, error::ErrorKind};
use dm_proto::{
    telemetry::{self, LogFormat},
    transport::Security,
    version,
};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Instrument as _;

use crate::{
    CtlError,
    cli::{Cli, Global, normalize},
    client::{Client, RPC_TIMEOUT_DEFAULT},
    commands::{Command, Context, context::emit},
    duration, output, task_file,
};

/// DM's dmctl ends with 0 when terminated, and with 1 by every other signal.
const SIGNALS: [(SignalKind, &str, u8); 4] = [
    (SignalKind::terminate(), "terminated", 0),
    (SignalKind::interrupt(), "interrupt", 1),
    (SignalKind::hangup(), "hangup", 1),
    (SignalKind::quit(), "quit", 1),
];

/// Runs `dmctl` with these arguments, the first being the program's name.
pub async fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = args
        .into_iter()
        .map(|arg| arg.to_string_lossy().into_owned());
    let outcome = tokio::select! {
        outcome = invoke(normalize(args)) => outcome,
        (name, code) = interrupted() => {
            // Here the invocation is dropped already, and with it what it was drawing.
            println!("\nGot signal [{name}] to exit.");
            return ExitCode::from(code);
        }
    };
    match outcome {
        Ok(()) | Err(CtlError::OutputClosed) => ExitCode::SUCCESS,
        Err(error) => {
            if let CtlError::Usage(usage) = &error {
                // The error itself still reaches standard error.
                let _ = emit(usage);
            }
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn invoke(args: Vec<String>) -> Result<(), CtlError> {
    let Some(cli) = parse(args)? else {
        return Ok(());
    };
    if cli.global.version {
        // DM's dmctl adds a blank line.
        return emit(&format!("{}\n", version::block()));
    }
    let Some(command) = cli.command else {
        return emit(&Cli::command().render_help().to_string());
    };
    call(command, cli.global).await
}

async fn call(command: Command, global: Global) -> Result<(), CtlError> {
    let endpoint = global.otlp_endpoint.clone();
    let telemetry = telemetry::init("dmctl", "error", LogFormat::Text, None, endpoint);
    let _guard = telemetry.map_err(|error| CtlError::message(error.to_string()))?;
    let ctx = context(global)?;
    let span = tracing::info_span!(
        "dmctl",
        otel.name = format!("dmctl {}", command.name()),
        otel.kind = "client"
    );
    command.run(&ctx).instrument(span).await
}

/// Nothing when clap already answered (help).
fn parse(args: Vec<String>) -> Result<Option<Cli>, CtlError> {
    let matches = Cli::command().try_get_matches_from(args);
    match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => Ok(Some(cli)),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            emit(&error.to_string()).map(|()| None)
        }
        Err(error) if is_unknown_command(&error) => {
            let typed = error
                .get(clap::error::ContextKind::InvalidSubcommand)
                .map(ToString::to_string)
                .unwrap_or_default();
            Err(CtlError::message(format!(
                "unknown command \"{typed}\" for \"dmctl\"\nRun 'dmctl --help' for usage."
            )))
        }
        Err(error) => Err(CtlError::Usage(error.to_string())),
    }
}

fn is_unknown_command(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::InvalidSubcommand
}

/// The keys of dmctl.toml.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct ConfigFile {
    master_addr: Option<String>,
    rpc_timeout: Option<String>,
    ssl_ca: Option<String>,
    ssl_cert: Option<String>,
    ssl_key: Option<String>,
    #[serde(rename = "cert-allowed-cn")]
    _cert_allowed_cn: Option<Vec<String>>,
}

/// Flags, then the environment, then the file. (DM reads the file and lets even absent flags overwrite it.)
fn context(global: Global) -> Result<Context, CtlError> {
    let file = match &global.config {
        Some(path) => read_config(path)?,
        None => ConfigFile::default(),
    };
    let from_file = file
        .rpc_timeout
        .as_deref()
        .map(duration::parse)
        .transpose()
        .map_err(CtlError::message)?;
    let query_timeout = global
        .rpc_timeout
        .or(from_file)
        .unwrap_or(RPC_TIMEOUT_DEFAULT);
    let security = match global.ssl_ca.or(file.ssl_ca).filter(|ca| !ca.is_empty()) {
        None => Security::Plain,
        Some(ca_file) => Security::Tls {
            ca_file,
            cert_file: global.ssl_cert.or(file.ssl_cert).unwrap_or_default(),
            key_file: global.ssl_key.or(file.ssl_key).unwrap_or_default(),
        },
    };
    let addr = global
        .master_addr
        .filter(|addr| !addr.is_empty())
        .or(file.master_addr)
        .unwrap_or_default();
    Ok(Context {
        client: Client::new(&addr, security, query_timeout),
        sources: global
            .sources
            .into_iter()
            .filter(|source| !source.is_empty())
            .collect(),
        format: output::Format::choose(global.output),
    })
}

fn read_config(path: &str) -> Result<ConfigFile, CtlError> {
    let wrong = |cause: String| {
        CtlError::message(format!(
            "the --config parameter is invalid or used incorrectly: {cause}"
        ))
    };
    let text = task_file::read(path).map_err(|error| wrong(error.to_string()))?;
    toml::from_str(&text).map_err(|error| wrong(format!("{path}: {error}")))
}

async fn interrupted() -> (&'static str, u8) {
    let waits = SIGNALS.map(|(kind, name, code)| {
        Box::pin(async move {
            match signal(kind) {
                Ok(mut stream) => stream.recv().await,
                Err(_) => std::future::pending().await,
            };
            (name, code)
        })
    });
    futures::future::select_all(waits).await.0
}
