//! Finding a master, and repeating a call without doing it twice.
//!
//! Any master will do, because masters forward. The addresses are tried in order and the first that answers is kept. When a call
//! meets a lost connection or an election, the walk goes on from the next address for a bounded time; a mutating call keeps its
//! request id, so a master that already applied it answers with the stored outcome.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use dm_proto::{
    pb::master_client::MasterClient,
    request_id::RequestId,
    transport::{self, MESSAGE_BYTES_MAX, Security},
    v1::{LeaderRequest, session_client::SessionClient},
};
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tonic::{Request, Response, Status, transport::Channel};

use crate::CtlError;

/// A connected master.
pub type Master = MasterClient<Channel>;

/// After so long in lost connections and elections a call is not tried again. The last try may take as long as a master waits
/// for a leader (4 s), and without a quorum all of it must end within 10 s.
pub const ELECTION_WAIT: Duration = Duration::from_secs(5);

/// DM's default for queries.
pub const RPC_TIMEOUT_DEFAULT: Duration = Duration::from_secs(600);

/// Bound of operations, which DM leaves unbounded: above the 30 min that a pre-check may take.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(35 * 60);

/// Pause between two tries; doubles up to the maximum, so an election of half a second costs little.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long a master may take to say what it has applied.
const STAMP_TIMEOUT: Duration = Duration::from_millis(500);
/// What a master says when it surely did not propose the change.
const NOTHING_PROPOSED: &str = "nothing was proposed";

/// So long an address is tried alone.
const HEAD_START: Duration = Duration::from_millis(300);

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
    connected: Option<(usize, Channel)>,
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

    /// A call that changes something; all its repetitions carry one request id. When no answer came the error says whether the
    /// masters may have carried it out (R28).
    pub async fn operate<Q: Clone, A>(
        &self,
        message: Q,
        call: impl AsyncFn(Master, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, CtlError> {
        let id = self.request_id().await;
        let sent = AtomicBool::new(false);
        let answer = self.repeat(async |master| {
            let request = transport::mutating_request(message.clone(), OPERATION_TIMEOUT, &id);
            let answer = transport::within(OPERATION_TIMEOUT, call(master, request)).await;
            if let Err(status) = &answer {
                let unknown = transport::is_unavailable(status)
                    || status.code() == tonic::Code::DeadlineExceeded;
                if unknown && !status.message().contains(NOTHING_PROPOSED) {
                    sent.store(true, Ordering::Relaxed);
                }
            }
            answer
        });
        answer.await.map_err(|error| match error {
            error @ (CtlError::Rpc(_) | CtlError::Connect(_)) if sent.load(Ordering::Relaxed) => {
                CtlError::message(format!(
                    "outcome unknown, request id {id}: {error}\nThe change may have been made, or may still be: look with \
                     query-status or list-member before you repeat the command."
                ))
            }
            error @ CtlError::Connect(_) => CtlError::message(format!("{error} Nothing was changed.")),
            error => error,
        })
    }

    /// A fresh id, stamped with what the masters have applied, so that they can tell an id that they have forgotten. Masters
    /// that don't say get one without a stamp.
    async fn request_id(&self) -> RequestId {
        let Ok((_, channel)) = self.connected().await else {
            return RequestId::generate();
        };
        let mut client = SessionClient::new(channel);
        let asked = client.leader(transport::request(LeaderRequest {}, STAMP_TIMEOUT));
        match tokio::time::timeout(STAMP_TIMEOUT, asked).await {
            Ok(Ok(reply)) => RequestId::stamped(reply.into_inner().applied),
            _ => RequestId::generate(),
        }
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
                Ok((index, channel)) => match call(master(channel)).await {
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

    async fn connected(&self) -> Result<(usize, Channel), CtlError> {
        if self.addrs.is_empty() {
            return Err(CtlError::message(
                "no master address: give --master-addr or set the environment variable DM_MASTER_ADDR",
            ));
        }
        let mut walk = self.walk.lock().await;
        if let Some((index, channel)) = &walk.connected {
            return Ok((*index, channel.clone()));
        }
        let start = walk.next;
        let order = (0..self.addrs.len()).map(|step| (start + step) % self.addrs.len());
        let dialled = first_of(order, async |index| {
            let addr = self.addrs.get(index).map_or("", String::as_str);
            let channel = transport::connect(addr, &self.security).await?;
            Ok((index, channel))
        });
        let (index, channel) = dialled.await.map_err(CtlError::Connect)?;
        walk.connected = Some((index, channel.clone()));
        Ok((index, channel))
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

fn master(channel: Channel) -> Master {
    MasterClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

/// Tries them in order and takes the first that succeeds. One that fails hands on at once, one that is silent after a head
/// start: hosts that are down must not use up the time of a call.
async fn first_of<T, E>(
    order: impl IntoIterator<Item = usize>,
    attempt: impl AsyncFn(usize) -> Result<T, E>,
) -> Result<T, Vec<E>> {
    let mut waiting = order.into_iter().peekable();
    let (mut running, mut causes) = (FuturesUnordered::new(), Vec::new());
    loop {
        if let Some(next) = waiting.next() {
            running.push(attempt(next));
        }
        tokio::select! {
            Some(done) = running.next() => match done {
                Ok(found) => return Ok(found),
                Err(cause) => causes.push(cause),
            },
            () = sleep(HEAD_START), if waiting.peek().is_some() => {}
            else => return Err(causes),
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

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::pending};

    use super::*;

    #[tokio::test]
    async fn silent_hosts_cost_a_head_start_each_and_refusals_nothing() {
        let began = Instant::now();
        let found = first_of(0..4, async |place| match place {
            0 | 1 => pending().await,
            2 => Err("refused"),
            place => Ok(place),
        });
        assert_eq!(found.await, Ok(3));
        assert!(began.elapsed() >= HEAD_START * 2 && began.elapsed() < HEAD_START * 10);
    }

    #[tokio::test]
    async fn the_first_is_kept_and_the_others_are_not_asked() {
        let asked = RefCell::new(Vec::new());
        let found = first_of([2, 0, 1], async |place| {
            asked.borrow_mut().push(place);
            Ok::<_, &str>(place)
        });
        assert_eq!(found.await, Ok(2));
        assert_eq!(*asked.borrow(), [2]);
        let none = first_of(0..2, async |place| Err::<usize, _>(place)).await;
        assert_eq!(none, Err(vec![0, 1]));
    }
}
