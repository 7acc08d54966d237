//! What the scheduler wants done.

/// One step towards every source having a live owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Give the source to this process of this worker.
    Grant {
        /// The source.
        source_id: String,
        /// Its next owner.
        worker: String,
        /// The owner's process.
        incarnation: u64,
        /// Epoch of the lease that this replaces; 0 when there is none.
        expected_epoch: u64,
    },
    /// Nobody can take the source: record that its lease ended.
    Release {
        /// The source.
        source_id: String,
        /// Epoch of the lease that ended.
        expected_epoch: u64,
    },
    /// Ask the owner to stop the source, so that it can move.
    Drain {
        /// The source.
        source_id: String,
        /// Epoch of the lease to be given back.
        epoch: u64,
    },
    /// Give a lease that goes on the cluster's present TTL.
    Retime {
        /// The source.
        source_id: String,
        /// Epoch of its lease.
        expected_epoch: u64,
        /// The TTL.
        ttl_ms: u64,
    },
}
