//! How existing rows are read.

use serde::{Deserialize, Serialize};

use super::size::parse_size;

/// A plain number in `chunk-filesize` counts MiB.
const CHUNK_UNIT_BYTES: u64 = 1 << 20;

/// An entry of `mydumpers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct MydumperConfig {
    /// Readers at the source.
    pub threads: u32,
    /// Bound for one chunk: MiB, or with a unit.
    pub chunk_filesize: String,
    /// Bound in bytes for one statement; 0 leaves it to us.
    pub statement_size: u64,
    /// Rows of one chunk; 0 leaves it to us.
    pub rows: u64,
    /// Condition for rows to be copied.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub where_clause: String,
    /// Flags in the spelling of the dump program.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub extra_args: String,
}

impl Default for MydumperConfig {
    fn default() -> Self {
        Self {
            threads: 4,
            chunk_filesize: "64".to_owned(),
            statement_size: 0,
            rows: 0,
            where_clause: String::new(),
            extra_args: String::new(),
        }
    }
}

impl MydumperConfig {
    /// `chunk-filesize` in bytes; the error says what is wrong with it.
    pub fn chunk_bytes(&self) -> Result<u64, String> {
        parse_size(&self.chunk_filesize, CHUNK_UNIT_BYTES)
    }
}
