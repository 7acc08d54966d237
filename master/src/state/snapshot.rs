//! The state as bytes.
//!
//! Format 1: JSON `{"format": 1, "state": {..}}`. A field that is added gets `#[serde(default)]`, so a
//! newer program reads older snapshots; whatever an older program could not ignore raises `format`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::State;

const FORMAT: u32 = 1;

/// A snapshot's envelope.
#[derive(Serialize, Deserialize)]
pub struct Snapshot {
    format: u32,
    state: State,
}

/// Why a snapshot can't be read.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// Written by a newer program.
    #[error(
        "the snapshot has format {0}, and this program reads up to format {FORMAT}; install the newer version"
    )]
    Format(u32),
    /// Not a snapshot at all, or damaged.
    #[error("the snapshot is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Snapshot {
    /// The state's bytes.
    pub fn write(state: &State) -> Result<Vec<u8>, SnapshotError> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            format: u32,
            state: &'a State,
        }
        Ok(serde_json::to_vec(&Borrowed {
            format: FORMAT,
            state,
        })?)
    }

    /// The state that `bytes` were written from.
    pub fn read(bytes: &[u8]) -> Result<State, SnapshotError> {
        let head: Head = serde_json::from_slice(bytes)?;
        if head.format != FORMAT {
            return Err(SnapshotError::Format(head.format));
        }
        let snapshot: Snapshot = serde_json::from_slice(bytes)?;
        Ok(snapshot.state)
    }
}
