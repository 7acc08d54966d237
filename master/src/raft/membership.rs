//! Growing and shrinking the group while it works.
//!
//! A new master comes in as a learner, and votes once it has the log. Voters stay odd in number: an even group needs one more
//! master for a majority and survives no further loss, so the second and the fourth wait until the third and the fifth have
//! caught up (R25). Removal keeps a majority of living voters, and never ends with nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dm_model::{DmError, codes};
use dm_proto::transport;
use dm_proto::v1::peer_client::PeerClient;
use dm_proto::v1::{IdentifyReply, IdentifyRequest};
use dm_raft_store::{PeerNode, TypeConfig};
use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};

use super::node::RaftNode;
use super::{Member, ProposeError};

/// A learner this close to the end of the log has caught up.
const LAG_MAX: u64 = 200;
/// A member answers from memory.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

type Change = ChangeMembers<u64, PeerNode>;

/// A master that wants to come in, or one that is in and has new addresses.
#[derive(Debug, Clone)]
pub struct Joiner {
    /// Random number of its data folder.
    pub node_id: u64,
    /// Its name, addresses.
    pub node: PeerNode,
}

impl RaftNode {
    /// Lets a master in as a learner. Only on the leader; the same again changes nothing.
    pub async fn admit(&self, joiner: &Joiner, deadline: Duration) -> Result<(), DmError> {
        let members = self.members();
        let known = members
            .iter()
            .find(|member| member.node_id == joiner.node_id);
        let change = match known {
            Some(member) if same_place(member, &joiner.node) => return Ok(()),
            Some(member) => {
                self.check_moved(member, joiner).await?;
                Change::SetNodes(BTreeMap::from([(joiner.node_id, joiner.node.clone())]))
            }
            None => {
                check_free(&members, joiner)?;
                self.check_reachable(joiner).await?;
                Change::AddNodes(BTreeMap::from([(joiner.node_id, joiner.node.clone())]))
            }
        };
        self.change(change, deadline).await.map_err(DmError::from)
    }

    /// Who answers at the joiner's own address must be the joiner.
    async fn check_reachable(&self, joiner: &Joiner) -> Result<(), DmError> {
        let addr = &joiner.node.peer_addr;
        let there = ask(addr, 0).await.map(|reply| reply.node_id);
        if there == Some(joiner.node_id) {
            return Ok(());
        }
        let found = there.map_or("nobody answers there".to_owned(), |id| {
            format!(
                "the master there has node id {id:x}, not {:x}",
                joiner.node_id
            )
        });
        let text = format!(
            "master `{}` can't join: it says that other masters reach it at {addr}, but {found}",
            joiner.node.name
        );
        Err(
            DmError::new(&codes::MASTER_JOIN_FAIL, text).with_workaround(
                "Set --advertise-peer-urls to an address that the other masters can reach.",
            ),
        )
    }

    /// A member at another address: moved, or a copy of its data folder?
    async fn check_moved(&self, member: &Member, joiner: &Joiner) -> Result<(), DmError> {
        if member.name != joiner.node.name {
            let text = format!(
                "node id {:x} belongs to master `{}`, not to `{}`",
                joiner.node_id, member.name, joiner.node.name
            );
            return Err(DmError::new(&codes::MASTER_JOIN_FAIL, text));
        }
        let elsewhere = member.peer_addr != joiner.node.peer_addr;
        if elsewhere
            && ask(&member.peer_addr, 0)
                .await
                .is_some_and(|reply| reply.node_id == joiner.node_id)
        {
            return Err(copied(&joiner.node.name, &member.peer_addr));
        }
        self.check_reachable(joiner).await
    }

    /// Takes a member out, voter or learner. Only on the leader, which can't remove itself. Unknown ids are gone already.
    pub async fn remove(&self, node_id: u64, deadline: Duration) -> Result<(), ProposeError> {
        let Some(member) = self
            .members()
            .into_iter()
            .find(|member| member.node_id == node_id)
        else {
            return Ok(());
        };
        let ids = BTreeSet::from([node_id]);
        let change = if member.is_voter {
            Change::RemoveVoters(ids)
        } else {
            Change::RemoveNodes(ids)
        };
        self.change(change, deadline).await
    }

    /// Refuses a removal after which no majority would be alive. Only on the leader.
    pub fn check_removable(&self, name: &str) -> Result<Member, DmError> {
        let members = self.members();
        let Some(leaving) = members.iter().find(|member| member.name == name) else {
            let text = format!("dm-master with name {name} not exists");
            return Err(DmError::new(&codes::MASTER_MASTER_NAME_NOT_EXIST, text));
        };
        if !leaving.is_voter {
            return Ok(leaving.clone());
        }
        let rest: Vec<&Member> = members
            .iter()
            .filter(|member| member.is_voter && member.node_id != leaving.node_id)
            .collect();
        let alive = rest
            .iter()
            .filter(|member| member.alive == Some(true))
            .count();
        if rest.is_empty() {
            let text = format!("{name} is the last voting master: without it there is no cluster");
            return Err(DmError::new(&codes::NO_QUORUM, text)
                .with_workaround("Let another master join first: `dm-master --join`."));
        }
        if alive <= rest.len() / 2 {
            let dead: Vec<&str> = rest
                .iter()
                .filter(|member| member.alive != Some(true))
                .map(|member| member.name.as_str())
                .collect();
            let text = format!(
                "without {name} only {alive} of {} voting masters would be alive, which is no majority",
                rest.len()
            );
            return Err(DmError::new(&codes::NO_QUORUM, text).with_workaround(format!(
                "Remove or start the dead ones first: `dmctl offline-member --master --name {}`.",
                dead.first().copied().unwrap_or("NAME")
            )));
        }
        Ok(leaving.clone())
    }

