//! How existing rows are written.

use serde::{Deserialize, Serialize};

/// An entry of `loaders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct LoaderConfig {
    /// Writers at the target.
    pub pool_size: u32,
    /// Kept for `get-config`; there are no dump files.
    pub dir: String,
    /// Only `logical`.
    pub import_mode: String,
    /// What happens to a row that is there already.
    pub on_duplicate_logical: OnDuplicate,
}

/// What happens to a row that is there already.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDuplicate {
    /// The copied row wins.
    #[default]
    Replace,
    /// The load stops.
    Error,
    /// The row that is there wins.
    Ignore,
}

impl Default for LoaderConfig {
    fn default() -> Self {
        Self {
            pool_size: 16,
            dir: "./dumped_data".to_owned(),
            import_mode: "logical".to_owned(),
            on_duplicate_logical: OnDuplicate::default(),
        }
    }
}
