//! openraft's messages to other masters.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dm_proto::transport::{self, MESSAGE_BYTES_MAX, Security};
use dm_proto::v1::peer_client::PeerClient;
use dm_proto::v1::raft_request::Kind;
use dm_proto::v1::{RaftReply, RaftRequest, SnapshotChunk};
use dm_raft_store::types::{Snapshot, Vote};
use dm_raft_store::{PeerNode, TypeConfig};
use openraft::errors::{
    NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RPCTypes, RaftNetworkFactory, RaftNetworkV2};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::Code;
use tonic::transport::Channel;

use super::contacts::Contacts;

/// Longest wait for a connection. Short, so that a peer that came back is found soon.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest wait for an answer to an append. openraft offers a heartbeat interval, which a sync on a busy disk exceeds.
const APPEND_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait for votes and the like, when openraft offers less.
const RPC_TIMEOUT_MIN: Duration = Duration::from_millis(200);
/// One piece of a snapshot.
const SNAPSHOT_PIECE_BYTES: usize = 256 << 10;

type RpcError = RPCError<TypeConfig>;

/// Who sends: known before the cluster id is, which is 0 until then.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) node_id: u64,
    pub(super) cluster_id: AtomicU64,
    pub(super) contacts: Contacts,
    /// Where the membership has each member now: a connection follows one that moved.
    pub(super) addresses: Mutex<BTreeMap<u64, String>>,
    /// Where this process listens for peers.
    pub(super) peer_addr: String,
}

impl Sender {
    pub(super) fn know_addresses<'a>(&self, members: impl Iterator<Item = (u64, &'a String)>) {
        let mut known = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (id, addr) in members {
            if known.get(&id) != Some(addr) {
                known.insert(id, addr.clone());
            }
        }
    }

    fn address(&self, id: u64) -> Option<String> {
        let known = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.get(&id).cloned()
    }
}

/// Makes clients; those of one peer share a channel.
pub(super) struct Network {
    sender: Arc<Sender>,
    channels: BTreeMap<(u64, String), Channel>,
}

impl Network {
    pub(super) fn new(sender: Arc<Sender>) -> Self {
        Self {
            sender,
            channels: BTreeMap::new(),
        }
    }

    fn channel(&mut self, target: u64, node: &PeerNode) -> Result<Channel, String> {
        let key = (target, node.peer_addr.clone());
        if let Some(channel) = self.channels.get(&key) {
            return Ok(channel.clone());
        }
        let channel = lazy_channel(&node.peer_addr)?;
        self.channels.retain(|(id, _), _| *id != target);
        self.channels.insert(key, channel.clone());
        Ok(channel)
    }
}

/// A channel that connects at its first use.
pub(super) fn lazy_channel(addr: &str) -> Result<Channel, String> {
    let endpoint =
        transport::endpoint(addr, &Security::Plain).map_err(|error| error.to_string())?;
    Ok(endpoint.connect_timeout(CONNECT_TIMEOUT).connect_lazy())
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = PeerConnection;

    async fn new_client(&mut self, target: u64, node: &PeerNode) -> PeerConnection {
        PeerConnection {
            sender: self.sender.clone(),
            target,
            addr: node.peer_addr.clone(),
            client: self.channel(target, node).map(client),
        }
    }
}

/// A client of one peer.
pub(super) struct PeerConnection {
    sender: Arc<Sender>,
    target: u64,
    addr: String,
    client: Result<PeerClient<Channel>, String>,
}

