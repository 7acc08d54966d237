//! Why a proposal or a confirmation of leadership gave no answer.

use dm_model::{DmError, codes};

use super::LeaderInfo;

/// Only [`ProposeError::OutcomeUnknown`] leaves it open whether the command takes effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Not proposed: another master leads, or nobody that this one knows of.
    #[error("this master does not lead")]
    NotLeader(Option<LeaderInfo>),
    /// Not proposed: no majority of the masters answers.
    #[error("no quorum: fewer than half of the masters answer; nothing was changed")]
    NoQuorum,
    /// Proposed, but not confirmed within the deadline or before leadership was lost. It may still take effect.
    #[error(
        "the outcome is unknown: the change was proposed but not confirmed in time, which is what happens without a quorum"
    )]
    OutcomeUnknown,
    /// Not proposed: longer than [`super::COMMAND_BYTES_MAX`].
    #[error("the change has {0} bytes, more than a command may have")]
    TooLarge(usize),
    /// Not proposed: openraft refuses this change of the membership now.
    #[error("the membership can't be changed now: {0}")]
    Membership(String),
    /// This master stopped: its storage failed, or it is shutting down. A proposal may have taken effect.
    #[error("this master has stopped: {0}")]
    Fatal(String),
}

impl From<ProposeError> for DmError {
    fn from(error: ProposeError) -> Self {
        let text = error.to_string();
        match error {
            ProposeError::NotLeader(_) => {
                DmError::new(&codes::MASTER_REQUEST_IS_NOT_FORWARD_TO_LEADER, text)
            }
            ProposeError::NoQuorum => DmError::new(&codes::NO_QUORUM, text),
            ProposeError::OutcomeUnknown | ProposeError::Fatal(_) => {
                DmError::new(&codes::OUTCOME_UNKNOWN, text)
            }
            ProposeError::Membership(_) => DmError::new(&codes::REQUEST_CONFLICT, text),
            ProposeError::TooLarge(_) => DmError::new(&codes::MASTER_GRPC_INVALID_REQ_TYPE, text),
        }
    }
}
