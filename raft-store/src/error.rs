//! What can go wrong in the store.

use std::io;

/// An error of the store. All of them stop the member; none is retried.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A record that is there but not as it was written.
    #[error(
        "damaged raft record {record}: {reason}; this member can't serve. \
         Remove its data folder and let it join again, or restore the folder from a backup"
    )]
    Damaged {
        /// Which record, for people.
        record: String,
        /// What does not fit.
        reason: String,
    },

    /// The log has a hole.
    #[error(
        "the raft log lacks entry {index}; this member can't serve. Remove its data folder and let it join again"
    )]
    Hole {
        /// The first index that is missing.
        index: u64,
    },

    /// RocksDB refused, or found its own files damaged.
    #[error("raft store: {action}: {source}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// RocksDB's text.
        source: rocksdb::Error,
    },

    /// A value can't be encoded.
    #[error("raft store: can't encode {record}: {reason}")]
    Encode {
        /// Which record.
        record: String,
        /// Why.
        reason: String,
    },

    /// An earlier sync failed. What was written since then may be lost, so nothing is acknowledged any more.
    #[error("raft store: a sync failed before ({0}); restart this member")]
    SyncFailed(String),

    /// The machine can't apply an entry.
    #[error("this program can't apply log entry {index}: {reason}")]
    Halt {
        /// Index of the entry.
        index: u64,
        /// Why, and what to do.
        reason: String,
    },

    /// The machine did not accept a snapshot.
    #[error("the state machine refuses the snapshot: {0}")]
    Restore(String),

    /// The store is closing.
    #[error("the raft store is closed")]
    Closed,
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        io::Error::other(error)
    }
}

/// Turns a RocksDB error into ours, saying what was being done.
pub(crate) fn database(action: &'static str) -> impl FnOnce(rocksdb::Error) -> StoreError {
    move |source| StoreError::Database { action, source }
}
