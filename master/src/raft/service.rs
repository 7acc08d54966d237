//! The `dm.v1.Peer` service: what other masters ask of this one.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dm_model::DmError;
use dm_proto::v1::peer_server::Peer;
use dm_proto::v1::raft_request::Kind;
use dm_proto::v1::{IdentifyReply, IdentifyRequest, RaftReply, RaftRequest, SnapshotChunk};
use dm_raft_store::types::Snapshot;
use dm_raft_store::{PeerNode, StateMachine, TypeConfig};
use openraft::async_runtime::WatchReceiver;
use openraft::{LinearizerOption, Raft};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming};

use super::identity::DataFolder;
use super::membership::{ask, copied};
use super::network::Sender;

/// openraft, whatever the machine.
pub(super) type AnyRaft = Raft<TypeConfig, StateMachine>;

/// Longest wait for the proof that this master leads.
const CONFIRM_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest snapshot that is accepted; it is collected in memory.
const SNAPSHOT_BYTES_MAX: usize = 256 << 20;

/// Answers peers.
#[derive(Clone)]
pub(super) struct PeerService {
    pub(super) raft: AnyRaft,
    pub(super) sender: Arc<Sender>,
    pub(super) folder: Arc<Mutex<DataFolder>>,
    /// Names of the cluster to form.
    pub(super) founders: Vec<String>,
    pub(super) client_addr: String,
    pub(super) peer_addr: String,
    pub(super) state_level_max: u32,
    pub(super) evicted: watch::Receiver<bool>,
}

impl PeerService {
    /// Checks that a message is for this folder and its cluster, and that no copy of a data folder sent it; the error is the
    /// text for the peer.
    async fn admit(
        &self,
        cluster_id: u64,
        from: u64,
        to: u64,
        from_addr: &str,
    ) -> Result<(), String> {
        let me = self.sender.node_id;
        if to != me {
            return Err(format!(
                "the master at {} has node id {me:x}, not {to:x}: its data folder was replaced. \
                 Remove the old member with `dmctl offline-member` and start the new one with --join",
                self.peer_addr
            ));
        }
        let mine = self.sender.cluster_id.load(Ordering::Acquire);
        if cluster_id == 0 || (mine != 0 && mine != cluster_id) {
            return Err(format!(
                "the master at {} belongs to cluster {mine:x}, not to {cluster_id:x}",
                self.peer_addr
            ));
        }
        if mine == 0 {
            // Our node id is random and known only to those who asked while the cluster was formed, so a message to
            // it comes from a cluster that has this very folder as a member.
            self.adopt(cluster_id).map_err(|error| error.to_string())?;
        }
        if let Some(node) = self.copied_from(from, from_addr).await {
            return Err(copied(&node.name, &node.peer_addr).to_string());
        }
        self.sender.contacts.heard(from);
        Ok(())
    }

    /// Another address than the member's, and the member answers at its own: two processes have its data folder. Gives the member.
    async fn copied_from(&self, from: u64, from_addr: &str) -> Option<PeerNode> {
        let known = self.member(from)?;
        if from_addr.is_empty() || known.peer_addr == from_addr {
            return None;
        }
        let there = ask(&known.peer_addr, 0).await?;
        (there.node_id == from).then_some(known)
    }

    /// True when a quorum confirms that this master leads, and the node id is no member.
    async fn knows_removed(&self, node_id: u64) -> bool {
        let leads = || self.raft.metrics().borrow_watched().state.is_leader();
        if node_id == 0 || !leads() || self.member(node_id).is_some() {
            return false;
        }
        let option =
            LinearizerOption::new(Some(Duration::ZERO), true).with_wait_timeout(CONFIRM_TIMEOUT);
        let confirmed =
            tokio::time::timeout(CONFIRM_TIMEOUT, self.raft.get_read_linearizer(option)).await;
        matches!(confirmed, Ok(Ok(_))) && self.member(node_id).is_none()
    }

    fn adopt(&self, cluster_id: u64) -> Result<(), DmError> {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        // The store is empty still; the start that waits for this settles it.
        folder.set_cluster(cluster_id, true)?;
        self.sender.cluster_id.store(cluster_id, Ordering::Release);
        tracing::info!(
            cluster_id = format!("{cluster_id:x}"),
            "this master belongs to a cluster now"
        );
        Ok(())
    }

