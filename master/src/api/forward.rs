//! The way of a call to the leader.
//!
//! One hop: a forwarded call is never forwarded again. A call that meets an election waits for its end.
//! A call that broke on its way is repeated under the same request id; the replicated state answers
//! each of its steps once, so the repetition changes nothing twice.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use dm_proto::{
    pb::master_client::MasterClient,
    request_id::RequestId,
    telemetry,
    transport::{self, MESSAGE_BYTES_MAX, Security},
};
use tokio::time::Instant;
use tonic::{Request, Status, metadata::MetadataValue, transport::Channel};
use tracing::Span;

use super::{Api, led::Led};
use crate::{clock, errors, leader::Term, raft::LeaderInfo, state::Anonymous};

/// Set on forwarded calls.
pub const FORWARDED_KEY: &str = "dm-forwarded";
/// Set on forwarded calls that came without an id: the hash of their content (R29).
pub const CONTENT_KEY: &str = "dm-content-hash";
/// An equal call without an id within this time is the same call again (R29): stock dmctl repeats so.
const REPEAT_WITHIN_MS: u64 = 30_000;
/// Longest wait for a leader. Stock dmctl calls twice, and both together end within 10 s.
pub const LEADER_WAIT: Duration = Duration::from_secs(4);
/// A forwarded call met a master that does not lead: so long it waits whether it is about to.
const FORWARDED_WAIT: Duration = Duration::from_secs(1);
/// Pause before the leader is looked for again.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// Longest forwarded call: a pre-check of a big task takes up to 30 minutes.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(35 * 60);
/// A call that broke so often at a leader is given up.
const BREAKS_MAX: u32 = 5;
/// Connections kept; more than any cluster has masters.
const CHANNELS_MAX: usize = 16;

/// A call as it came in.
pub struct Incoming {
    /// Its span, child of the caller's.
    pub span: Span,
    /// The caller's id of the request, or a fresh one.
    pub id: RequestId,
    /// Hash of method and message when the caller gave no id; else 0.
    content_hash: u64,
    forwarded: bool,
    deadline: Option<Instant>,
    breaks: u32,
}

/// Who shall handle the call.
pub enum Way {
    /// This master, in this term.
    Here(Box<Led>),
    /// The leader.
    There(Box<MasterClient<Channel>>, LeaderInfo),
}

impl Incoming {
    /// Takes the message out of a request.
    pub fn open<Q: prost::Message>(
        api: &Api,
        method: &'static str,
        request: Request<Q>,
    ) -> (Self, Q) {
        let given = RequestId::read(request.metadata());
        let content_hash = match &given {
            Some(_) => forwarded_hash(&request),
            None => content_hash(method, request.get_ref()),
        };
        let applied = || api.replicated.read(|state| state.applied);
        let id = given.unwrap_or_else(|| RequestId::made_by_server(applied()));
        let span = tracing::info_span!("master", method, request_id = %id);
        telemetry::extract_parent(request.metadata(), &span);
        let forwarded = request.metadata().contains_key(FORWARDED_KEY);
        (
            Incoming {
                span,
                id,
                content_hash,
                forwarded,
                deadline: None,
                breaks: 0,
            },
            request.into_inner(),
        )
    }

    /// The same call, to the leader.
    pub fn onward<Q>(&self, message: Q) -> Request<Q> {
        let mut request = transport::mutating_request(message, FORWARD_TIMEOUT, &self.id);
        request
            .metadata_mut()
            .insert(FORWARDED_KEY, MetadataValue::from_static("1"));
        if self.content_hash != 0 {
            request
                .metadata_mut()
                .insert(CONTENT_KEY, MetadataValue::from(self.content_hash));
        }
        request
    }

    /// The id under which this leader has the same call already, if it came without one and somebody repeats it (R29).
    fn adopt_first_id(&mut self, api: &Api, term: &Term) {
        if self.content_hash == 0 {
            return;
        }
        let now_ms = clock::wall_ms();
        let recent = |known: &Anonymous| {
            known.content_hash == self.content_hash
                && now_ms.saturating_sub(known.received_ms) <= REPEAT_WITHIN_MS
        };
        let in_log = || {
            api.replicated
                .read(|state| state.answers.last_anonymous().cloned())
        };
        let first = term
            .last_request()
            .filter(recent)
            .or_else(|| in_log().filter(recent));
        if let Some(id) = first.and_then(|first| RequestId::parse(&first.request_id)) {
            self.id = id;
        }
    }

