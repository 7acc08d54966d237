//! What a subtask tells about itself.

use std::collections::BTreeMap;

use dm_model::DmError;
use dm_proto::pb;

use super::LagHistogram;

/// A snapshot of a subtask's state, replaced as a whole.
#[derive(Clone, Debug)]
pub struct SubtaskStatus {
    /// DM's stage.
    pub stage: pb::Stage,
    /// DM's unit: Load while tables are copied, Sync afterwards.
    pub unit: pb::UnitType,
    /// Errors in force: of stopped tables, or the one that paused the subtask.
    pub errors: Vec<DmError>,
    /// Every table, in name order.
    pub tables: Vec<TableStatus>,
    /// Upstream's newest position, `(file, offset)`.
    pub source_position: String,
    /// Upstream's newest GTID set, empty without GTID.
    pub source_gtid: String,
    /// Everything up to here is durable in the target.
    pub position: String,
    /// The same as a GTID set.
    pub gtid: String,
    /// Nothing upstream is newer than what is applied.
    pub synced: bool,
    /// Target commit time minus upstream commit time of the newest transaction, 0 when synced.
    pub lag_ms: Option<u64>,
    /// Lags of all transactions since the start of the subtask.
    pub lags: LagHistogram,
    /// Half of the transactions of the last minute had no larger lag than this, in milliseconds.
    pub lag_p50_ms: Option<u64>,
    /// 99 of 100 had no larger lag.
    pub lag_p99_ms: Option<u64>,
    /// Transactions that were read and are not all in yet.
    pub transactions_ahead: u64,
    /// Bytes of the source's binlog that are not all in yet; `None` while they lie in several files.
    pub bytes_ahead: Option<u64>,
    /// Rows applied from the binlog since the start of the subtask.
    pub rows_total: u64,
    /// Average since the start.
    pub rows_per_s: u64,
    /// In the last interval.
    pub rows_per_s_recent: u64,
    /// Bytes of row data read.
    pub bytes_total: u64,
    /// Bytes copied by the full load so far.
    pub load_bytes_done: u64,
    /// Bytes that the full load expects in all (the server's estimate).
    pub load_bytes_total: u64,
    /// Bytes per second that the full load copied in the last interval.
    pub load_bytes_per_s: u64,
    /// Changes that did not meet the rows at the target that they should.
    pub mismatches: u64,
    /// The same by quoted source table.
    pub mismatches_by_table: BTreeMap<String, TableMismatches>,
    /// Commits that were tried again.
    pub retries: u64,
    /// What the subtask waits for, for people.
    pub note: Option<String>,
    /// A full migration that has ended.
    pub finished: bool,
}

impl SubtaskStatus {
    /// A subtask that has just been started.
    pub fn starting() -> Self {
        Self {
            stage: pb::Stage::New,
            unit: pb::UnitType::InvalidUnit,
            errors: Vec::new(),
            tables: Vec::new(),
            source_position: String::new(),
            source_gtid: String::new(),
            position: String::new(),
            gtid: String::new(),
            synced: false,
            lag_ms: None,
            lags: LagHistogram::default(),
            lag_p50_ms: None,
            lag_p99_ms: None,
            transactions_ahead: 0,
            bytes_ahead: None,
            rows_total: 0,
            rows_per_s: 0,
            rows_per_s_recent: 0,
            bytes_total: 0,
            load_bytes_done: 0,
            load_bytes_total: 0,
            load_bytes_per_s: 0,
            mismatches: 0,
            mismatches_by_table: BTreeMap::new(),
            retries: 0,
            note: None,
            finished: false,
        }
    }
}

/// Changes of one table that did not meet the rows that they should.
#[derive(Clone, Debug, Default)]
pub struct TableMismatches {
    /// How many since the start of the subtask.
    pub count: u64,
    /// The first of them: transaction, what was found, statement.
    pub first: String,
}

/// One source table.
#[derive(Clone, Debug)]
pub struct TableStatus {
    /// Quoted source name.
    pub source: String,
    /// Quoted target name.
    pub target: String,
    /// `waiting`, `loading`, `loaded`, `catching up`, `joining`, `joined`, `stopped` or `paused`.
    pub state: &'static str,
    /// Rows copied by the full load.
    pub rows: u64,
    /// The server's estimate of the table's rows.
    pub rows_estimated: u64,
    /// Bytes copied by the full load.
    pub bytes: u64,
    /// Why the table stopped.
    pub error: Option<String>,
}

impl Default for SubtaskStatus {
    fn default() -> Self {
        Self::starting()
    }
}
