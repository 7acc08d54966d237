//! The dm-worker program.

use dm_worker::config::{Invocation, WorkerConfig};
use dm_worker::process;
use std::process::ExitCode;

/// DM's exit code of a start that failed.
const EXIT_START_FAILED: u8 = 2;
/// The pipeline is I/O; two threads keep the memory small and one source from starving the session.
const RUNTIME_THREADS: usize = 2;

fn main() -> ExitCode {
    let config = match WorkerConfig::from_args(std::env::args().skip(1)) {
        Ok(Invocation::Run(config)) => *config,
        Ok(Invocation::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return failed(&error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let outcome = runtime.block_on(start(config));
    // Whatever still hangs in a system call must not delay the end.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error.as_ref()),
    }
}

async fn start(config: WorkerConfig) -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = dm_proto::telemetry::init(
        "dm-worker",
        &config.log_level,
        config.log_format,
        config.log_file.clone(),
        config.otlp_endpoint.clone(),
    )?;
    process::run(config).await?;
    Ok(())
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("dm-worker: {error}");
    ExitCode::from(EXIT_START_FAILED)
}
