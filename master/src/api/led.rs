//! What a handler has at hand on the leader.

use std::{sync::Arc, time::Duration};

use dm_model::{DmError, codes};
use dm_proto::{
    telemetry,
    v1::{Command, Expectation, Outcome, Steps, command::Kind},
};
use prost::Message;

use super::{Api, ApiError};
use crate::{
    clock, errors,
    leader::Term,
    state::{Anonymous, State, level_of},
};

/// Longest wait for a quorum, for reads and for each proposal. Two of them stay below the 10 s within
/// which a call without quorum must fail.
const QUORUM_TIMEOUT: Duration = Duration::from_secs(4);

/// After an election, workers need a moment to find the new leader; so long the owners are waited for. When none at all has
/// come yet, a TTL is waited for: a worker that lost its leader without a word notices after half of it.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before the workers are counted again.
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

/// Whatever the TTL is, no call waits longer for workers.
const SETTLE_MAX: Duration = Duration::from_secs(6);

/// Whom a call early in a term waits for.
enum Awaited {
    Nobody,
    Owners,
    Anybody,
}

/// One call, handled by the leader.
pub struct Led {
    /// The master.
    pub api: Api,
    /// Its term.
    pub term: Arc<Term>,
    request_id: String,
    /// Not 0: the request came without an id.
    content_hash: u64,
}

impl Led {
    /// A call in this term.
    pub fn new(api: Api, term: Arc<Term>, request_id: &str, content_hash: u64) -> Self {
        Led {
            api,
            term,
            request_id: request_id.to_owned(),
            content_hash,
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
        let ttl_ms = self.read(|state| state.settings.lease_ttl_ms);
        loop {
            let patience = match self.awaited() {
                Awaited::Nobody => return Ok(()),
                Awaited::Owners => SETTLE_TIMEOUT,
                Awaited::Anybody => {
                    SETTLE_TIMEOUT.max(Duration::from_millis(ttl_ms).min(SETTLE_MAX))
                }
            };
            if self.term.began.elapsed() >= patience || self.term.over.is_cancelled() {
                return Ok(());
            }
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
    }

    fn awaited(&self) -> Awaited {
        let connected = self.term.hub.connected();
        self.read(|state| {
            if connected.is_empty() && !state.workers.is_empty() {
                return Awaited::Anybody;
            }
            let mut owners = state
                .sources
                .values()
                .filter_map(|source| source.lease.as_ref());
            if owners.any(|lease| !connected.contains(&lease.worker)) {
                Awaited::Owners
            } else {
                Awaited::Nobody
            }
        })
    }

    /// Proposes one step of the request. A step has its own id, so that a repeated request gets the
    /// first answer for each of them. A refusal is an error.
    pub async fn propose(&self, step: &str, kind: Kind) -> Result<Outcome, ApiError> {
        self.propose_checked(step, kind, Vec::new()).await
    }

    /// As [`Self::propose`], and refused when one of these revisions has changed by then (R28).
    pub async fn propose_checked(
        &self,
        step: &str,
        kind: Kind,
        expected: Vec<Expectation>,
    ) -> Result<Outcome, ApiError> {
        let request = (self.content_hash != 0).then(|| Anonymous {
            content_hash: self.content_hash,
            request_id: self.request_id.clone(),
            received_ms: clock::wall_ms(),
        });
        let command = Command {
            request_id: self.step_id(step),
            traceparent: telemetry::traceparent(),
            kind: Some(kind),
            expected,
            content_hash: self.content_hash,
            received_ms: request.as_ref().map_or(0, |request| request.received_ms),
        };
        self.term.note_request(request);
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
            return Ok(outcome);
        }
        // Nothing was changed, so the same call again is a new one.
        self.term.note_request(None);
        Err(errors::refused(&outcome).into())
    }

    /// Proposes several steps as one entry: all or none, and whoever leads next finishes nothing (R28). While older masters are
    /// in the cluster the steps go one by one.
    pub async fn propose_all(
        &self,
        step: &str,
        kinds: Vec<(Kind, Vec<Expectation>)>,
    ) -> Result<(), ApiError> {
        let level = level_of(&Kind::Steps(Steps::default()));
        if !self.read(|state| state.has_level(level)) {
            for (number, (kind, expected)) in kinds.into_iter().enumerate() {
                self.propose_checked(&format!("{step}/{number}"), kind, expected)
                    .await?;
            }
            return Ok(());
        }
        let steps = kinds
            .into_iter()
            .map(|(kind, expected)| Command {
                kind: Some(kind),
                expected,
                ..Command::default()
            })
            .collect();
        self.propose(step, Kind::Steps(Steps { steps })).await?;
        Ok(())
    }

    /// What a request relies on: the configuration of this source as it is now.
    pub fn expect_source(&self, source_id: &str) -> Expectation {
        let mut expected = Expectation {
            source_id: source_id.to_owned(),
            ..Expectation::default()
        };
        expected.revision = self.read(|state| state.revision_of(&expected));
        expected
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
