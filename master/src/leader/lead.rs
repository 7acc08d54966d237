//! Begins a term when this master is elected, and ends it when it is not leader any more.

use std::{sync::Arc, time::Duration};

use dm_proto::v1::{Command, Settings, command::Kind};
use prost::Message;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Term, schedule};
use crate::{membership, metrics, raft::Leadership, replica::Replica, replicated::Replicated};

/// Longest single wait for a new leader to catch up with its own log; then it tries again.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two tries to catch up.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(50);
/// Longest hand-over of leadership.
const EVICT_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before the next try to hand leadership over.
const EVICT_PAUSE: Duration = Duration::from_secs(1);

/// What a leader imposes on the cluster.
#[derive(Debug, Clone)]
pub struct LeaderOptions {
    /// Lease TTL from the configuration; None leaves the cluster's.
    pub lease_ttl_ms: Option<u64>,
    /// True while an operator does not want this master to lead.
    pub evicted: watch::Receiver<bool>,
}

/// Follows leadership until `stop`. `current` shows the running term to everybody else.
pub async fn lead(
    replica: Arc<dyn Replica>,
    replicated: Arc<Replicated>,
    options: LeaderOptions,
    current: watch::Sender<Option<Arc<Term>>>,
    stop: CancellationToken,
) {
    let mut leadership = replica.leadership();
    loop {
        let now = leadership.borrow_and_update().clone();
        if now.is_leader {
            tokio::select! {
                () = stop.cancelled() => {}
                () = lost(&mut leadership, now.term) => {}
                () = evict(&replica, options.evicted.clone()) => {}
                () = run_term(&replica, &replicated, &options, &current, now.term) => {}
            }
            end_term(&current);
        } else {
            tokio::select! {
                () = stop.cancelled() => {}
                changed = leadership.changed() => if changed.is_err() { return },
            }
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

/// Returns when this master no longer leads in this term.
async fn lost(leadership: &mut watch::Receiver<Leadership>, term: u64) {
    let gone = |now: &Leadership| !now.is_leader || now.term != term;
    // An error means that raft has stopped, which ends the term as well.
    let _ = leadership.wait_for(gone).await;
}

/// Gives leadership away while evicted. Ends never: what ends the term is that another master leads.
async fn evict(replica: &Arc<dyn Replica>, mut evicted: watch::Receiver<bool>) {
    loop {
        if evicted.wait_for(|evicted| *evicted).await.is_err() {
            return std::future::pending().await;
        }
        if let Err(error) = replica.step_down(EVICT_TIMEOUT).await {
            warn!(%error, "evicted, but leadership can't be handed over");
        }
        tokio::time::sleep(EVICT_PAUSE).await;
    }
}

async fn run_term(
    replica: &Arc<dyn Replica>,
    replicated: &Arc<Replicated>,
    options: &LeaderOptions,
    current: &watch::Sender<Option<Arc<Term>>>,
    number: u64,
) {
    // Without this, a lease granted by the last leader could look free.
    while let Err(error) = replica.linearizable(CATCH_UP_TIMEOUT).await {
        warn!(%error, "elected, but a quorum does not confirm it yet");
        tokio::time::sleep(CATCH_UP_PAUSE).await;
    }
    let term = Arc::new(replicated.read(|state| Term::new(number, state)));
    metrics::START_LEADER.inc();
    info!(term = number, "this master leads");
    current.send_replace(Some(term.clone()));
    impose_settings(replica, replicated, options).await;
    tokio::join!(
        schedule::run(replica, replicated, &term),
        membership::tend(replica, replicated, &term),
    );
}

fn end_term(current: &watch::Sender<Option<Arc<Term>>>) {
    if let Some(term) = current.send_replace(None) {
        metrics::hide_workers();
        info!(term = term.number, "this master no longer leads");
        term.over.cancel();
    }
}

async fn impose_settings(
    replica: &Arc<dyn Replica>,
    replicated: &Arc<Replicated>,
    options: &LeaderOptions,
) {
    let Some(lease_ttl_ms) = options.lease_ttl_ms else {
        return;
    };
    if replicated.read(|state| state.settings.lease_ttl_ms) == lease_ttl_ms {
        return;
    }
    let command = Command {
        kind: Some(Kind::Settings(Settings { lease_ttl_ms })),
        ..Command::default()
    };
    if let Err(error) = replica
        .propose(command.encode_to_vec(), CATCH_UP_TIMEOUT)
        .await
    {
        warn!(%error, lease_ttl_ms, "lease-ttl not set; the next leader tries again");
    }
}
