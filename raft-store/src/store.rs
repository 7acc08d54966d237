//! The store: opened once, checked whole, shared by log and state machine.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::kv::{Change, KeyValue, LOGS, META, SNAPSHOT};
use crate::log_store::LogStore;
use crate::machine::Machine;
use crate::record::Place;
use crate::rocks::Rocks;
use crate::state_machine::StateMachine;
use crate::types::{Entry, LogId, Types};

/// Above every key of the log, whose keys have eight bytes.
pub(crate) const LOG_END: [u8; 9] = [0xff; 9];
/// Above every key of a snapshot, whose keys have twelve bytes.
pub(crate) const SNAPSHOT_END: [u8; 13] = [0xff; 13];

pub(crate) const VOTE: &str = "vote";
pub(crate) const COMMITTED: &str = "committed";
pub(crate) const PURGED: &str = "purged";

/// An open store.
pub struct Store {
    kv: Arc<dyn KeyValue>,
    /// Held while a snapshot is written: one that is built here and one that the leader sends may come at once.
    pub(crate) saving_snapshot: tokio::sync::Mutex<()>,
}

impl Store {
    /// Opens or creates the store in `folder`, and reads the whole log once: a damaged record shall be
    /// found now, not when this member leads. Two processes can't open one folder.
    pub fn open(folder: &Path) -> Result<Arc<Self>, StoreError> {
        Self::over(Arc::new(Rocks::open(folder)?))
    }

    /// The store over any map; see [`KeyValue`].
    pub fn over(kv: Arc<dyn KeyValue>) -> Result<Arc<Self>, StoreError> {
        let store = Arc::new(Self {
            kv,
            saving_snapshot: tokio::sync::Mutex::new(()),
        });
        store.check_log()?;
        Ok(store)
    }

    /// The log and vote.
    pub fn log(self: &Arc<Self>) -> LogStore {
        LogStore::new(self.clone())
    }

    /// The log and vote for other parameters of openraft.
    pub fn log_of<C: Types>(self: &Arc<Self>) -> LogStore<C> {
        LogStore::new(self.clone())
    }

    /// The state machine around `machine`, which must be new: openraft brings it up to date.
    pub fn state_machine<M: Machine>(self: &Arc<Self>, machine: Arc<RwLock<M>>) -> StateMachine {
        self.state_machine_of(machine)
    }

    /// The state machine for other parameters of openraft.
    pub fn state_machine_of<C: Types, M: Machine>(
        self: &Arc<Self>,
        machine: Arc<RwLock<M>>,
    ) -> StateMachine<C> {
        StateMachine::new(self.clone(), machine)
    }

    /// True when nothing was ever stored: no vote, no entry, no snapshot.
    pub fn is_pristine(&self) -> Result<bool, StoreError> {
        let vote: Option<crate::types::Vote> = self.read_meta(VOTE)?;
        let purged: Option<LogId> = self.read_meta(PURGED)?;
        let entries = self.kv.last_upto(LOGS, &LOG_END)?;
        let snapshots = self.kv.last_upto(SNAPSHOT, &SNAPSHOT_END)?;
        Ok(vote.is_none() && purged.is_none() && entries.is_none() && snapshots.is_none())
    }

    /// Bytes of the database on disk, for metrics.
    pub fn disk_bytes(&self) -> u64 {
        self.kv.disk_bytes()
    }

    pub(crate) fn kv(&self) -> &dyn KeyValue {
        &*self.kv
    }

    /// Waits until all that is written is on disk.
    pub(crate) async fn sync(&self) -> Result<(), StoreError> {
        let (sender, receiver) = oneshot::channel();
        // A writer that gave up needs no answer.
        self.kv
            .sync_then(Box::new(|outcome| drop(sender.send(outcome))))
            .await?;
        receiver.await.map_err(|_| StoreError::Closed)?
    }

    pub(crate) fn read_meta<T: DeserializeOwned>(
        &self,
        key: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let place = Place {
            family: META,
            key: key.as_bytes(),
        };
        let found = self.kv.get(META, key.as_bytes())?;
        found.map(|framed| place.decode(&framed)).transpose()
    }

    pub(crate) fn write_meta<T: Serialize>(
        &self,
        key: &'static str,
        value: &T,
    ) -> Result<(), StoreError> {
        let framed = Place {
            family: META,
            key: key.as_bytes(),
        }
        .encode(value)?;
        let put = Change::Put {
            family: META,
            key: key.as_bytes().to_vec(),
            value: framed,
        };
        self.kv.write("can't write", vec![put])
    }

    /// Entries from `first` up to and including `last`, in order and without a hole between them.
    pub(crate) fn read_entries(&self, first: u64, last: u64) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        self.visit_entries(first, last, |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(entries)
    }

    /// The newest entry.
    pub(crate) fn last_entry(&self) -> Result<Option<Entry>, StoreError> {
        let found = self.kv.last_upto(LOGS, &LOG_END)?;
        let decode = |(key, framed): (Vec<u8>, Vec<u8>)| {
            Place {
                family: LOGS,
                key: &key,
            }
            .decode(&framed)
        };
        found.map(decode).transpose()
    }

    /// Shows entries from `first` to `last` in order until `visit` breaks.
    pub(crate) fn visit_entries(
        &self,
        first: u64,
        last: u64,
        mut visit: impl FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut expected: Option<u64> = None;
        self.kv
            .visit(LOGS, &first.to_be_bytes(), &mut |key, framed| {
                let place = Place { family: LOGS, key };
                let damaged = |reason: String| StoreError::Damaged {
                    record: place.name(),
                    reason,
                };
                let index = <[u8; 8]>::try_from(key)
                    .map(u64::from_be_bytes)
                    .map_err(|_| damaged("its key is no index".to_string()))?;
                if index > last {
                    return Ok(ControlFlow::Break(()));
                }
                if let Some(expected) = expected.filter(|expected| *expected != index) {
                    return Err(StoreError::Hole { index: expected });
                }
                let entry: Entry = place.decode(framed)?;
                if entry.log_id.index != index {
                    return Err(damaged(format!("it holds entry {}", entry.log_id.index)));
                }
                expected = index.checked_add(1);
                Ok(visit(entry))
            })
    }

    fn check_log(&self) -> Result<(), StoreError> {
        let mut first = None;
        self.visit_entries(0, u64::MAX, |entry| {
            first.get_or_insert(entry.log_id.index);
            ControlFlow::Continue(())
        })?;
        let purged: Option<LogId> = self.read_meta(PURGED)?;
        let expected = purged.map_or(0, |id| id.index.saturating_add(1));
        match first {
            Some(first) if first > expected => Err(StoreError::Hole { index: expected }),
            _ => Ok(()),
        }
    }
}
