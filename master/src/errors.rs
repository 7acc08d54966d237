//! Errors as users see them: DM's text form.

use dm_model::{DmError, codes};
use dm_proto::v1::Outcome;

use crate::raft::ProposeError;

/// The error of a command that was refused.
pub fn refused(outcome: &Outcome) -> DmError {
    let code = codes::by_number(outcome.code).unwrap_or(&codes::MASTER_GRPC_INVALID_REQ_TYPE);
    DmError::new(code, outcome.message.clone())
}

/// The error of a command without an answer; an unknown outcome names the request (R28).
pub fn unanswered(error: ProposeError, request_id: &str) -> DmError {
    let unknown = matches!(error, ProposeError::OutcomeUnknown | ProposeError::Fatal(_));
    let error = DmError::from(error);
    if unknown {
        error.annotate(format!("outcome unknown, request id {request_id}"))
    } else {
        error
    }
}

/// This master can't handle the request and knows nobody who can.
pub fn not_leader(why: &str) -> DmError {
    let message = "master is not leader, and can't forward request to leader";
    DmError::new(&codes::MASTER_REQUEST_IS_NOT_FORWARD_TO_LEADER, message).with_cause(why)
}
