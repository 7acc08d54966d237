//! A small machine, and helpers to write a log without openraft's core.

use std::sync::{Arc, RwLock};

use dm_raft_store::types::{Entry, LogId, Membership};
use dm_raft_store::{LogStore, Machine, Payload, Store};
use openraft::entry::RaftEntry;
use openraft::storage::RaftLogStorageExt;
use openraft::vote::RaftLeaderId;

/// Remembers every payload with its index.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Tape(pub(crate) Vec<(u64, Vec<u8>)>);

impl Machine for Tape {
    fn apply(&mut self, index: u64, payload: &[u8]) -> Result<Vec<u8>, String> {
        self.0.push((index, payload.to_vec()));
        Ok(self.0.len().to_string().into_bytes())
    }

    fn snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("a tape is JSON")
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0 = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        Ok(())
    }
}

pub(crate) fn tape() -> Arc<RwLock<Tape>> {
    Arc::default()
}

pub(crate) fn folder() -> tempfile::TempDir {
    let shm = std::path::Path::new("/dev/shm");
    if shm.is_dir() {
        tempfile::tempdir_in(shm)
    } else {
        tempfile::tempdir()
    }
    .expect("a temporary folder")
}

pub(crate) fn open(folder: &tempfile::TempDir) -> Arc<Store> {
    Store::open(folder.path()).expect("the store opens")
}

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    type LeaderId = openraft::type_config::alias::LeaderIdOf<dm_raft_store::TypeConfig>;
    LogId::new(LeaderId::new(term, 1).to_committed(), index)
}

pub(crate) fn entry(index: u64) -> Entry {
    Entry::new_normal(
        log_id(1, index),
        Payload(format!("command {index}").into_bytes()),
    )
}

pub(crate) fn membership() -> Membership {
    Membership::default()
}

pub(crate) async fn append(log: &mut LogStore, indexes: std::ops::Range<u64>) {
    log.blocking_append(indexes.map(entry))
        .await
        .expect("the append is acknowledged");
}
