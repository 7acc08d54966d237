//! What a master that wants to join calls; served on the client address.

use std::{sync::Arc, time::Duration};

use dm_model::{DmError, codes};
use dm_proto::v1::{JoinReply, JoinRequest, membership_server::Membership};
use dm_raft_store::PeerNode;
use tonic::{Request, Response, Status};
use tracing::info;

use crate::{leader::CurrentTerm, raft::Joiner, replica::Replica, replicated::Replicated};

/// Longest wait for the entry that lets a master in.
const ADMIT_TIMEOUT: Duration = Duration::from_secs(4);
/// What a program that names no state level understands.
const LEVEL_UNNAMED: u32 = 1;

/// `dm.v1.Membership` of one master.
#[derive(Clone)]
pub struct MembershipService {
    replica: Arc<dyn Replica>,
    replicated: Arc<Replicated>,
    term: CurrentTerm,
}

impl MembershipService {
    /// A service over this master's log, state and term.
    pub fn new(replica: Arc<dyn Replica>, replicated: Arc<Replicated>, term: CurrentTerm) -> Self {
        MembershipService {
            replica,
            replicated,
            term,
        }
    }

    async fn admit(&self, request: JoinRequest) -> Result<(), DmError> {
        let own = self.replica.cluster_id();
        if request.cluster_id != 0 && request.cluster_id != own {
            let text = format!(
                "the data folder of master `{}` belongs to cluster {:x}, this is cluster {own:x}",
                request.name, request.cluster_id
            );
            return Err(
                DmError::new(&codes::MASTER_INVALID_CLUSTER_ID, text).with_workaround(
                    "Start it with an empty --data-dir, or with the addresses of its own cluster.",
                ),
            );
        }
        let (level, removed) = self.replicated.read(|state| {
            (
                state.level.0,
                state.removed_masters.contains_key(&request.node_id),
            )
        });
        let understood = request.state_level_max.max(LEVEL_UNNAMED);
        if understood < level {
            let text = format!(
                "the cluster is at state level {level}, and master `{}` understands {understood} at most",
                request.name
            );
            return Err(DmError::new(&codes::MASTER_JOIN_FAIL, text)
                .with_workaround("Install the version that the other masters run."));
        }
        if removed {
            let text = format!(
                "the data folder of master `{}` was removed from the cluster by offline-member",
                request.name
            );
            return Err(DmError::new(&codes::MASTER_JOIN_FAIL, text)
                .with_workaround("Empty its data folder and start it again with --join."));
        }
        let joiner = Joiner {
            node_id: request.node_id,
            node: PeerNode {
                name: request.name,
                peer_addr: request.peer_addr,
                client_addr: request.client_addr,
            },
        };
        self.replica.admit(&joiner, ADMIT_TIMEOUT).await?;
        info!(
            name = joiner.node.name,
            peer_addr = joiner.node.peer_addr,
            "a master joins"
        );
        Ok(())
    }

    fn reply(&self, admitted: Result<(), DmError>) -> JoinReply {
        match admitted {
            Ok(()) => JoinReply {
                cluster_id: self.replica.cluster_id(),
                ..JoinReply::default()
            },
            // Not now: the joiner asks again.
            Err(error)
                if error.kind != dm_model::Kind::Definite
                    || error.code == codes::REQUEST_CONFLICT.code =>
            {
                info!(%error, "a master can't join yet");
                JoinReply::default()
            }
            Err(error) => JoinReply {
                refused: error.to_string(),
                ..JoinReply::default()
            },
        }
    }
}

#[tonic::async_trait]
impl Membership for MembershipService {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinReply>, Status> {
        let request = request.into_inner();
        if self.term.borrow().is_some() {
            let admitted = self.admit(request).await;
            return Ok(Response::new(self.reply(admitted)));
        }
        let leader = self.replica.leadership().borrow().leader.clone();
        Ok(Response::new(JoinReply {
            leader_addr: leader.map(|leader| leader.client_addr).unwrap_or_default(),
            ..JoinReply::default()
        }))
    }
}
