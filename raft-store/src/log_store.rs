//! openraft's log storage: entries, vote and commit mark.

use std::fmt::Debug;
use std::io;
use std::marker::PhantomData;
use std::ops::{Bound, ControlFlow, RangeBounds};
use std::sync::Arc;

use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};

use crate::error::StoreError;
use crate::kv::{Change, LOGS, META};
use crate::record::Place;
use crate::store::{COMMITTED, LOG_END, PURGED, Store, VOTE};
use crate::types::{Entry, LogId, TypeConfig, Types, Vote};

/// Bytes of payload that one read for replication collects at most (at least one entry comes).
const READ_BYTES_MAX: usize = 2 << 20;

/// The raft log and vote. Clones share the store.
pub struct LogStore<C = TypeConfig> {
    store: Arc<Store>,
    types: PhantomData<fn() -> C>,
}

impl<C> Clone for LogStore<C> {
    fn clone(&self) -> Self {
        Self::new(self.store.clone())
    }
}

impl<C> LogStore<C> {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            types: PhantomData,
        }
    }

    fn write_entries(&self, entries: impl IntoIterator<Item = Entry>) -> Result<(), StoreError> {
        let put = |entry: Entry| {
            let key = entry.log_id.index.to_be_bytes();
            let place = Place {
                family: LOGS,
                key: &key,
            };
            Ok(Change::Put {
                family: LOGS,
                value: place.encode(&entry)?,
                key: key.to_vec(),
            })
        };
        let puts: Result<Vec<Change>, StoreError> = entries.into_iter().map(put).collect();
        self.store.kv().write("can't append to the log", puts?)
    }

    fn remove_after(&self, last: Option<LogId>) -> Result<(), StoreError> {
        let first = last.map_or(0, |id| id.index.saturating_add(1));
        let remove = Change::RemoveRange {
            family: LOGS,
            from: first.to_be_bytes().to_vec(),
            to: LOG_END.to_vec(),
        };
        self.store
            .kv()
            .write("can't truncate the log", vec![remove])
    }

    fn remove_upto(&self, upto: LogId) -> Result<(), StoreError> {
        let key = PURGED.as_bytes();
        let purged = Change::Put {
            family: META,
            key: key.to_vec(),
            value: Place { family: META, key }.encode(&upto)?,
        };
        let remove = Change::RemoveRange {
            family: LOGS,
            from: 0u64.to_be_bytes().to_vec(),
            to: upto.index.saturating_add(1).to_be_bytes().to_vec(),
        };
        self.store
            .kv()
            .write("can't purge the log", vec![purged, remove])
    }
}

impl<C: Types> RaftLogReader<C> for LogStore<C> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<Entry>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        match closed(&range) {
            None => Ok(Vec::new()),
            Some((first, last)) => Ok(self.store.read_entries(first, last)?),
        }
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        let Some(last) = end.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        let mut bytes = 0usize;
        self.store.visit_entries(start, last, |entry| {
            bytes = bytes.saturating_add(payload_bytes(&entry));
            if bytes > READ_BYTES_MAX && !entries.is_empty() {
                return ControlFlow::Break(());
            }
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(entries)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.store.read_meta(VOTE)?)
    }
}

impl<C: Types> RaftLogStorage<C> for LogStore<C> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<C>, io::Error> {
        let last_purged_log_id: Option<LogId> = self.store.read_meta(PURGED)?;
        let last_log_id = self
            .store
            .last_entry()?
            .map(|entry| entry.log_id)
            .or(last_purged_log_id);
        Ok(LogState {
            last_purged_log_id,
            last_log_id,
        })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.store.write_meta(VOTE, vote)?;
        Ok(self.store.sync().await?)
    }

    // Not synced: after a power loss the mark is older, and the entries behind it are applied again as
    // soon as a leader says that they are committed.
    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        Ok(self.store.write_meta(COMMITTED, &committed)?)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        let committed: Option<Option<LogId>> = self.store.read_meta(COMMITTED)?;
        Ok(committed.flatten())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<C>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.write_entries(entries)?;
        let told = |outcome: Result<(), StoreError>| {
            callback.io_completed(outcome.map_err(io::Error::from));
        };
        Ok(self.store.kv().sync_then(Box::new(told)).await?)
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        Ok(self.remove_after(last_log_id)?)
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        Ok(self.remove_upto(log_id)?)
    }
}

fn payload_bytes(entry: &Entry) -> usize {
    match &entry.payload {
        openraft::EntryPayload::Normal(payload) => payload.0.len(),
        _ => 0,
    }
}

/// First and last index of a range; `None` when it holds none.
fn closed(range: &impl RangeBounds<u64>) -> Option<(u64, u64)> {
    let first = match range.start_bound() {
        Bound::Included(index) => *index,
        Bound::Excluded(index) => index.checked_add(1)?,
        Bound::Unbounded => 0,
    };
    let last = match range.end_bound() {
        Bound::Included(index) => *index,
        Bound::Excluded(index) => index.checked_sub(1)?,
        Bound::Unbounded => u64::MAX,
    };
    (first <= last).then_some((first, last))
}
