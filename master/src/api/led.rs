//! What a handler has at hand on the leader.

use std::{sync::Arc, time::Duration};

use dm_model::{DmError, codes};
use dm_proto::{
    telemetry,
    v1::{Command, Outcome, command::Kind},
};
use prost::Message;

use super::{Api, ApiError};
use crate::{errors, leader::Term, state::State};

/// Longest wait for a quorum, for reads and for each proposal. Two of them stay below the 10 s within
/// which a call without quorum must fail.
const QUORUM_TIMEOUT: Duration = Duration::from_secs(4);

/// After an election, workers need a moment to find the new leader; so long the owners are waited for.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before the workers are counted again.
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

/// One call, handled by the leader.
pub struct Led {
    /// The master.
    pub api: Api,
    /// Its term.
    pub term: Arc<Term>,
    request_id: String,
}

impl Led {
    /// A call in this term.
    pub fn new(api: Api, term: Arc<Term>, request_id: &str) -> Self {
        Led {
            api,
            term,
            request_id: request_id.to_owned(),
        }
    }

    /// The caller's id of the request, or the one that a server made.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Looks at the state.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        self.api.replicated.read(look)
    }

    /// After this, the state has everything that was acknowledged before the call.
    pub async fn catch_up(&self) -> Result<(), ApiError> {
        let caught_up = self.api.replica.linearizable(QUORUM_TIMEOUT).await;
        caught_up.map_err(|error| ApiError::unanswered(error, &self.request_id))
    }

    /// As [`Self::catch_up`], and early in a term also waits a moment until the owners have found this leader.
    pub async fn settle(&self) -> Result<(), ApiError> {
        self.catch_up().await?;
        while self.term.began.elapsed() < SETTLE_TIMEOUT && self.awaits_workers() {
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
        Ok(())
    }

    fn awaits_workers(&self) -> bool {
        let connected = self.term.hub.connected();
        self.read(|state| {
            let mut owners = state
                .sources
                .values()
                .filter_map(|source| source.lease.as_ref());
            let owner_away = owners.any(|lease| !connected.contains(&lease.worker));
            owner_away || (connected.is_empty() && !state.workers.is_empty())
        })
    }

    /// Proposes one step of the request. A step has its own id, so that a repeated request gets the
    /// first answer for each of them. A refusal is an error.
    pub async fn propose(&self, step: &str, kind: Kind) -> Result<Outcome, ApiError> {
        let command = Command {
            request_id: self.step_id(step),
            traceparent: telemetry::traceparent(),
            kind: Some(kind),
        };
        let proposed = self
            .api
            .replica
            .propose(command.encode_to_vec(), QUORUM_TIMEOUT)
            .await;
        let (_, answer) =
            proposed.map_err(|error| ApiError::unanswered(error, &self.request_id))?;
        let outcome = Outcome::decode(answer.as_slice()).map_err(|error| {
            DmError::new(
                &codes::OUTCOME_UNKNOWN,
                "the answer of the log can't be read",
            )
            .with_cause(error)
        })?;
        if outcome.ok {
            Ok(outcome)
        } else {
            Err(errors::refused(&outcome).into())
        }
    }

    /// True when this step was carried out by an earlier try of the same request.
    pub fn done_before(&self, step: &str) -> bool {
        let id = self.step_id(step);
        self.read(|state| state.answers.get(&id).is_some_and(|outcome| outcome.ok))
    }

    /// The worker that owns a source, if any.
    pub fn owner(&self, source_id: &str) -> Option<String> {
        self.read(|state| state.lease(source_id).map(|lease| lease.worker.clone()))
    }

    fn step_id(&self, step: &str) -> String {
        format!("{}/{step}", self.request_id)
    }
}
