//! Table maps of the current statement.
//!
//! A table id means something only between its TABLE_MAP and the end of the statement. Equal TABLE_MAP
//! bytes give the same `Arc`, so a plan may be kept per `Arc` and single-row transactions parse no map.

use std::collections::HashMap;
use std::sync::Arc;

use crate::DecodeError;
use crate::table_map::TableMap;

/// Parsed maps kept for reuse; a server with more hot tables parses again now and then.
const CACHED_MAPS_MAX: usize = 1024;
/// Bytes of TABLE_MAP events kept as keys; maps with all labels of long ENUMs are large.
const CACHED_BYTES_MAX: usize = 8 << 20;

/// Maps by table id, and a bounded cache by content.
#[derive(Debug, Default, Clone)]
pub(super) struct TableMaps {
    statement: HashMap<u64, Arc<TableMap>>,
    cache: HashMap<Box<[u8]>, Arc<TableMap>>,
    cached_bytes: usize,
}

impl TableMaps {
    /// Notes the TABLE_MAP in `body` for the rows events that follow.
    pub(super) fn note(
        &mut self,
        body: &[u8],
        parse: impl FnOnce() -> Result<TableMap, DecodeError>,
    ) -> Result<Arc<TableMap>, DecodeError> {
        let map = match self.cache.get(body) {
            Some(map) => Arc::clone(map),
            None => {
                let map = Arc::new(parse()?);
                self.cached_bytes = self.cached_bytes.saturating_add(body.len());
                if self.cache.len() >= CACHED_MAPS_MAX || self.cached_bytes > CACHED_BYTES_MAX {
                    self.cache.clear();
                    self.cached_bytes = body.len();
                }
                self.cache.insert(body.into(), Arc::clone(&map));
                map
            }
        };
        self.statement.insert(map.table_id, Arc::clone(&map));
        Ok(map)
    }

    pub(super) fn get(&self, table_id: u64) -> Result<Arc<TableMap>, DecodeError> {
        self.statement
            .get(&table_id)
            .cloned()
            .ok_or(DecodeError::MissingTableMap { table_id })
    }

    /// The statement or transaction ended.
    pub(super) fn end_statement(&mut self) {
        self.statement.clear();
    }

    /// Another file begins, perhaps by another server version.
    pub(super) fn clear(&mut self) {
        self.statement.clear();
        self.cache.clear();
        self.cached_bytes = 0;
    }
}
