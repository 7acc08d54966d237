//! One worker process from start to end.

use crate::config::WorkerConfig;
use crate::http;
use crate::lease::LeaseTable;
use crate::session::{Identity, Masters, Outbox, Session, SessionParts};
use crate::supervisor::{SubtaskSpawner, Supervisor};
use crate::sync::TableCommands;
use crate::worker_duties::WorkerDuties;
use dm_model::{DmError, Incarnation, codes};
use dm_proto::v1::{Goodbye, worker_message};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long subtasks may take to stop after a signal; what isn't stopped then is left to the fence.
const STOP_TIMEOUT: Duration = Duration::from_millis(600);
/// How long everything else may take after that.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(400);

/// Runs until a signal ends it. Errors are those of the start.
pub async fn run(config: WorkerConfig) -> Result<(), DmError> {
    for notice in &config.notices {
        tracing::warn!("{notice}");
    }
    let listener = TcpListener::bind(&config.worker_addr).await.map_err(|e| {
        DmError::new(
            &codes::WORKER_START_SERVICE,
            format!("can't listen on {}", config.worker_addr),
        )
        .with_cause(e)
    })?;
    let incarnation = Incarnation(rand::random_range(1..=u64::MAX));
    tracing::info!(name = %config.name, addr = %config.advertise_addr, incarnation = incarnation.0, "dm-worker starts");

    let outbox = Arc::new(Outbox::default());
    let leases = Arc::new(LeaseTable::new(incarnation));
    let commands = TableCommands::default();
    let supervisor = Arc::new(Supervisor::new(
        SubtaskSpawner {
            commands: commands.clone(),
            relay_dir: config.relay_dir.clone(),
        },
        Arc::clone(&leases),
        Arc::clone(&outbox),
    ));
    let duties = Arc::new(WorkerDuties::new(
        config.name.to_string(),
        Arc::clone(&supervisor),
        commands,
    ));
    let session = Arc::new(Session::new(SessionParts {
        identity: Identity {
            name: config.name.to_string(),
            addr: config.advertise_addr.clone(),
            incarnation,
        },
        masters: Arc::new(Masters::new(config.join.clone())),
        leases,
        duties: duties.clone(),
        outbox: Arc::clone(&outbox),
    }));
    duties.watch_session(session.connected());

    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(http::serve(listener, duties, stop.clone()));
    tasks.spawn({
        let (session, stop) = (Arc::clone(&session), stop.clone());
        async move { session.run(stop).await }
    });
    tasks.spawn(watchdog(stop.clone()));
    tasks.close();
    // Ready means: serving and looking for the masters. Waiting for a leader here would make systemd
    // restart workers that do nothing wrong.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);

    wait_for_signal().await.map_err(|e| {
        DmError::new(&codes::WORKER_START_SERVICE, "can't listen for signals").with_cause(e)
    })?;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    if tokio::time::timeout(STOP_TIMEOUT, supervisor.stop_all())
        .await
        .is_ok()
    {
        outbox.send(worker_message::Kind::Goodbye(Goodbye {
            leases: supervisor.leases(),
        }));
    } else {
        // No goodbye: something may still write, so the leases must run out.
        tracing::warn!("subtasks didn't stop in time; their leases run out by themselves");
    }
    stop.cancel();
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, tasks.wait()).await;
    tracing::info!("dm-worker ends");
    Ok(())
}

async fn wait_for_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        _ = hangup.recv() => "SIGHUP",
        _ = quit.recv() => "SIGQUIT",
    };
    tracing::info!(signal = name, "stopping");
    Ok(())
}

/// Tells systemd that the runtime still turns, when it asked for that.
async fn watchdog(stop: CancellationToken) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut ticks = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
        }
    }
}
