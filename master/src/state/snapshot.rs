//! The state as bytes.
//!
//! JSON `{"format": F, "state": {..}}`. A field that is added gets `#[serde(default)]`, so a newer program reads older
//! snapshots. Format 1 is a state of level 1, as programs that know no levels wrote it; format 2 is any other, which those
//! programs refuse.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::State;

const FORMAT: u32 = 2;
/// What programs without state levels write and read.
const FORMAT_FIRST: u32 = 1;

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
            format: if state.has_level(FORMAT) {
                FORMAT
            } else {
                FORMAT_FIRST
            },
            state,
        })?)
    }

    /// The state that `bytes` were written from.
    pub fn read(bytes: &[u8]) -> Result<State, SnapshotError> {
        let head: Head = serde_json::from_slice(bytes)?;
        if !(FORMAT_FIRST..=FORMAT).contains(&head.format) {
            return Err(SnapshotError::Format(head.format));
        }
        let snapshot: Snapshot = serde_json::from_slice(bytes)?;
        Ok(snapshot.state)
    }
}
