//! What one surviving data folder has.

use std::path::{Path, PathBuf};

use dm_model::{DmError, codes};
use dm_raft_store::{Machine, PeerNode, Remains, Store};

use crate::{
    raft::{DataFolder, Identity},
    replicated::{CommandMachine, Replicated},
    state::State,
};

/// A folder, read whole.
pub(super) struct Survivor {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) term: u64,
    pub(super) last_index: u64,
    pub(super) committed_index: u64,
    /// Other masters of its cluster.
    pub(super) others: Vec<PeerNode>,
    pub(super) state: State,
}

impl Survivor {
    /// Reads the folder under its lock: the master must not run. Nothing in it is changed.
    pub(super) async fn read(path: &Path) -> Result<Self, DmError> {
        let folder = DataFolder::open_existing(path)?;
        let identity = folder.identity().clone();
        let trouble = |error: &dyn std::fmt::Display| {
            DmError::new(
                &codes::MASTER_START_SERVICE,
                format!("data folder {} can't be recovered from", path.display()),
            )
            .with_cause(error)
        };
        let store = Store::open(&folder.store_path()).map_err(|error| trouble(&error))?;
        let remains = store.remains().await.map_err(|error| trouble(&error))?;
        let state = replay(&remains).map_err(|error| trouble(&error))?;
        let membership = remains.membership.membership();
        let others = membership
            .nodes()
            .filter(|(id, _)| **id != identity.node_id)
            .map(|(_, node)| node.clone())
            .collect();
        Ok(Survivor {
            path: path.to_path_buf(),
            term: remains.term,
            last_index: remains.last.map_or(0, |id| id.index),
            committed_index: remains.committed.map_or(0, |id| id.index),
            others,
            state,
            identity,
        })
    }

    /// Raft's order of logs.
    pub(super) fn rank(&self) -> (u64, u64) {
        (self.term, self.last_index)
    }
}

/// All entries, also those that were not known to be committed: they may have been acknowledged.
fn replay(remains: &Remains) -> Result<State, String> {
    let replicated = Replicated::new();
    let mut machine = CommandMachine::new(replicated.clone());
    if let Some(snapshot) = &remains.snapshot {
        machine.restore(&snapshot.snapshot)?;
    }
    for entry in &remains.entries {
        if let openraft::EntryPayload::Normal(payload) = &entry.payload {
            machine.apply(entry.log_id.index, &payload.0)?;
        }
    }
    Ok(replicated.read(State::clone))
}
