//! Into a running cluster, and back into it: `--join` of an empty folder, and what a folder that was a member before checks when
//! it starts again (R25).
//!
//! Joining is asked for again and again until this node finds itself in the membership, so neither an election nor a crash on
//! either side needs a special case.

use std::collections::{BTreeSet, VecDeque};
use std::sync::PoisonError;
use std::time::Duration;

use dm_model::{DmError, codes};
use dm_proto::transport;
use dm_proto::v1::membership_client::MembershipClient;
use dm_proto::v1::{JoinReply, JoinRequest};
use dm_raft_store::PeerNode;
use openraft::async_runtime::WatchReceiver;
use tokio::time::Instant;

use super::membership::{ask, copied};
use super::network::lazy_channel;
use super::service::PeerService;

/// Longest wait for an answer: the leader asks back, and adds a learner.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);
const ASK_INTERVAL: Duration = Duration::from_millis(200);
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// How long openraft may take to publish the membership that it read.
const MEMBERSHIP_TIMEOUT: Duration = Duration::from_secs(2);
/// Addresses tried in one round.
const TRIES_MAX: usize = 32;

/// Waits until this node is a member of the cluster behind these client addresses. Waits for them as long as it takes; dropping
/// it stops waiting.
pub(super) async fn join(service: &PeerService, addrs: &[String]) -> Result<(), DmError> {
    if addrs.contains(&service.client_addr) {
        let text = format!("--join names this master itself, {}", service.client_addr);
        return Err(
            DmError::new(&codes::MASTER_JOIN_FAIL, text).with_workaround(
                "Name masters of the running cluster; a new cluster starts with --initial-cluster.",
            ),
        );
    }
    let mut logged = Instant::now();
    while own_entry(service).is_none() {
        let answered = ask_to_join(service, addrs).await?;
        if !answered && logged.elapsed() > LOG_INTERVAL {
            tracing::info!(
                join = addrs.join(","),
                "waiting for a leader to let this master in"
            );
            logged = Instant::now();
        }
        tokio::time::sleep(ASK_INTERVAL).await;
    }
    tracing::info!("this master is a member now");
    Ok(())
}

/// One round; true when the leader has let this node in.
async fn ask_to_join(service: &PeerService, addrs: &[String]) -> Result<bool, DmError> {
    let mut waiting: VecDeque<String> = addrs.iter().cloned().collect();
    let mut asked = BTreeSet::new();
    while let Some(addr) = waiting.pop_front() {
        if asked.len() >= TRIES_MAX || !asked.insert(addr.clone()) {
            continue;
        }
        let Some(reply) = request(service, &addr).await else {
            continue;
        };
        if !reply.refused.is_empty() {
            return Err(dm_model::DmError::parse(&reply.refused)
                .unwrap_or_else(|| DmError::new(&codes::MASTER_JOIN_FAIL, reply.refused)));
        }
        if reply.cluster_id != 0 {
            return Ok(true);
        }
        if !reply.leader_addr.is_empty() {
            waiting.push_front(reply.leader_addr);
        }
    }
    Ok(false)
}

async fn request(service: &PeerService, addr: &str) -> Option<JoinReply> {
    let identity = service
        .folder
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .identity()
        .clone();
    let request = JoinRequest {
        node_id: identity.node_id,
        name: identity.name,
        peer_addr: service.peer_addr.clone(),
        client_addr: service.client_addr.clone(),
        state_level_max: service.state_level_max,
        cluster_id: identity.cluster_id,
    };
    let mut client = MembershipClient::new(lazy_channel(addr).ok()?);
    let answer = client.join(transport::request(request, JOIN_TIMEOUT));
    match tokio::time::timeout(JOIN_TIMEOUT, answer).await {
        Ok(Ok(reply)) => Some(reply.into_inner()),
        Ok(Err(error)) => {
            tracing::debug!(addr, %error, "asked to join");
            None
        }
        Err(_) => None,
    }
}

/// This node as the membership has it.
fn own_entry(service: &PeerService) -> Option<PeerNode> {
    service.member(service.sender.node_id)
}

