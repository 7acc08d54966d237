//! How continuously the target is compared with the source.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// An entry of `validators`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ValidatorConfig {
    /// How much is compared.
    pub mode: ValidatorMode,
    /// Readers.
    pub worker_count: u32,
    /// Time between two rounds.
    #[serde(with = "duration")]
    pub validate_interval: Duration,
    /// Time between two looks at progress.
    #[serde(with = "duration")]
    pub check_interval: Duration,
    /// Age from which a difference is an error.
    #[serde(with = "duration")]
    pub row_error_delay: Duration,
    /// Time between two writes of its state.
    #[serde(with = "duration")]
    pub meta_flush_interval: Duration,
    /// Rows of one query.
    pub batch_query_size: u32,
    /// Bound in bytes for rows not yet compared.
    pub max_pending_row_size: String,
    /// Bound for rows not yet compared.
    pub max_pending_row_count: u32,
}

/// How much is compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValidatorMode {
    /// Nothing.
    #[default]
    None,
    /// Whether rows exist.
    Fast,
    /// All columns.
    Full,
}

impl Default for ValidatorConfig {
    fn default() -> Self {
        Self {
            mode: ValidatorMode::None,
            worker_count: 4,
            validate_interval: Duration::from_secs(10),
            check_interval: Duration::from_secs(5),
            row_error_delay: Duration::from_secs(30 * 60),
            meta_flush_interval: Duration::from_secs(5 * 60),
            batch_query_size: 100,
            max_pending_row_size: "500m".to_owned(),
            max_pending_row_count: i32::MAX.unsigned_abs(),
        }
    }
}
