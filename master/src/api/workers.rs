//! Asking workers.

use std::time::Duration;

use dm_model::{DmError, codes};
use dm_proto::v1::{Reply, call::Kind};

use super::{ApiError, led::Led};
use crate::session::CallError;

/// Workers asked one after the other before a check is given up.
const WORKERS_TRIED_MAX: usize = 3;

impl Led {
    /// Asks any live worker, `preferred` first; another one when it goes away meanwhile.
    pub(super) async fn ask_any(
        &self,
        preferred: Option<&str>,
        kind: Kind,
        timeout: Duration,
    ) -> Result<Reply, ApiError> {
        let mut workers = self.term.hub.connected();
        // Those with the fewest sources first; stable, so names break ties.
        workers.sort_by_key(|worker| {
            (
                Some(worker.as_str()) != preferred,
                self.read(|state| state.owned_by(worker).len()),
            )
        });
        if workers.is_empty() {
            let message = "no dm-worker is connected to the leader, and only a worker can connect to databases";
            let join = self.api.config.advertise_addr.as_str();
            return Err(DmError::new(&codes::MASTER_WORKER_CLI_NOT_FOUND, message)
                .with_workaround(format!(
                    "Start a worker: `dm-worker --join {join}`; `list-member --worker` shows those that are there."
                ))
                .into());
        }
        let mut last = None;
        for worker in workers.iter().take(WORKERS_TRIED_MAX) {
            match self.term.hub.call(worker, kind.clone(), timeout).await {
                Ok(reply) => return Ok(reply),
                // Cut off by the end of the term: the next leader asks again.
                Err(CallError::NotConnected(_)) if self.term.over.is_cancelled() => {
                    return Err(ApiError::NotLeader);
                }
                Err(error @ (CallError::NotConnected(_) | CallError::Busy(_))) => {
                    last = Some(error)
                }
                Err(error) => return Err(call_error(&error).into()),
            }
        }
        let error = last.map_or_else(
            || DmError::new(&codes::MASTER_GRPC_REQUEST_ERROR, "no worker answered"),
            |error| call_error(&error),
        );
        Err(error.into())
    }
}

/// A failed call as users see it.
pub(super) fn call_error(error: &CallError) -> DmError {
    match error {
        CallError::NotConnected(_) => {
            DmError::new(&codes::MASTER_WORKER_CLI_NOT_FOUND, error.to_string())
        }
        CallError::Busy(_) => DmError::new(&codes::MASTER_GRPC_REQUEST_ERROR, error.to_string()),
        CallError::Timeout { .. } => {
            DmError::new(&codes::MASTER_OPER_REQUEST_TIMEOUT, error.to_string())
        }
        CallError::Refused(text) => DmError::parse(text)
            .unwrap_or_else(|| DmError::new(&codes::MASTER_OPER_RESP_NOT_SUCCESS, text.clone())),
    }
}
