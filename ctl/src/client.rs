//! Finding a master, and repeating a call without doing it twice.
//!
//! Any master will do, because masters forward. The addresses are tried in order and the first that answers is kept. When a call
//! meets a lost connection or an election, the walk goes on from the next address for a bounded time; a mutating call keeps its
//! request id, so a master that already applied it answers with the stored outcome.

use std::time::Duration;

use dm_proto::{
    pb::master_client::MasterClient,
    request_id::RequestId,
    transport::{self, MESSAGE_BYTES_MAX, Security},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tonic::{Request, Response, Status, transport::Channel};

use crate::CtlError;

/// A connected master.
pub type Master = MasterClient<Channel>;

/// After so long in lost connections and elections a call is not tried again. The last try may take as long as a master waits
/// for a leader (4.5 s), and without a quorum all of it must end within 10 s.
pub const ELECTION_WAIT: Duration = Duration::from_secs(5);

/// DM's default for queries.
pub const RPC_TIMEOUT_DEFAULT: Duration = Duration::from_secs(600);

/// Bound of operations, which DM leaves unbounded: above the 30 min that a pre-check may take.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(35 * 60);

/// Pause between two tries; doubles up to the maximum, so an election of half a second costs little.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The masters, of which one is connected.
#[derive(Debug)]
pub struct Client {
    addrs: Vec<String>,
    security: Security,
    query_timeout: Duration,
    walk: Mutex<Walk>,
}

#[derive(Debug, Default)]
struct Walk {
    /// Index of the address to try first.
    next: usize,
    connected: Option<(usize, Master)>,
}

impl Client {
    /// Connects at the first call only: some commands need no master.
    pub fn new(master_addr: &str, security: Security, query_timeout: Duration) -> Self {
        let addrs = master_addr
            .split(',')
            .map(str::trim)
            .filter(|addr| !addr.is_empty())
            .map(str::to_owned);
        Self {
            addrs: addrs.collect(),
            security,
            query_timeout,
            walk: Mutex::default(),
        }
    }

    /// A call that changes nothing.
    pub async fn query<Q: Clone, A>(
        &self,
        message: Q,
        call: impl AsyncFn(Master, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, CtlError> {
        self.repeat(async |master| {
            let request = transport::request(message.clone(), self.query_timeout);
            transport::within(self.query_timeout, call(master, request)).await
        })
        .await
    }

    /// A call that changes something; all its repetitions carry one request id.
    pub async fn operate<Q: Clone, A>(
        &self,
        message: Q,
        call: impl AsyncFn(Master, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, CtlError> {
        let id = RequestId::generate();
        self.repeat(async |master| {
            let request = transport::mutating_request(message.clone(), OPERATION_TIMEOUT, &id);
            transport::within(OPERATION_TIMEOUT, call(master, request)).await
        })
        .await
    }

    async fn repeat<A>(
        &self,
        call: impl AsyncFn(Master) -> Result<Response<A>, Status>,
    ) -> Result<A, CtlError> {
        let mut give_up: Option<Instant> = None;
        let mut pause = PAUSE_MIN;
        loop {
            let begun = Instant::now();
            let error = match self.connected().await {
                Ok((index, master)) => match call(master).await {
                    Ok(answer) => return Ok(answer.into_inner()),
                    Err(status) if transport::is_unavailable(&status) => {
                        self.leave(index).await;
                        give_up.get_or_insert_with(|| trouble_began(begun) + ELECTION_WAIT);
                        CtlError::Rpc(status)
                    }
                    Err(status) => return Err(CtlError::Rpc(status)),
                },
                Err(error) => error,
            };
            // No address ever answered: waiting would not help. Otherwise this is an election or a restart.
            if give_up.is_none_or(|end| Instant::now() + pause > end) {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn connected(&self) -> Result<(usize, Master), CtlError> {
        if self.addrs.is_empty() {
            return Err(CtlError::message(
                "no master address: give --master-addr or set the environment variable DM_MASTER_ADDR",
            ));
        }
        let mut walk = self.walk.lock().await;
        if let Some((index, master)) = &walk.connected {
            return Ok((*index, master.clone()));
        }
        let mut causes = Vec::new();
        let start = walk.next;
        let order = self
            .addrs
            .iter()
            .enumerate()
            .cycle()
            .skip(start)
            .take(self.addrs.len());
        for (index, addr) in order {
            match transport::connect(addr, &self.security).await {
                Ok(channel) => {
                    let master =
                        MasterClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
                    walk.connected = Some((index, master.clone()));
                    return Ok((index, master));
                }
                Err(cause) => causes.push(cause),
            }
        }
        Err(CtlError::Connect(causes))
    }

    /// Forgets a master that cannot serve now; the next walk starts behind it.
    async fn leave(&self, index: usize) {
        let mut walk = self.walk.lock().await;
        if walk
            .connected
            .as_ref()
            .is_some_and(|(connected, _)| *connected == index)
        {
            walk.connected = None;
            walk.next = (index + 1) % self.addrs.len().max(1);
        }
    }
}

/// A call that fails soon was in trouble from its start; one that broke after minutes of work is only now.
fn trouble_began(call_began: Instant) -> Instant {
    if call_began.elapsed() <= ELECTION_WAIT {
        call_began
    } else {
        Instant::now()
    }
}