/// What a folder that was a member before must not be: a copy in use elsewhere, removed, or of another cluster than the one that
/// the command line names. Masters that do not answer are not waited for.
pub(super) async fn verify(
    service: &PeerService,
    founders: &[(String, String)],
) -> Result<(), DmError> {
    let own = service.sender.node_id;
    // openraft publishes what it read from the store a moment after it started.
    let published = service
        .raft
        .wait(Some(MEMBERSHIP_TIMEOUT))
        .metrics(
            |now| now.membership_config.membership().nodes().next().is_some(),
            "membership",
        )
        .await;
    if let Err(error) = published {
        tracing::warn!(%error, "this master's log has no membership");
    }
    let mut addrs: BTreeSet<String> = founders.iter().map(|(_, addr)| addr.clone()).collect();
    addrs.extend(service.peer_addrs());
    addrs.remove(&service.peer_addr);
    let asked = addrs
        .iter()
        .map(|addr| async move { (addr, ask(addr, own).await) });
    let (name, cluster_id) = {
        let folder = service
            .folder
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        (folder.identity().name.clone(), folder.identity().cluster_id)
    };
    let mut elsewhere = BTreeSet::new();
    for (addr, reply) in futures::future::join_all(asked).await {
        let Some(reply) = reply else { continue };
        if reply.cluster_id != 0 && reply.cluster_id != cluster_id {
            let text = format!(
                "the data folder of this master (`{name}`) belongs to cluster {cluster_id:x}, but master `{}` at {addr} to {:x}",
                reply.name, reply.cluster_id
            );
            return Err(DmError::new(&codes::MASTER_INVALID_CLUSTER_ID, text).with_workaround(
                "Start with the --data-dir that belongs to that cluster; a new master joins it with an empty one and --join.",
            ));
        }
        if reply.node_id == own {
            return Err(copied(&name, addr));
        }
        if reply.removed {
            return Err(removed(&name));
        }
        // It moved while this folder was left behind.
        if !reply.asker_addr.is_empty() && reply.asker_addr != service.peer_addr {
            elsewhere.insert(reply.asker_addr);
        }
    }
    for addr in elsewhere {
        if ask(&addr, 0)
            .await
            .is_some_and(|reply| reply.node_id == own)
        {
            return Err(copied(&name, &addr));
        }
    }
    Ok(())
}

/// Tells the cluster where this member is now, until the membership says so or the cluster refuses.
pub(super) async fn announce_move(service: &PeerService) -> Result<(), DmError> {
    loop {
        let Some(entry) = own_entry(service) else {
            return Ok(());
        };
        if (entry.peer_addr.as_str(), entry.client_addr.as_str())
            == (service.peer_addr.as_str(), service.client_addr.as_str())
        {
            return Ok(());
        }
        let mut others = service.client_addrs();
        others.push(service.client_addr.clone());
        ask_to_join(service, &others).await?;
        tokio::time::sleep(ASK_INTERVAL * 5).await;
    }
}

/// A member that hears no leader asks the others whether it still is one. True: a confirmed leader says no.
pub(super) async fn was_removed(service: &PeerService) -> bool {
    let own = service.sender.node_id;
    let asked = service
        .peer_addrs()
        .into_iter()
        .filter(|addr| *addr != service.peer_addr)
        .map(|addr| async move { ask(&addr, own).await });
    futures::future::join_all(asked)
        .await
        .into_iter()
        .flatten()
        .any(|reply| reply.removed)
}

pub(super) fn removed(name: &str) -> DmError {
    let text = format!("master `{name}` was removed from the cluster by offline-member");
    DmError::new(&codes::MASTER_START_SERVICE, text).with_workaround(
        "To let it in again, empty its data folder and start it with --join and the client addresses of the other masters.",
    )
}

impl PeerService {
    /// A member as this node knows the membership.
    pub(super) fn member(&self, node_id: u64) -> Option<PeerNode> {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let membership = metrics.membership_config.membership();
        membership.get_node(&node_id).cloned()
    }

    fn peer_addrs(&self) -> Vec<String> {
        self.nodes(|node| node.peer_addr.clone())
    }

    fn client_addrs(&self) -> Vec<String> {
        self.nodes(|node| node.client_addr.clone())
    }

    fn nodes(&self, of: impl Fn(&PeerNode) -> String) -> Vec<String> {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let membership = metrics.membership_config.membership();
        membership.nodes().map(|(_, node)| of(node)).collect()
    }
}
