//! The leader's loop over the membership and the state level.

use std::{sync::Arc, time::Duration};

use dm_model::DmError;
use dm_proto::v1::{Command, RaiseStateLevel, command::Kind};
use prost::Message;
use tracing::{debug, info, warn};

use crate::{
    leader::Term, raft::ProposeError, replica::Replica, replicated::Replicated, state::LEVEL_MAX,
};

/// How often the leader looks; a removal rings at once.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Longest single change.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// Leadership is handed over before the leader itself is removed.
const STEP_DOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// What a program that names no state level understands.
const LEVEL_UNNAMED: u32 = 1;

/// Runs until the caller drops it, which is when the term ends.
pub async fn tend(replica: &Arc<dyn Replica>, replicated: &Arc<Replicated>, term: &Arc<Term>) {
    let mut applied = replicated.watch();
    loop {
        applied.borrow_and_update();
        if let Err(error) = look(replica, replicated).await {
            debug!(%error, term = term.number, "the membership is tended again later");
        }
        let ring = async {
            // Only a removal is urgent; other entries wait for the next look.
            while applied.changed().await.is_ok() {
                if leaving(replica, replicated).is_some() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(LOOK_INTERVAL, ring).await;
    }
}

/// A member that the log says shall leave.
fn leaving(replica: &Arc<dyn Replica>, replicated: &Arc<Replicated>) -> Option<u64> {
    let members = replica.members();
    replicated.read(|state| {
        let mut ids = members.iter().map(|member| member.node_id);
        ids.find(|id| state.removed_masters.contains_key(id))
    })
}

async fn look(replica: &Arc<dyn Replica>, replicated: &Arc<Replicated>) -> Result<(), DmError> {
    if let Some(node_id) = leaving(replica, replicated) {
        if node_id == replica.node_id() {
            info!("this leader shall leave: another one takes over");
            return replica.step_down(STEP_DOWN_TIMEOUT).await;
        }
        replica.remove(node_id, CHANGE_TIMEOUT).await?;
        info!(node_id = format!("{node_id:x}"), "a master has left");
    }
    let voters = replica.tend_membership(CHANGE_TIMEOUT).await?;
    if !voters.is_empty() {
        info!(masters = voters.join(","), "have caught up and vote now");
    }
    raise_level(replica, replicated).await?;
    Ok(())
}

/// To the highest level that every member supports; one that does not answer holds it back.
async fn raise_level(
    replica: &Arc<dyn Replica>,
    replicated: &Arc<Replicated>,
) -> Result<(), ProposeError> {
    let level = replicated.read(|state| state.level.0);
    if level >= LEVEL_MAX {
        return Ok(());
    }
    let replies = replica.identify_members().await;
    let others = replica.members().len().saturating_sub(1);
    if replies.len() < others {
        return Ok(());
    }
    let supported = replies
        .values()
        .map(|reply| reply.state_level_max.max(LEVEL_UNNAMED))
        .fold(LEVEL_MAX, u32::min);
    if supported <= level {
        return Ok(());
    }
    let command = Command {
        kind: Some(Kind::RaiseStateLevel(RaiseStateLevel { level: supported })),
        ..Command::default()
    };
    replica
        .propose(command.encode_to_vec(), CHANGE_TIMEOUT)
        .await
        .inspect_err(|error| warn!(%error, "the state level was not raised"))?;
    Ok(())
}
