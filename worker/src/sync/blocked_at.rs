//! The statement that an error is about.

use dm_model::DmError;

use super::track::Origin;

/// Where a statement stands that could not be carried out, as texts for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedAt {
    /// `(file, offset)` of its event's start.
    pub position: String,
    /// Its transaction; empty without GTID.
    pub gtid: String,
    /// Of its text and default database.
    pub hash: String,
    /// What the error says: the statement, and why.
    pub text: String,
}

impl BlockedAt {
    /// Reads it from the error; `None` when no statement caused it.
    pub fn read(error: &DmError) -> Option<Self> {
        let origin = Origin::blocked(error)?;
        let text = |value: Option<String>| value.unwrap_or_default();
        Some(Self {
            position: text(origin.place.start.as_ref().map(ToString::to_string)),
            gtid: text(origin.place.gtid.as_ref().map(ToString::to_string)),
            hash: origin.hash,
            text: origin.shown,
        })
    }
}
