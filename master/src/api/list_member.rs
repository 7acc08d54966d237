//! `list-member`.

use std::collections::BTreeSet;

use dm_proto::pb::{
    ListLeaderMember, ListMasterMember, ListMemberRequest, ListMemberResponse, ListWorkerMember,
    MasterInfo, Members, WorkerInfo, members::Member,
};

use super::{ApiError, led::Led};
use crate::metrics::WorkerStage;

impl Led {
    pub(super) async fn list_member(
        &self,
        request: ListMemberRequest,
    ) -> Result<ListMemberResponse, ApiError> {
        self.settle().await?;
        let ListMemberRequest {
            leader,
            master,
            worker,
            names,
        } = request;
        let all = !leader && !master && !worker;
        let names: BTreeSet<String> = names.into_iter().collect();
        let shown = |name: &str| names.is_empty() || names.contains(name);
        let mut members = Vec::new();
        if leader || all {
            members.push(Member::Leader(self.leader_member(&shown)));
        }
        if master || all {
            members.push(Member::Master(self.master_members(&shown)));
        }
        if worker || all {
            members.push(Member::Worker(self.worker_members(&shown)));
        }
        let members = members
            .into_iter()
            .map(|member| Members {
                member: Some(member),
            })
            .collect();
        Ok(ListMemberResponse {
            result: true,
            msg: String::new(),
            members,
        })
    }

    fn leader_member(&self, shown: &dyn Fn(&str) -> bool) -> ListLeaderMember {
        let own = self.api.replica.node_id();
        let leader = self
            .api
            .replica
            .members()
            .into_iter()
            .find(|member| member.node_id == own && shown(&member.name));
        leader.map_or_else(ListLeaderMember::default, |leader| ListLeaderMember {
            msg: String::new(),
            name: leader.name,
            addr: leader.client_addr,
        })
    }

    fn master_members(&self, shown: &dyn Fn(&str) -> bool) -> ListMasterMember {
        let masters = self
            .api
            .replica
            .members()
            .into_iter()
            .filter(|member| shown(&member.name))
            .map(|member| MasterInfo {
                name: member.name,
                member_id: member.node_id,
                // The leader hears every other master several times a second.
                alive: member.alive.unwrap_or(false),
                peer_ur_ls: vec![format!("http://{}", member.peer_addr)],
                client_ur_ls: vec![format!("http://{}", member.client_addr)],
            });
        ListMasterMember {
            msg: String::new(),
            masters: masters.collect(),
        }
    }

    fn worker_members(&self, shown: &dyn Fn(&str) -> bool) -> ListWorkerMember {
        let workers = self.read(|state| {
            let shown = state.workers.iter().filter(|(name, _)| shown(name));
            let info = shown.map(|(name, worker)| {
                let owned = state.owned_by(name);
                WorkerInfo {
                    name: name.clone(),
                    addr: worker.addr.clone(),
                    stage: WorkerStage::of(self.term.hub.is_connected(name), !owned.is_empty())
                        .as_str()
                        .to_owned(),
                    source: owned.join(","),
                }
            });
            info.collect()
        });
        ListWorkerMember {
            msg: String::new(),
            workers,
        }
    }
}
