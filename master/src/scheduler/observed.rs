//! What the leader sees and no log can tell: who is alive, and since when.

use std::collections::{BTreeMap, BTreeSet};

/// The leader's view at one moment. All times are milliseconds of one clock of the leader that goes
/// on while the machine sleeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Now.
    pub now_ms: u64,
    /// Until then every inherited lease may still be in use (R31).
    pub inherited_until_ms: u64,
    /// Newest log index when this leader began: leases up to it are inherited.
    pub inherited_epoch_max: u64,
    /// Since when this leader has known the cluster's present TTL: it renews for no longer since then.
    pub ttl_since_ms: u64,
    /// Workers with a session.
    pub workers: BTreeMap<String, SeenWorker>,
    /// When each (source, epoch) was last granted or renewed by this leader.
    pub renewed_ms: BTreeMap<(String, u64), u64>,
    /// Leases that their owner gave back.
    pub given_back: BTreeSet<(String, u64)>,
}

/// A worker with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenWorker {
    /// Its process.
    pub incarnation: u64,
    /// When this leader last heard it.
    pub heard_ms: u64,
    /// It said goodbye: it takes nothing new.
    pub leaving: bool,
}
