//! The gRPC service that workers speak to.

use std::sync::Arc;

use dm_proto::v1::{
    LeaderReply, LeaderRequest, MasterMessage, WorkerMessage, session_server::Session,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{hub::OUT_MAX, open};
use crate::{leader::CurrentTerm, replica::Replica, replicated::Replicated};

/// `dm.v1.Session` of one master.
#[derive(Clone)]
pub struct SessionService {
    pub(super) replica: Arc<dyn Replica>,
    pub(super) replicated: Arc<Replicated>,
    pub(super) term: CurrentTerm,
    /// AES key for passwords in configurations; empty without one.
    pub(super) secret_key: Arc<[u8]>,
}

impl SessionService {
    /// A service over this master's log, state and term.
    pub fn new(
        replica: Arc<dyn Replica>,
        replicated: Arc<Replicated>,
        term: CurrentTerm,
        secret_key: Arc<[u8]>,
    ) -> Self {
        SessionService {
            replica,
            replicated,
            term,
            secret_key,
        }
    }

    pub(super) fn masters(&self) -> Vec<String> {
        self.replica
            .members()
            .into_iter()
            .map(|member| member.client_addr)
            .collect()
    }

    pub(super) fn leader_reply(&self) -> LeaderReply {
        let leader = self.replica.leadership().borrow().leader.clone();
        let (leader_addr, leader_name) = leader
            .map(|leader| (leader.client_addr, leader.name))
            .unwrap_or_default();
        LeaderReply {
            leader_addr,
            leader_name,
            masters: self.masters(),
            cluster_id: self.replica.cluster_id(),
            applied: self.replicated.read(|state| state.applied),
        }
    }
}

#[tonic::async_trait]
impl Session for SessionService {
    type OpenStream = ReceiverStream<Result<MasterMessage, Status>>;

    async fn leader(&self, _: Request<LeaderRequest>) -> Result<Response<LeaderReply>, Status> {
        Ok(Response::new(self.leader_reply()))
    }

    async fn open(
        &self,
        request: Request<Streaming<WorkerMessage>>,
    ) -> Result<Response<Self::OpenStream>, Status> {
        let (out, stream) = mpsc::channel(OUT_MAX);
        tokio::spawn(open::run(self.clone(), request.into_inner(), out));
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}
