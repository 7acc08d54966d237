//! The database: opened once, checked whole, shared by log and state machine.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, RwLock};

use rocksdb::{ColumnFamily, ColumnFamilyDescriptor, DB, Direction, IteratorMode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{StoreError, database};
use crate::flusher::{Flusher, Waiter};
use crate::log_store::LogStore;
use crate::machine::Machine;
use crate::options;
use crate::record::Place;
use crate::state_machine::StateMachine;
use crate::types::{Entry, LogId};

pub(crate) const META: &str = "meta";
pub(crate) const LOGS: &str = "logs";
pub(crate) const SNAPSHOT: &str = "snapshot";

pub(crate) const VOTE: &str = "vote";
pub(crate) const COMMITTED: &str = "committed";
pub(crate) const PURGED: &str = "purged";

/// An open store. Two processes can't open one folder: RocksDB holds a lock on it.
pub struct Store {
    // Before `db`: its thread must end first.
    flusher: Flusher,
    db: Arc<DB>,
    /// Held while a snapshot is written: one that is built here and one that the leader sends may come at once.
    pub(crate) saving_snapshot: tokio::sync::Mutex<()>,
}

impl Store {
    /// Opens or creates the store in `folder`, and reads the whole log once: a damaged record shall be
    /// found now, not when this member leads.
    pub fn open(folder: &Path) -> Result<Arc<Self>, StoreError> {
        let cache = options::cache();
        let families = [META, LOGS, SNAPSHOT]
            .map(|name| ColumnFamilyDescriptor::new(name, options::family(&cache)));
        let db = DB::open_cf_descriptors(&options::database(), folder, families)
            .map_err(database("can't open the database"))?;
        let db = Arc::new(db);
        let flusher = Flusher::start(db.clone()).map_err(|_| StoreError::Closed)?;
        let store = Arc::new(Self {
            flusher,
            db,
            saving_snapshot: tokio::sync::Mutex::new(()),
        });
        store.check_log()?;
        Ok(store)
    }

    /// The log and vote.
    pub fn log(self: &Arc<Self>) -> LogStore {
        LogStore::new(self.clone())
    }

    /// The state machine around `machine`, which must be new: openraft brings it up to date.
    pub fn state_machine<M: Machine>(self: &Arc<Self>, machine: Arc<RwLock<M>>) -> StateMachine {
        StateMachine::new(self.clone(), machine)
    }

    /// True when nothing was ever stored: no vote, no entry, no snapshot.
    pub fn is_pristine(&self) -> Result<bool, StoreError> {
        let vote: Option<crate::types::Vote> = self.read_meta(VOTE)?;
        let purged: Option<LogId> = self.read_meta(PURGED)?;
        let mut entries = self.db.iterator_cf(self.family(LOGS)?, IteratorMode::Start);
        let mut snapshots = self
            .db
            .iterator_cf(self.family(SNAPSHOT)?, IteratorMode::Start);
        Ok(vote.is_none()
            && purged.is_none()
            && entries.next().is_none()
            && snapshots.next().is_none())
    }

    /// Bytes of the database on disk, for metrics.
    pub fn disk_bytes(&self) -> u64 {
        let property = |name| {
            let family = self.family(name).ok()?;
            self.db
                .property_int_value_cf(family, "rocksdb.total-sst-files-size")
                .ok()?
        };
        [META, LOGS, SNAPSHOT]
            .into_iter()
            .filter_map(property)
            .sum()
    }

    pub(crate) fn db(&self) -> &DB {
        &self.db
    }

    pub(crate) fn family(&self, name: &'static str) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(name).ok_or_else(|| StoreError::Damaged {
            record: name.to_string(),
            reason: "the column family is missing".to_string(),
        })
    }

    pub(crate) async fn sync(&self) -> Result<(), StoreError> {
        self.flusher.sync().await
    }

    pub(crate) async fn notify_synced(&self, waiter: Waiter) -> Result<(), StoreError> {
        self.flusher.submit(waiter).await
    }

    pub(crate) fn read_meta<T: DeserializeOwned>(
        &self,
        key: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let place = Place {
            family: META,
            key: key.as_bytes(),
        };
        let found = self
            .db
            .get_pinned_cf(self.family(META)?, key)
            .map_err(database("can't read"))?;
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
        self.db
            .put_cf(self.family(META)?, key, framed)
            .map_err(database("can't write"))
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
        let mut records = self.db.iterator_cf(self.family(LOGS)?, IteratorMode::End);
        match records.next() {
            None => Ok(None),
            Some(record) => {
                let (key, framed) = record.map_err(database("can't read the log"))?;
                Place {
                    family: LOGS,
                    key: &key,
                }
                .decode(&framed)
                .map(Some)
            }
        }
    }

    /// Shows entries from `first` to `last` in order until `visit` breaks.
    pub(crate) fn visit_entries(
        &self,
        first: u64,
        last: u64,
        mut visit: impl FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let start = first.to_be_bytes();
        let mode = IteratorMode::From(&start, Direction::Forward);
        let mut expected: Option<u64> = None;
        for record in self.db.iterator_cf(self.family(LOGS)?, mode) {
            let (key, framed) = record.map_err(database("can't read the log"))?;
            let place = Place {
                family: LOGS,
                key: &key,
            };
            let index = <[u8; 8]>::try_from(&*key)
                .map(u64::from_be_bytes)
                .map_err(|_| StoreError::Damaged {
                    record: place.name(),
                    reason: "its key is no index".to_string(),
                })?;
            if index > last {
                break;
            }
            if let Some(expected) = expected.filter(|expected| *expected != index) {
                return Err(StoreError::Hole { index: expected });
            }
            let entry: Entry = place.decode(&framed)?;
            if entry.log_id.index != index {
                return Err(StoreError::Damaged {
                    record: place.name(),
                    reason: format!("it holds entry {}", entry.log_id.index),
                });
            }
            expected = index.checked_add(1);
            if visit(entry).is_break() {
                break;
            }
        }
        Ok(())
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
