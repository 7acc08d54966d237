//! What a task does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskMode {
    /// Copies what is there and ends.
    Full,
    /// Follows the binlog from a given position.
    Incremental,
    /// Copies what is there, then follows.
    All,
}

impl TaskMode {
    /// True when it copies what is there.
    pub fn loads(self) -> bool {
        matches!(self, TaskMode::Full | TaskMode::All)
    }

    /// True when it follows the binlog.
    pub fn syncs(self) -> bool {
        matches!(self, TaskMode::Incremental | TaskMode::All)
    }

    /// The spelling in configuration files.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskMode::Full => "full",
            TaskMode::Incremental => "incremental",
            TaskMode::All => "all",
        }
    }
}

impl fmt::Display for TaskMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
