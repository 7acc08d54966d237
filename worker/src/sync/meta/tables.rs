//! The meta tables: their names, shapes and keys.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use dm_model::DmError;
use mysql_async::{Conn, prelude::Queryable};

use crate::sync::{FenceToken, errors, value::quote_name, value::quote_text};

/// Names and key predicates of the meta tables of one subtask.
#[derive(Clone, Debug)]
pub(crate) struct MetaTables {
    schema: String,
    task: String,
    source: String,
    /// Sequence numbers of commits that were acknowledged, per lane, since the rows were last read (R13).
    acknowledged: Arc<Mutex<BTreeMap<i32, u64>>>,
    /// The connection of our control lane; 0 before it is open. Another one in its row means that somebody took over, under the same
    /// epoch too.
    control: Arc<AtomicU64>,
}

impl MetaTables {
    /// The tables in `schema` for the subtask of `token`.
    pub(crate) fn new(schema: &str, token: &FenceToken) -> Self {
        Self {
            schema: schema.to_owned(),
            task: token.task().to_string(),
            source: token.source().to_string(),
            acknowledged: Arc::default(),
            control: Arc::default(),
        }
    }

    /// Notes that the target has said that a lane stands at this sequence number.
    pub(super) fn acknowledge(&self, lane: i32, seq: u64) {
        let mut lanes = self
            .acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        lanes.insert(lane, seq);
    }

    /// Notes the connection of our control lane.
    pub(super) fn set_control(&self, connection: u64) {
        self.control.store(connection, Ordering::Relaxed);
    }

    /// The connection of our control lane; 0 before it is open.
    pub(super) fn control(&self) -> u64 {
        self.control.load(Ordering::Relaxed)
    }

    /// What the target has said of all lanes.
    pub(super) fn acknowledged(&self) -> BTreeMap<i32, u64> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn name(&self, table: &str) -> String {
        format!("{}.{}", quote_name(&self.schema), quote_name(table))
    }

    /// Quoted name of the head table.
    pub(crate) fn head(&self) -> String {
        self.name("dm_head")
    }

    /// Quoted name of the lane table.
    pub(crate) fn lane(&self) -> String {
        self.name("dm_lane")
    }

    /// Quoted name of the table rows.
    pub(crate) fn table(&self) -> String {
        self.name("dm_table")
    }

    /// Quoted name of the table of finished ranges.
    pub(crate) fn chunk(&self) -> String {
        self.name("dm_chunk")
    }

    /// `task = … AND source = …`, the start of every key.
    pub(crate) fn key(&self) -> String {
        format!(
            "task = {} AND source = {}",
            quote_text(&self.task),
            quote_text(&self.source)
        )
    }

    /// `'task','source'`, the start of every inserted row.
    pub(crate) fn key_values(&self) -> String {
        format!("{}, {}", quote_text(&self.task), quote_text(&self.source))
    }

    /// Creates what is missing. Safe to run at any time by anybody: it never changes what is there.
    pub(crate) async fn create(&self, conn: &mut Conn) -> Result<(), DmError> {
        let key = "task VARCHAR(128) NOT NULL, source VARCHAR(32) NOT NULL";
        // Transactional by name (R20): a server whose default engine is another one must not get to choose.
        let options = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
        let statements = [
            format!("CREATE DATABASE IF NOT EXISTS {}", quote_name(&self.schema)),
            format!(
                "CREATE TABLE IF NOT EXISTS {} ({key}, cluster BIGINT UNSIGNED NOT NULL, generation BIGINT UNSIGNED NOT NULL, \
                 epoch BIGINT UNSIGNED NOT NULL, incarnation BIGINT UNSIGNED NOT NULL, digest VARCHAR(64) NOT NULL, \
                 PRIMARY KEY (task, source)) {options}",
                self.head()
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {} ({key}, lane INT NOT NULL, epoch BIGINT UNSIGNED NOT NULL, \
                 incarnation BIGINT UNSIGNED NOT NULL, seq BIGINT UNSIGNED NOT NULL, connection BIGINT UNSIGNED NOT NULL, \
                 server VARCHAR(255) NOT NULL, progress MEDIUMTEXT NOT NULL, \
                 PRIMARY KEY (task, source, lane)) {options}",
                self.lane()
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {} ({key}, db VARCHAR(64) NOT NULL, tbl VARCHAR(64) NOT NULL, state VARCHAR(16) NOT NULL, \
                 cursor_at MEDIUMTEXT NOT NULL, window_at MEDIUMTEXT NOT NULL, catch_up_lane INT NOT NULL, had_rows BOOLEAN NOT NULL, structure MEDIUMTEXT NOT NULL, error TEXT NOT NULL, loaded_rows BIGINT UNSIGNED NOT NULL, \
                 loaded_bytes BIGINT UNSIGNED NOT NULL, PRIMARY KEY (task, source, db, tbl)) {options}",
                self.table()
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {} ({key}, db VARCHAR(64) NOT NULL, tbl VARCHAR(64) NOT NULL, number BIGINT UNSIGNED NOT NULL, \
                 after_key MEDIUMTEXT NOT NULL, upto_key MEDIUMTEXT NOT NULL, snapshot MEDIUMTEXT NOT NULL, \
                 copied_rows BIGINT UNSIGNED NOT NULL, copied_bytes BIGINT UNSIGNED NOT NULL, \
                 PRIMARY KEY (task, source, db, tbl, number)) {options}",
                self.chunk()
            ),
        ];
        for statement in statements {
            conn.query_drop(statement).await.map_err(errors::target)?;
        }
        Ok(())
    }
}
