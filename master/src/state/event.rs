//! What a command changed, as a hint for logs and metrics.

/// A change of the state. Nothing may depend on seeing it: after a restart or a snapshot no events
/// come for what happened before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A source was created, reconfigured, removed or pinned.
    SourceChanged(String),
    /// Subtasks of a task were created, changed or removed.
    TaskChanged(String),
    /// A worker was registered, restarted or removed.
    WorkerChanged(String),
    /// A source has a (new) owner.
    Granted {
        /// The source.
        source_id: String,
        /// Its new owner.
        worker: String,
        /// Index of the grant.
        epoch: u64,
    },
    /// A source has no owner any more.
    Released {
        /// The source.
        source_id: String,
        /// Epoch of the lease that ended.
        epoch: u64,
    },
    /// A cluster setting changed.
    SettingsChanged,
    /// The cluster's state level went up.
    LevelRaised(u32),
    /// A master shall leave.
    MasterRemoved(String),
}
