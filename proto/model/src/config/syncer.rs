//! How changes are written.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// An entry of `syncers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct SyncerConfig {
    /// Writers at the target.
    pub worker_count: u32,
    /// Rows of one target transaction, below which measured commit times do not push it.
    pub batch: u32,
    /// Rows waiting in memory.
    pub queue_size: u32,
    /// Seconds between two checkpoints of DM; ours are in every transaction.
    pub checkpoint_flush_interval: u32,
    /// Changes of one row fold into one.
    pub compact: bool,
    /// Rows of one table become one statement.
    pub multiple_rows: bool,
    /// Never needed: applying is exact.
    pub safe_mode: bool,
    /// Never needed: applying is exact.
    #[serde(with = "duration")]
    pub safe_mode_duration: Duration,
}

impl Default for SyncerConfig {
    fn default() -> Self {
        Self {
            worker_count: 16,
            batch: 100,
            queue_size: 1024,
            checkpoint_flush_interval: 30,
            compact: false,
            multiple_rows: false,
            safe_mode: false,
            safe_mode_duration: Duration::from_secs(60),
        }
    }
}
