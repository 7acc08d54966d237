//! The narrow seam below the store: an ordered map of bytes in three families, with syncs.
//!
//! Production is RocksDB (`rocks`). The simulation of the masters puts a map there that loses unsynced writes on a crash, so what it
//! checks is all of this crate but RocksDB itself.

use std::ops::ControlFlow;

use futures::future::BoxFuture;

use crate::error::StoreError;

/// Families of keys.
pub const FAMILIES: [&str; 3] = [META, LOGS, SNAPSHOT];
pub(crate) const META: &str = "meta";
pub(crate) const LOGS: &str = "logs";
pub(crate) const SNAPSHOT: &str = "snapshot";

/// One change of a batch.
#[derive(Debug, Clone)]
pub enum Change {
    /// Sets a value.
    Put {
        /// One of [`FAMILIES`].
        family: &'static str,
        /// The key.
        key: Vec<u8>,
        /// Its value from now on.
        value: Vec<u8>,
    },
    /// Removes all keys from `from` up to `to`, which stays.
    RemoveRange {
        /// One of [`FAMILIES`].
        family: &'static str,
        /// The first key that goes.
        from: Vec<u8>,
        /// The first key behind it that stays.
        to: Vec<u8>,
    },
}

/// Told once when everything written before is on disk, or will never be.
pub type Synced = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A record that a scan shows.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError>;

/// An ordered map of bytes in families. What is written is readable at once and durable after a sync; after a crash a prefix of the
/// writes in their order is there, at least up to the last sync.
pub trait KeyValue: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, family: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// All changes or, after a crash, none. `action` says in errors what was being done.
    fn write(&self, action: &'static str, changes: Vec<Change>) -> Result<(), StoreError>;

    /// Shows the records from `from` on, in the order of their keys, until `visit` breaks or fails.
    fn visit(&self, family: &'static str, from: &[u8], visit: Visit<'_>) -> Result<(), StoreError>;

    /// The record with the greatest key that is not above `key`.
    #[allow(clippy::type_complexity)]
    fn last_upto(
        &self,
        family: &'static str,
        key: &[u8],
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError>;

    /// Asks for a sync of all that is written. Returns when that is queued; `then` is told when it is done.
    fn sync_then(&self, then: Synced) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Bytes on disk, for metrics.
    fn disk_bytes(&self) -> u64;
}
