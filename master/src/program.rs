//! From command line to exit code: 0 for a normal end, 2 when the configuration, logging or the start fails.

use std::{io::Write, process::ExitCode, time::Duration};

use dm_model::DmError;
use dm_proto::telemetry;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use crate::{
    config::{Config, Invocation, Settings},
    recover,
    server::Master,
};

/// Two threads are plenty for a master, and each one costs memory.
const WORKER_THREADS: usize = 2;
/// DM's exit code for everything that keeps a master from starting.
const EXIT_START_FAILED: u8 = 2;

/// Runs the program.
pub fn main() -> ExitCode {
    let mut args = std::env::args_os();
    if args.nth(1).is_some_and(|word| word == "recover") {
        return recover(args);
    }
    match Settings::read(std::env::args_os()) {
        Ok(Invocation::Print(text)) => {
            // Whoever closed the pipe does not want to read on.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Ok(Invocation::Run(settings)) => match Config::new(&settings).and_then(run) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        Err(error) => failed(&error),
    }
}

fn recover(args: std::env::ArgsOs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| start_error("the runtime", &error));
    match runtime.and_then(|runtime| runtime.block_on(recover::run(args))) {
        Ok(text) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &DmError) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "dm-master: {error}");
    ExitCode::from(EXIT_START_FAILED)
}

fn run(config: Config) -> Result<(), DmError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .thread_name("dm-master")
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| start_error("the runtime", &error))?;
    runtime.block_on(serve(config))
}

fn start_error(what: &str, cause: &dyn std::fmt::Display) -> DmError {
    DmError::new(
        &dm_model::codes::MASTER_START_SERVICE,
        format!("{what} can't be set up"),
    )
    .with_cause(cause)
}

async fn serve(config: Config) -> Result<(), DmError> {
    let log_file = config.log_file.clone();
    let guard = telemetry::init(
        "dm-master",
        &config.log_level,
        config.log_format,
        log_file,
        config.otlp_endpoint.clone(),
    );
    let _guard = guard.map_err(|error| start_error("logging", &error))?;
    for notice in &config.notices {
        warn!("{notice}");
    }
    let mut signals = Signals::new().map_err(|error| start_error("signal handling", &error))?;
    info!(name = config.name, data_dir = %config.data_dir.display(), version = dm_proto::version::RELEASE, "starting");
    let started = tokio::select! {
        started = Master::start(config) => started,
        name = signals.any() => {
            info!(signal = name, "stopped before the cluster was formed");
            return Ok(());
        }
    };
    let mut master = started.inspect_err(|error| error!(%error, "start failed"))?;
    notify(&[NotifyState::Ready]);
    let watchdog = tokio::spawn(watchdog());
    let ended = tokio::select! {
        name = signals.any() => {
            info!(signal = name, "stopping");
            Ok(())
        }
        why = master.failed() => Err(start_error("the server", &why)),
    };
    notify(&[NotifyState::Stopping]);
    watchdog.abort();
    master.stop().await;
    info!("stopped");
    ended
}

fn notify(states: &[NotifyState]) {
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(states);
}

/// Tells systemd that the runtime still turns, when it asks for it.
async fn watchdog() {
    let Some(timeout) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut tick = tokio::time::interval((timeout / 2).max(Duration::from_millis(100)));
    loop {
        tick.tick().await;
        notify(&[NotifyState::Watchdog]);
    }
}

/// The signals that stop a master gracefully.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    async fn any(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => "SIGHUP",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}
