//! The seam on RocksDB.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use rocksdb::{ColumnFamily, ColumnFamilyDescriptor, DB, Direction, IteratorMode, WriteBatch};

use crate::error::{StoreError, database};
use crate::flusher::Flusher;
use crate::kv::{Change, FAMILIES, KeyValue, Synced, Visit};
use crate::options;

/// An open database. Two processes can't open one folder: RocksDB holds a lock on it.
pub(crate) struct Rocks {
    // Before `db`: its thread must end first.
    flusher: Flusher,
    db: Arc<DB>,
}

impl Rocks {
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let cache = options::cache();
        let families =
            FAMILIES.map(|name| ColumnFamilyDescriptor::new(name, options::family(&cache)));
        let db = DB::open_cf_descriptors(&options::database(), folder, families)
            .map_err(database("can't open the database"))?;
        let db = Arc::new(db);
        let flusher = Flusher::start(db.clone()).map_err(|_| StoreError::Closed)?;
        Ok(Self { flusher, db })
    }

    fn family(&self, name: &'static str) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(name).ok_or_else(|| StoreError::Damaged {
            record: name.to_string(),
            reason: "the column family is missing".to_string(),
        })
    }
}

impl KeyValue for Rocks {
    fn get(&self, family: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db
            .get_cf(self.family(family)?, key)
            .map_err(database("can't read"))
    }

    fn write(&self, action: &'static str, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for change in changes {
            match change {
                Change::Put { family, key, value } => {
                    batch.put_cf(self.family(family)?, key, value);
                }
                Change::RemoveRange { family, from, to } => {
                    batch.delete_range_cf(self.family(family)?, from, to);
                }
            }
        }
        self.db.write(batch).map_err(database(action))
    }

    fn visit(&self, family: &'static str, from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let mode = IteratorMode::From(from, Direction::Forward);
        for record in self.db.iterator_cf(self.family(family)?, mode) {
            let (key, value) = record.map_err(database("can't read"))?;
            if visit(&key, &value)? == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn last_upto(
        &self,
        family: &'static str,
        key: &[u8],
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
        let mode = IteratorMode::From(key, Direction::Reverse);
        let found = self.db.iterator_cf(self.family(family)?, mode).next();
        let record = found.transpose().map_err(database("can't read"))?;
        Ok(record.map(|(key, value)| (key.into_vec(), value.into_vec())))
    }

    fn sync_then(&self, then: Synced) -> BoxFuture<'_, Result<(), StoreError>> {
        self.flusher.submit(then).boxed()
    }

    fn disk_bytes(&self) -> u64 {
        let property = |name| {
            let family = self.family(name).ok()?;
            self.db
                .property_int_value_cf(family, "rocksdb.total-sst-files-size")
                .ok()?
        };
        FAMILIES.into_iter().filter_map(property).sum()
    }
}