    /// Finishes a change of membership that a former leader began, and lets learners vote that have caught up. Returns the names
    /// of new voters. Only on the leader.
    pub async fn tend_membership(&self, deadline: Duration) -> Result<Vec<String>, ProposeError> {
        let metrics = self.inner.raft.metrics().borrow_watched().clone();
        let membership = metrics.membership_config.membership();
        if membership.get_joint_config().len() > 1 {
            self.change(Change::AddVoterIds(BTreeSet::new()), deadline)
                .await?;
            return Ok(Vec::new());
        }
        let Some(replication) = &metrics.replication else {
            return Ok(Vec::new());
        };
        let end = metrics.last_log_index.unwrap_or(0);
        let members = self.members();
        let ready: Vec<&Member> = members
            .iter()
            .filter(|member| !member.is_voter && member.alive == Some(true))
            .filter(|member| {
                let matched = replication.get(&member.node_id).copied().flatten();
                matched.is_some_and(|matched| matched.index.saturating_add(LAG_MAX) >= end)
            })
            .collect();
        let voters = members.iter().filter(|member| member.is_voter).count();
        let count = promoted(voters, ready.len());
        let chosen: Vec<&Member> = ready.into_iter().take(count).collect();
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let ids = chosen.iter().map(|member| member.node_id).collect();
        self.change(Change::AddVoterIds(ids), deadline).await?;
        Ok(chosen
            .into_iter()
            .map(|member| member.name.clone())
            .collect())
    }

    /// Asks every other member who it is; those that do not answer are left out.
    pub async fn identify_members(&self) -> BTreeMap<u64, IdentifyReply> {
        let own = self.node_id();
        let others = self
            .members()
            .into_iter()
            .filter(|member| member.node_id != own)
            .map(|member| async move {
                let reply = ask(&member.peer_addr, 0).await?;
                (reply.node_id == member.node_id).then_some((member.node_id, reply))
            });
        futures::future::join_all(others)
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    async fn change(&self, change: Change, deadline: Duration) -> Result<(), ProposeError> {
        let changing = self.inner.raft.change_membership(change, false);
        match tokio::time::timeout(deadline, changing).await {
            Err(_) => Err(ProposeError::OutcomeUnknown),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(RaftError::Fatal(error))) => Err(ProposeError::Fatal(error.to_string())),
            Ok(Err(RaftError::APIError(error))) => Err(refused(error)),
        }
    }
}

fn refused(error: ClientWriteError<TypeConfig>) -> ProposeError {
    match error {
        ClientWriteError::ForwardToLeader(_) => ProposeError::NotLeader(None),
        ClientWriteError::LogEntryDiscarded(_) => ProposeError::OutcomeUnknown,
        // Another change is under way, or the group is not what it was: whoever asked looks again.
        error => ProposeError::Membership(error.to_string()),
    }
}

/// How many of the learners that are ready shall vote, so that the voters stay odd in number.
fn promoted(voters: usize, ready: usize) -> usize {
    if (voters + ready) % 2 == 1 {
        ready
    } else {
        ready.saturating_sub(1)
    }
}

fn same_place(member: &Member, node: &PeerNode) -> bool {
    (&member.name, &member.peer_addr, &member.client_addr)
        == (&node.name, &node.peer_addr, &node.client_addr)
}

fn check_free(members: &[Member], joiner: &Joiner) -> Result<(), DmError> {
    let node = &joiner.node;
    for member in members {
        let refused = |text: String| {
            Err(DmError::new(&codes::MASTER_JOIN_FAIL, text).with_workaround(format!(
                "If that master's disk was lost or replaced: run `dmctl offline-member --master --name {}` and start this one \
                 again. Else give this one another --name and addresses of its own.",
                member.name
            )))
        };
        if member.name == node.name {
            return refused(format!(
                "a master `{}` with another data folder is a member already, at {}",
                member.name, member.peer_addr
            ));
        }
        if member.peer_addr == node.peer_addr || member.client_addr == node.client_addr {
            return refused(format!(
                "master `{}` is a member at the same address, {} and {}",
                member.name, member.peer_addr, member.client_addr
            ));
        }
    }
    Ok(())
}

pub(super) fn copied(name: &str, addr: &str) -> DmError {
    let text = format!(
        "the data folder of master `{name}` is in use by a process at {addr}: this one is a copy"
    );
    DmError::new(&codes::MASTER_START_SERVICE, text).with_workaround(
        "Stop one of the two. For a further master, empty this data folder and start with another --name and --join.",
    )
}

/// One master's answer; `None` when it does not answer now. `node_id`: whether that one was removed.
pub(super) async fn ask(addr: &str, node_id: u64) -> Option<IdentifyReply> {
    let channel = super::network::lazy_channel(addr).ok()?;
    let request = IdentifyRequest {
        initial_cluster: Vec::new(),
        node_id,
    };
    let mut client = PeerClient::new(channel);
    let answer = client.identify(transport::request(request, ASK_TIMEOUT));
    match tokio::time::timeout(ASK_TIMEOUT, answer).await {
        Ok(Ok(reply)) => Some(reply.into_inner()),
        Ok(Err(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r25_voters_stay_odd_in_number() {
        assert_eq!(promoted(1, 1), 0, "a second voter waits for the third");
        assert_eq!(promoted(1, 2), 2);
        assert_eq!(promoted(2, 1), 1, "after a removal");
        assert_eq!(promoted(3, 1), 0);
        assert_eq!(promoted(3, 2), 2);
        assert_eq!(promoted(1, 3), 2);
        assert_eq!(promoted(3, 0), 0);
    }
}
