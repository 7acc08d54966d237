//! Why a handler gives up.

use dm_model::DmError;

use crate::{errors, raft::ProposeError};

/// Why a handler gives up.
#[derive(Debug)]
pub enum ApiError {
    /// This master no longer leads, and surely changed nothing since: another one may handle the call.
    NotLeader,
    /// Told to the user as `result: false`.
    Dm(DmError),
}

impl ApiError {
    /// The error of a proposal or a confirmation without an answer.
    pub fn unanswered(error: ProposeError, request_id: &str) -> Self {
        match error {
            ProposeError::NotLeader(_) => ApiError::NotLeader,
            error => ApiError::Dm(errors::unanswered(error, request_id)),
        }
    }
}

impl From<DmError> for ApiError {
    fn from(error: DmError) -> Self {
        ApiError::Dm(error)
    }
}
