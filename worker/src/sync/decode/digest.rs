//! A hash of what a transaction changes, whatever server the bytes come from.
//!
//! Raw bytes of one transaction differ between servers: positions, table ids, checksums, compression, how rows are split into
//! events. So the hash runs over names, kinds, column bitmaps and the concatenated row images (R2).

use dm_binlog::{RowsEvent, RowsKind};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// Result of a [`Digester`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest {
    /// How values are written: column types and which columns are present. Another version or setting of the server changes it.
    pub(crate) shape: u64,
    /// What is written. Comparable only if `shape` is equal.
    pub(crate) data: u64,
}

/// Hashes a transaction while its events arrive.
#[derive(Clone, Default)]
pub(crate) struct Digester {
    shape: Xxh3,
    data: Xxh3,
    /// Table, kind and columns of the rows before: rows that go on in another event hash like one event.
    run: Option<u64>,
}

impl std::fmt::Debug for Digester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digester({:?})", self.digest())
    }
}

impl Digester {
    pub(crate) fn rows(&mut self, rows: &RowsEvent<'_>) {
        let map = &rows.map;
        let mut shape = Xxh3::new();
        for column in &map.columns {
            shape.update(&[column.type_code]);
            shape.update(&column.meta.to_le_bytes());
        }
        let (first, second) = rows.present();
        shape.update(first);
        shape.update(second);
        let mut run = Xxh3::new();
        run.update(map.schema.as_bytes());
        run.update(&[0]);
        run.update(map.table.as_bytes());
        run.update(&[0, kind(rows.kind)]);
        let shape = shape.digest();
        let run = run.digest() ^ shape;
        if self.run != Some(run) {
            self.shape.update(&shape.to_le_bytes());
            self.data.update(&run.to_le_bytes());
            self.run = Some(run);
        }
        self.data.update(rows.data());
    }

    pub(crate) fn statement(&mut self, schema: &str, text: &str) {
        self.run = None;
        for part in [schema, text] {
            self.data.update(part.as_bytes());
            self.data.update(&[0]);
        }
    }

    /// So far.
    pub(crate) fn digest(&self) -> Digest {
        Digest {
            shape: self.shape.digest(),
            data: self.data.digest(),
        }
    }
}

fn kind(kind: RowsKind) -> u8 {
    match kind {
        RowsKind::Insert => 1,
        RowsKind::Update => 2,
        RowsKind::Delete => 3,
    }
}
