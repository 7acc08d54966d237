//! One row per finished key range of a table that is being copied: it commits with the rows of the range.

use dm_model::{DmError, TableName, codes};
use mysql_async::{Conn, prelude::Queryable};

use super::MetaTables;
use crate::sync::{
    errors,
    load::{CopiedRange, Key, SnapshotAt},
    value::quote_text,
};

/// A row of `dm_chunk`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChunkRow {
    /// Tells the ranges of one table apart.
    pub(crate) number: u64,
    pub(crate) range: CopiedRange,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl ChunkRow {
    /// All finished ranges of a table, in the order of their numbers.
    pub(crate) async fn read(
        conn: &mut Conn,
        tables: &MetaTables,
        name: &TableName,
    ) -> Result<Vec<Self>, DmError> {
        type Columns = (u64, String, String, String, u64, u64);
        let select = format!(
            "SELECT number, after_key, upto_key, snapshot, copied_rows, copied_bytes FROM {} WHERE {} ORDER BY number",
            tables.chunk(),
            of_table(tables, name)
        );
        let rows: Vec<Columns> = conn.query(select).await.map_err(errors::target)?;
        rows.into_iter()
            .map(|(number, after, upto, snapshot, rows, bytes)| {
                Ok(Self {
                    number,
                    range: CopiedRange {
                        after: read::<Option<Key>>(&after, "after_key", name)?,
                        upto: read::<Option<Key>>(&upto, "upto_key", name)?,
                        snapshot: read::<SnapshotAt>(&snapshot, "snapshot", name)?,
                    },
                    rows,
                    bytes,
                })
            })
            .collect()
    }

    /// The statement that moves the end of the range to `upto` and adds the rows and bytes of a chunk.
    pub(crate) fn advance(&self, tables: &MetaTables, name: &TableName) -> String {
        format!(
            "INSERT INTO {} (task, source, db, tbl, number, after_key, upto_key, snapshot, copied_rows, copied_bytes) \
             VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}) ON DUPLICATE KEY UPDATE upto_key = VALUES(upto_key), \
             copied_rows = copied_rows + VALUES(copied_rows), copied_bytes = copied_bytes + VALUES(copied_bytes)",
            tables.chunk(),
            tables.key_values(),
            quote_text(&name.schema),
            quote_text(&name.table),
            self.number,
            quote_text(&written(&self.range.after)),
            quote_text(&written(&self.range.upto)),
            quote_text(&written(&self.range.snapshot)),
            self.rows,
            self.bytes
        )
    }

    /// The statement that forgets all ranges of a table.
    pub(crate) fn delete_all(tables: &MetaTables, name: &TableName) -> String {
        format!(
            "DELETE FROM {} WHERE {}",
            tables.chunk(),
            of_table(tables, name)
        )
    }
}

fn of_table(tables: &MetaTables, name: &TableName) -> String {
    format!(
        "{} AND db = {} AND tbl = {}",
        tables.key(),
        quote_text(&name.schema),
        quote_text(&name.table)
    )
}

fn read<T: serde::de::DeserializeOwned>(
    text: &str,
    column: &str,
    name: &TableName,
) -> Result<T, DmError> {
    serde_json::from_str(text).map_err(|cause| {
        DmError::new(
            &codes::META_DAMAGED,
            format!("column {column} of dm_chunk for {name} cannot be read"),
        )
        .with_cause(cause)
    })
}

fn written<T: serde::Serialize>(value: &T) -> String {
    // Plain structs with string keys always serialise.
    serde_json::to_string(value).unwrap_or_default()
}