    async fn dispatch(&self, kind: Kind, body: &[u8]) -> Result<Vec<u8>, Status> {
        let raft = &self.raft;
        match kind {
            Kind::AppendEntries => {
                self.sender.contacts.led();
                encode(raft.append_entries(decode(body)?).await.map_err(internal)?)
            }
            Kind::Vote => encode(raft.vote(decode(body)?).await.map_err(internal)?),
            Kind::PreVote => encode(raft.pre_vote(decode(body)?).await.map_err(internal)?),
            Kind::TransferLeader => encode(
                raft.handle_transfer_leader(decode(body)?)
                    .await
                    .map_err(internal)?,
            ),
            Kind::Unspecified => Err(Status::invalid_argument("unknown kind of raft message")),
        }
    }
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Status> {
    serde_json::from_slice(body)
        .map_err(|error| Status::invalid_argument(format!("unreadable raft message: {error}")))
}

fn encode<T: Serialize>(answer: T) -> Result<Vec<u8>, Status> {
    serde_json::to_vec(&answer).map_err(|error| Status::internal(error.to_string()))
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}

fn refused(text: String) -> Response<RaftReply> {
    Response::new(RaftReply {
        refused: text,
        body: Vec::new(),
    })
}

#[tonic::async_trait]
impl Peer for PeerService {
    async fn identify(
        &self,
        request: Request<IdentifyRequest>,
    ) -> Result<Response<IdentifyReply>, Status> {
        let identity = self
            .folder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .identity()
            .clone();
        let IdentifyRequest {
            // Someone who only asks sends no names.
            initial_cluster: asked,
            node_id,
        } = request.into_inner();
        let empty = identity.cluster_id == 0 || identity.forming;
        if empty && !asked.is_empty() && asked != self.founders {
            return Err(Status::failed_precondition(format!(
                "master `{}` was started with the initial cluster {}, the one that asks with {}",
                identity.name,
                self.founders.join(","),
                asked.join(",")
            )));
        }
        Ok(Response::new(IdentifyReply {
            node_id: identity.node_id,
            name: identity.name,
            empty,
            cluster_id: identity.cluster_id,
            client_addr: self.client_addr.clone(),
            peer_addr: self.peer_addr.clone(),
            state_level_max: self.state_level_max,
            removed: self.knows_removed(node_id).await,
            evicted: *self.evicted.borrow(),
            asker_addr: self
                .member(node_id)
                .map(|node| node.peer_addr)
                .unwrap_or_default(),
        }))
    }

    async fn raft(&self, request: Request<RaftRequest>) -> Result<Response<RaftReply>, Status> {
        let request = request.into_inner();
        if let Err(text) = self
            .admit(
                request.cluster_id,
                request.from,
                request.to,
                &request.from_addr,
            )
            .await
        {
            return Ok(refused(text));
        }
        let body = self.dispatch(request.kind(), &request.body).await?;
        Ok(Response::new(RaftReply {
            refused: String::new(),
            body,
        }))
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<SnapshotChunk>>,
    ) -> Result<Response<RaftReply>, Status> {
        let mut chunks = request.into_inner();
        let first = chunks
            .message()
            .await?
            .ok_or_else(|| Status::invalid_argument("an empty snapshot stream"))?;
        if let Err(text) = self
            .admit(first.cluster_id, first.from, first.to, &first.from_addr)
            .await
        {
            return Ok(refused(text));
        }
        let vote = decode(&first.vote)?;
        let meta = decode(&first.meta)?;
        let mut data = first.data;
        while let Some(chunk) = chunks.message().await? {
            if data.len().saturating_add(chunk.data.len()) > SNAPSHOT_BYTES_MAX {
                return Err(Status::resource_exhausted(format!(
                    "a snapshot above {SNAPSHOT_BYTES_MAX} bytes"
                )));
            }
            data.extend_from_slice(&chunk.data);
            self.sender.contacts.heard(first.from);
        }
        let answer = self
            .raft
            .install_full_snapshot(
                vote,
                Snapshot {
                    meta,
                    snapshot: data,
                },
            )
            .await;
        let body = encode(answer.map_err(internal)?)?;
        Ok(Response::new(RaftReply {
            refused: String::new(),
            body,
        }))
    }
}