fn client(channel: Channel) -> PeerClient<Channel> {
    PeerClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

impl PeerConnection {
    /// The client of where the peer is now.
    fn client(&mut self) -> Result<PeerClient<Channel>, RpcError> {
        if let Some(addr) = self
            .sender
            .address(self.target)
            .filter(|addr| *addr != self.addr)
        {
            self.client = lazy_channel(&addr).map(client);
            self.addr = addr;
        }
        self.client.clone().map_err(|text| unreachable(&text))
    }

    async fn call<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        kind: Kind,
        message: &Q,
        timeout: Duration,
    ) -> Result<A, RpcError> {
        let body = serde_json::to_vec(message)
            .map_err(|error| RPCError::Network(NetworkError::new(&error)))?;
        let request = RaftRequest {
            cluster_id: self.sender.cluster_id.load(Ordering::Acquire),
            from: self.sender.node_id,
            to: self.target,
            kind: kind.into(),
            body,
            from_addr: self.sender.peer_addr.clone(),
        };
        let mut client = self.client()?;
        let answer =
            tokio::time::timeout(timeout, client.raft(transport::request(request, timeout))).await;
        let reply = match answer {
            Err(_) => return Err(self.timed_out(kind, timeout)),
            Ok(Err(status)) if status.code() == Code::DeadlineExceeded => {
                return Err(self.timed_out(kind, timeout));
            }
            Ok(Err(status)) => return Err(unreachable(&status.to_string())),
            Ok(Ok(reply)) => reply.into_inner(),
        };
        self.decode(&reply)
    }

    fn decode<A: DeserializeOwned>(&self, reply: &RaftReply) -> Result<A, RpcError> {
        if !reply.refused.is_empty() {
            tracing::warn!(
                peer = self.target,
                reason = reply.refused,
                "a peer refuses our messages"
            );
            return Err(unreachable(&reply.refused));
        }
        self.sender.contacts.heard(self.target);
        serde_json::from_slice(&reply.body)
            .map_err(|error| RPCError::Network(NetworkError::new(&error)))
    }

    fn timed_out(&self, kind: Kind, timeout: Duration) -> RpcError {
        let action = match kind {
            Kind::Vote | Kind::PreVote => RPCTypes::Vote,
            Kind::TransferLeader => RPCTypes::TransferLeader,
            Kind::AppendEntries | Kind::Unspecified => RPCTypes::AppendEntries,
        };
        RPCError::Timeout(Timeout {
            action,
            id: self.sender.node_id,
            target: self.target,
            timeout,
        })
    }

    /// The snapshot as messages; only the first says what it is.
    fn pieces(
        &self,
        vote: &Vote,
        snapshot: Snapshot,
    ) -> Result<Vec<SnapshotChunk>, serde_json::Error> {
        let chunk = |data: &[u8]| SnapshotChunk {
            cluster_id: self.sender.cluster_id.load(Ordering::Acquire),
            from: self.sender.node_id,
            to: self.target,
            data: data.to_vec(),
            ..SnapshotChunk::default()
        };
        let first = SnapshotChunk {
            from_addr: self.sender.peer_addr.clone(),
            vote: serde_json::to_vec(vote)?,
            meta: serde_json::to_vec(&snapshot.meta)?,
            ..chunk(&[])
        };
        let rest = snapshot.snapshot.chunks(SNAPSHOT_PIECE_BYTES).map(chunk);
        Ok(std::iter::once(first).chain(rest).collect())
    }
}

fn unreachable(text: &str) -> RpcError {
    RPCError::Unreachable(Unreachable::from_string(text))
}

impl RaftNetworkV2<TypeConfig> for PeerConnection {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        self.call(
            Kind::AppendEntries,
            &rpc,
            option.hard_ttl().max(APPEND_TIMEOUT),
        )
        .await
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        self.call(Kind::Vote, &rpc, option.soft_ttl().max(RPC_TIMEOUT_MIN))
            .await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        self.call(Kind::PreVote, &rpc, option.soft_ttl().max(RPC_TIMEOUT_MIN))
            .await
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        self.call(
            Kind::TransferLeader,
            &req,
            option.soft_ttl().max(RPC_TIMEOUT_MIN),
        )
        .await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let pieces = self
            .pieces(&vote, snapshot)
            .map_err(|error| StreamingError::Network(NetworkError::new(&error)))?;
        let mut client = self.client()?;
        let timeout = option.hard_ttl();
        let request = transport::request(tokio_stream::iter(pieces), timeout);
        let answer = tokio::select! {
            closed = cancel => return Err(closed.into()),
            answer = tokio::time::timeout(timeout, client.install_snapshot(request)) => answer,
        };
        let reply = match answer {
            Err(_) => return Err(self.timed_out(Kind::AppendEntries, timeout).into()),
            Ok(Err(status)) => return Err(unreachable(&status.to_string()).into()),
            Ok(Ok(reply)) => reply.into_inner(),
        };
        Ok(self.decode(&reply)?)
    }
}
