//! What a commit did.

use dm_model::Position;

/// A batch that is durable in the target.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    /// Everything up to here is durable.
    pub(crate) at: Position,
    /// Upstream commit time of its newest transaction, milliseconds since 1970; 0 for none.
    pub(crate) committed_ms: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Changes that found no row.
    pub(crate) mismatches: u64,
}
