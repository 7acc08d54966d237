//! One thread syncs the write-ahead log for everybody who waits.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use rocksdb::DB;
use tokio::sync::mpsc;

use crate::error::StoreError;
use crate::kv::Synced;

/// Appends and votes that may wait for a sync at the same time; more block their callers.
const WAITERS_MAX: usize = 1024;

/// Handle of the syncing thread. Dropping it lets the thread finish what was asked.
pub(crate) struct Flusher {
    waiters: Option<mpsc::Sender<Synced>>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    pub(crate) fn start(db: Arc<DB>) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(WAITERS_MAX);
        let thread = std::thread::Builder::new()
            .name("raft-flusher".to_string())
            .spawn(move || run(&db, receiver))?;
        Ok(Self {
            waiters: Some(sender),
            thread: Some(thread),
        })
    }

    /// Asks for a sync of all that is written, and for `then` to be told.
    pub(crate) async fn submit(&self, then: Synced) -> Result<(), StoreError> {
        let waiters = self.waiters.as_ref().ok_or(StoreError::Closed)?;
        waiters.send(then).await.map_err(|_| StoreError::Closed)
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        drop(self.waiters.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn run(db: &DB, mut receiver: mpsc::Receiver<Synced>) {
    // After a failed sync the kernel may have thrown the dirty pages away, and a later sync would
    // succeed without them. So the first failure is the last word.
    let mut failed: Option<String> = None;
    while let Some(first) = receiver.blocking_recv() {
        let mut batch = vec![first];
        while let Ok(waiter) = receiver.try_recv() {
            batch.push(waiter);
        }
        if failed.is_none()
            && let Err(error) = db.flush_wal(true)
        {
            tracing::error!(%error, "syncing the raft log failed");
            failed = Some(error.to_string());
        }
        for then in batch {
            then(match &failed {
                None => Ok(()),
                Some(text) => Err(StoreError::SyncFailed(text.clone())),
            });
        }
    }
}
