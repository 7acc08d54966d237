//! Runs the scheduler: look, plan, propose, again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use dm_proto::v1::{Command, Grant, Outcome, Release, RetimeLease, command::Kind};
use futures::{StreamExt, stream};
use prost::Message;
use tracing::{debug, warn};

use super::Term;
use crate::{
    clock, metrics,
    replica::Replica,
    replicated::Replicated,
    scheduler::{Action, plan},
};

/// Proposals in flight at once: enough to move 500 sources within a second, small enough for any queue.
const PROPOSALS_MAX: usize = 64;
/// Longest wait for one proposal.
const PROPOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed proposal.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Looks per TTL when nothing happens: expiry is noticed within a twentieth of it.
const LOOKS_PER_TTL: u64 = 20;
/// Bounds of the pause between two looks.
const LOOK_PAUSE_MS: (u64, u64) = (10, 250);

/// Runs until the caller drops it.
pub(super) async fn run(
    replica: &Arc<dyn Replica>,
    replicated: &Arc<Replicated>,
    term: &Arc<Term>,
) {
    let mut applied = replicated.watch();
    loop {
        applied.borrow_and_update();
        let actions = decide(replicated, term);
        let proposals = actions.into_iter().filter_map(to_command);
        let done = stream::iter(proposals)
            .map(|command| propose(replica, command))
            .buffer_unordered(PROPOSALS_MAX);
        let all_done = done.fold(true, |all, one| async move { all && one }).await;
        if !all_done {
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        let ttl_ms = replicated.read(|state| state.settings.lease_ttl_ms);
        let pause_ms = (ttl_ms / LOOKS_PER_TTL).clamp(LOOK_PAUSE_MS.0, LOOK_PAUSE_MS.1);
        tokio::select! {
            _ = applied.changed() => {}
            () = term.wake.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
        }
    }
}

/// Plans, and refuses from now on to renew what the plan replaces (R31).
fn decide(replicated: &Replicated, term: &Term) -> Vec<Action> {
    let actions = replicated.read(|state| {
        let mut keeper = term.keeper();
        let observed = keeper.observe(state, term.hub.seen(), clock::now_ms());
        let actions = plan(state, &observed);
        for action in &actions {
            if let Action::Grant {
                source_id,
                expected_epoch,
                ..
            }
            | Action::Release {
                source_id,
                expected_epoch,
            } = action
            {
                keeper.refuse_renewal(source_id, *expected_epoch);
            }
        }
        metrics::show_workers(state, &observed);
        actions
    });
    let draining: BTreeSet<(String, u64)> = actions.iter().filter_map(drained).collect();
    term.draining.send_if_modified(|now| {
        let differs = *now != draining;
        *now = draining;
        differs
    });
    actions
}

fn drained(action: &Action) -> Option<(String, u64)> {
    match action {
        Action::Drain { source_id, epoch } => Some((source_id.clone(), *epoch)),
        _ => None,
    }
}

fn to_command(action: Action) -> Option<Command> {
    let kind = match action {
        Action::Grant {
            source_id,
            worker,
            incarnation,
            expected_epoch,
        } => Kind::Grant(Grant {
            source_id,
            worker,
            incarnation,
            expected_epoch,
            ttl_ms: 0,
        }),
        Action::Release {
            source_id,
            expected_epoch,
        } => Kind::Release(Release {
            source_id,
            expected_epoch,
        }),
        Action::Retime {
            source_id,
            expected_epoch,
            ttl_ms,
        } => Kind::RetimeLease(RetimeLease {
            source_id,
            expected_epoch,
            ttl_ms,
        }),
        Action::Drain { .. } => return None,
    };
    Some(Command {
        kind: Some(kind),
        ..Command::default()
    })
}

/// True when the command was carried out, or refused because the state had moved on.
async fn propose(replica: &Arc<dyn Replica>, command: Command) -> bool {
    match replica
        .propose(command.encode_to_vec(), PROPOSE_TIMEOUT)
        .await
    {
        Ok((index, answer)) => {
            let outcome = Outcome::decode(answer.as_slice()).unwrap_or_default();
            if !outcome.ok {
                debug!(index, message = outcome.message, "the plan was out of date");
            }
            true
        }
        Err(error) => {
            warn!(%error, "proposal of the scheduler failed");
            false
        }
    }
}
