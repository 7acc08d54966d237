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
use crate::{errors, raft::LeaderInfo};

/// Set on forwarded calls.
pub const FORWARDED_KEY: &str = "dm-forwarded";
/// Longest wait for a leader. Stock dmctl calls twice, and both together end within 10 s.
pub const LEADER_WAIT: Duration = Duration::from_secs(4);
/// A forwarded call met a master that does not lead: so long it waits whether it is about to.
const FORWARDED_WAIT: Duration = Duration::from_secs(1);
/// Pause before the leader is looked for again.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// Longest forwarded call: a pre-check of a big task takes up to 30 minutes.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(35 * 60);
/// Connections kept; more than any cluster has masters.
const CHANNELS_MAX: usize = 16;

/// A call as it came in.
pub struct Incoming {
    /// Its span, child of the caller's.
    pub span: Span,
    /// The caller's id of the request, or a fresh one.
    pub id: RequestId,
    forwarded: bool,
    deadline: Option<Instant>,
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
    pub fn open<Q>(method: &'static str, request: Request<Q>) -> (Self, Q) {
        let id = RequestId::read_or_generate(request.metadata());
        let span = tracing::info_span!("master", method, request_id = %id);
        telemetry::extract_parent(request.metadata(), &span);
        let forwarded = request.metadata().contains_key(FORWARDED_KEY);
        (
            Incoming {
                span,
                id,
                forwarded,
                deadline: None,
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
        request
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
                return Ok(Way::Here(Box::new(Led::new(
                    api.clone(),
                    term,
                    self.id.as_str(),
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

    /// The call was handed to somebody: patience starts anew when it breaks.
    pub fn handed_over(&mut self, took: Duration) {
        if let Some(deadline) = &mut self.deadline
            && took > LOOK_PAUSE * 4
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
