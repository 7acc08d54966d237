//! Why a subtask ends.

use dm_model::DmError;

/// Why the pipeline ended.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The supervisor asked, or the lease ended.
    Asked,
    /// A newer epoch owns the meta rows: another worker, or a later start here.
    Fenced(DmError),
    /// The connection to a server broke, or the server refuses for a while: start again from the durable progress.
    Transient(DmError),
    /// An operator must act.
    Definite(DmError),
}

impl From<DmError> for Stop {
    fn from(error: DmError) -> Self {
        match error.kind {
            dm_model::Kind::Definite => Self::Definite(error),
            dm_model::Kind::Transient | dm_model::Kind::Unknown => Self::Transient(error),
        }
    }
}