    /// Finds who leads; waits for it until the call's patience ends.
    pub async fn way(&mut self, api: &Api) -> Result<Way, Status> {
        let deadline = *self.deadline.get_or_insert_with(|| {
            Instant::now()
                + if self.forwarded {
                    FORWARDED_WAIT
                } else {
                    LEADER_WAIT
                }
        });
        loop {
            if let Some(term) = api.term.borrow().clone() {
                self.adopt_first_id(api, &term);
                return Ok(Way::Here(Box::new(Led::new(
                    api.clone(),
                    term,
                    self.id.as_str(),
                    self.content_hash,
                ))));
            }
            let leader = api.replica.leadership().borrow().leader.clone();
            let other =
                leader.filter(|leader| leader.node_id != api.replica.node_id() && !self.forwarded);
            if let Some(leader) = other {
                let client = api.forwarder.client(&leader.client_addr)?;
                return Ok(Way::There(Box::new(client), leader));
            }
            if Instant::now() >= deadline {
                return Err(Status::unavailable(self.nobody().to_string()));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// After a call that broke or met a master that no longer leads: says whether it may be tried again, and waits a moment.
    pub async fn again(&mut self) -> bool {
        // Patience counts from when the trouble began, not from the start of a call that ran for minutes.
        let deadline = match self.deadline {
            Some(deadline) if Instant::now() < deadline => deadline,
            _ => return false,
        };
        tokio::time::sleep(LOOK_PAUSE).await;
        Instant::now() < deadline
    }

    /// The call was handed to somebody and broke: patience starts anew, a bounded number of times.
    pub fn handed_over(&mut self, took: Duration) {
        self.breaks = self.breaks.saturating_add(1);
        if let Some(deadline) = &mut self.deadline
            && took > LOOK_PAUSE * 4
            && self.breaks <= BREAKS_MAX
        {
            *deadline = Instant::now() + LEADER_WAIT;
        }
    }

    fn nobody(&self) -> dm_model::DmError {
        errors::not_leader(
            "no leader is known: an election is going on, or there is no quorum; nothing was proposed",
        )
    }
}

fn forwarded_hash<Q>(request: &Request<Q>) -> u64 {
    let value = request.metadata().get(CONTENT_KEY);
    value
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or(0)
}

/// FNV-1a over method and message, never 0. All versions must agree on it: the hash is stored in the log.
fn content_hash(method: &str, message: &impl prost::Message) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = message.encode_to_vec();
    let all = method.bytes().chain([0]).chain(bytes);
    all.fold(OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
    .max(1)
}

/// Returns when somebody else than `leader` leads.
pub async fn superseded(api: &Api, leader: &LeaderInfo) {
    let mut leadership = api.replica.leadership();
    let other = |now: &crate::raft::Leadership| {
        now.leader
            .as_ref()
            .is_some_and(|now| now.node_id != leader.node_id)
    };
    if leadership.wait_for(other).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Connections to the other masters.
#[derive(Default)]
pub struct Forwarder {
    channels: Mutex<BTreeMap<String, Channel>>,
}

impl Forwarder {
    /// A client of the master at this address; connects when it is first used.
    pub fn client(&self, addr: &str) -> Result<MasterClient<Channel>, Status> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.len() >= CHANNELS_MAX {
            channels.clear();
        }
        let channel = match channels.get(addr) {
            Some(channel) => channel.clone(),
            None => {
                let channel = transport::connect_lazy(addr, &Security::Plain).map_err(|error| {
                    Status::unavailable(errors::not_leader(&error.to_string()).to_string())
                })?;
                channels.insert(addr.to_owned(), channel.clone());
                channel
            }
        };
        Ok(MasterClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX))
    }
}
