//! openraft's state machine around a [`Machine`] in memory.

use std::io;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use futures::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tokio::sync::watch;

use crate::error::StoreError;
use crate::machine::Machine;
use crate::snapshots;
use crate::store::Store;
use crate::types::{LogId, Membership, Reply, Snapshot, SnapshotMeta, TypeConfig, Types};

/// Applies committed entries to a machine and keeps its snapshots.
pub struct StateMachine<C = TypeConfig> {
    types: PhantomData<fn() -> C>,
    store: Arc<Store>,
    machine: Arc<RwLock<dyn Machine>>,
    applied: Option<LogId>,
    membership: Membership,
    applied_index: watch::Sender<u64>,
}

impl<C> StateMachine<C> {
    pub(crate) fn new(store: Arc<Store>, machine: Arc<RwLock<dyn Machine>>) -> Self {
        let (applied_index, _) = watch::channel(0);
        Self {
            types: PhantomData,
            store,
            machine,
            applied: None,
            membership: Membership::default(),
            applied_index,
        }
    }

    /// Index of the newest entry that the machine has seen; changes after the machine did.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.applied_index.subscribe()
    }

    fn moved_to(&mut self, applied: Option<LogId>) {
        self.applied = applied;
        self.applied_index
            .send_replace(applied.map_or(0, |id| id.index));
    }

    // A panic of the machine poisons the lock. openraft stops the member then; readers may still look.
    fn apply_payload(&self, index: u64, payload: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.machine
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .apply(index, payload)
            .map_err(|reason| StoreError::Halt { index, reason })
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            last_log_id: self.applied,
            last_membership: self.membership.clone(),
        }
    }
}

impl<C: Types> RaftStateMachine<C> for StateMachine<C> {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = SnapshotWriter<C>;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), io::Error> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<C>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(item) = entries.next().await {
            let (entry, responder) = item?;
            let reply = match &entry.payload {
                EntryPayload::Normal(payload) => {
                    self.apply_payload(entry.log_id.index, &payload.0)?
                }
                EntryPayload::Blank => Vec::new(),
                EntryPayload::Membership(membership) => {
                    self.membership = Membership::new(Some(entry.log_id), membership.clone());
                    Vec::new()
                }
            };
            self.moved_to(Some(entry.log_id));
            if let Some(responder) = responder {
                responder.send(Reply(reply));
            }
        }
        Ok(())
    }

    // The machine is turned into bytes here, between two entries; writing them happens beside apply.
    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        let data = self
            .machine
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .snapshot();
        SnapshotWriter {
            types: PhantomData,
            store: self.store.clone(),
            meta: self.meta(),
            data,
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Vec<u8>,
    ) -> Result<(), io::Error> {
        // At start openraft installs the snapshot that is stored here already.
        let stored = snapshots::newest_meta(&self.store)?;
        if stored.is_none_or(|stored| stored != *meta) {
            snapshots::save(&self.store, meta, &snapshot).await?;
        }
        self.machine
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .restore(&snapshot)
            .map_err(StoreError::Restore)?;
        self.membership = meta.last_membership.clone();
        self.moved_to(meta.last_log_id);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        Ok(snapshots::load(&self.store)?)
    }
}

/// Writes one snapshot while the machine goes on.
pub struct SnapshotWriter<C = TypeConfig> {
    types: PhantomData<fn() -> C>,
    store: Arc<Store>,
    meta: SnapshotMeta,
    data: Vec<u8>,
}

impl<C: Types> RaftSnapshotBuilder<C> for SnapshotWriter<C> {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let data = std::mem::take(&mut self.data);
        snapshots::save(&self.store, &self.meta, &data).await?;
        Ok(Snapshot {
            meta: self.meta.clone(),
            snapshot: data,
        })
    }
}
