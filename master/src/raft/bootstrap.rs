//! Forming a cluster out of empty folders (R25).
//!
//! The founder whose name sorts first asks every other one. Only when all said "empty too" it chooses a cluster id,
//! records it, and initialises the group with all node ids. The others wait to be addressed: a message to their random
//! node id can only come from the cluster that has them as a member. A folder that was emptied later has a new node
//! id, is never addressed, sees that its peers are not empty, and is refused. Joining a running cluster is the other way in, see
//! `join`.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dm_model::{ClusterId, DmError, codes};
use dm_proto::transport;
use dm_proto::v1::peer_client::PeerClient;
use dm_proto::v1::{IdentifyReply, IdentifyRequest};
use dm_raft_store::PeerNode;
use tokio::time::Instant;
use tonic::Code;

use super::identity::random_id;
use super::network::lazy_channel;
use super::service::PeerService;

const ASK_TIMEOUT: Duration = Duration::from_secs(1);
const ASK_INTERVAL: Duration = Duration::from_millis(200);
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// A peer that is not empty has formed the cluster with us, or without us. With us, its leader's message is here long
/// before this time is over.
const ADDRESSED_TIMEOUT: Duration = Duration::from_secs(5);

/// What one round of questions gave.
#[derive(Debug, Default)]
struct Round {
    empty: BTreeMap<String, IdentifyReply>,
    formed: Vec<String>,
    silent: Vec<String>,
}

/// Waits until this node belongs to a cluster. Waits for missing founders as long as it takes; dropping it stops waiting.
pub(super) async fn form(
    service: &PeerService,
    name: &str,
    founders: &[(String, String)],
) -> Result<(), DmError> {
    if !founders.iter().any(|(founder, _)| founder == name) {
        let text = format!("--initial-cluster does not name this master, `{name}`");
        return Err(DmError::new(&codes::MASTER_CONFIG_INVALID_FLAG, text));
    }
    let first = founders.first().is_some_and(|(founder, _)| founder == name);
    let mut logged = Instant::now();
    let mut formed_since: Option<Instant> = None;
    while !belongs(service).await? {
        let round = ask_all(service, name, founders).await?;
        if !round.formed.is_empty() {
            let since = *formed_since.get_or_insert_with(Instant::now);
            // The first founder forms the cluster itself, so peers that are in one already are in another one.
            if first || since.elapsed() > ADDRESSED_TIMEOUT {
                return Err(not_a_founder(name, &round.formed));
            }
        } else if first && round.silent.is_empty() {
            return initialize(service, name, round.empty).await;
        }
        if logged.elapsed() > LOG_INTERVAL {
            tracing::info!(
                missing = round.silent.join(","),
                "waiting for the other masters of the initial cluster"
            );
            logged = Instant::now();
        }
        tokio::time::sleep(ASK_INTERVAL).await;
    }
    Ok(())
}

async fn belongs(service: &PeerService) -> Result<bool, DmError> {
    service.raft.is_initialized().await.map_err(stopped)
}

async fn ask_all(
    service: &PeerService,
    name: &str,
    founders: &[(String, String)],
) -> Result<Round, DmError> {
    let mut round = Round::default();
    for (founder, addr) in founders.iter().filter(|(founder, _)| founder != name) {
        match ask(service, addr).await? {
            None => round.silent.push(founder.clone()),
            Some(reply) => {
                check_name(founder, addr, &reply)?;
                if may_be_founder(service, &reply) {
                    round.empty.insert(founder.clone(), reply);
                } else {
                    round.formed.push(founder.clone());
                }
            }
        }
    }
    Ok(round)
}

/// True when the peer is empty, or knows the cluster id that this very node chose before a crash.
fn may_be_founder(service: &PeerService, reply: &IdentifyReply) -> bool {
    match reply.cluster_id {
        0 => reply.empty,
        theirs => theirs == service.sender.cluster_id.load(Ordering::Acquire),
    }
}

/// One peer's answer; `None` when it does not answer now.
async fn ask(service: &PeerService, addr: &str) -> Result<Option<IdentifyReply>, DmError> {
    let refused = |cause: String| {
        DmError::new(
            &codes::MASTER_START_SERVICE,
            format!("the master at {addr} does not form a cluster with this one"),
        )
        .with_cause(cause)
        .with_workaround("Start all masters of a new cluster with the same --initial-cluster.")
    };
    let channel = lazy_channel(addr).map_err(&refused)?;
    let request = IdentifyRequest {
        initial_cluster: service.founders.clone(),
        node_id: 0,
    };
    let mut client = PeerClient::new(channel);
    match tokio::time::timeout(
        ASK_TIMEOUT,
        client.identify(transport::request(request, ASK_TIMEOUT)),
    )
    .await
    {
        Ok(Ok(reply)) => Ok(Some(reply.into_inner())),
        Ok(Err(status)) if status.code() == Code::FailedPrecondition => {
            Err(refused(status.message().to_string()))
        }
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}

fn check_name(founder: &str, addr: &str, reply: &IdentifyReply) -> Result<(), DmError> {
    if reply.name == founder {
        return Ok(());
    }
    let text = format!(
        "--initial-cluster says that `{founder}` is at {addr}, but the master there is `{}`",
        reply.name
    );
    Err(DmError::new(&codes::MASTER_CONFIG_INVALID_FLAG, text))
}

fn not_a_founder(name: &str, formed: &[String]) -> DmError {
    let text = format!(
        "the data folder of this master is empty, but {} already in a cluster that does not have it as a member",
        if formed.len() == 1 {
            format!("master {} is", formed.join(","))
        } else {
            format!("masters {} are", formed.join(","))
        }
    );
    DmError::new(&codes::MASTER_INVALID_CLUSTER_ID, text).with_workaround(format!(
        "If this master's disk was lost or replaced: run `dmctl offline-member --master --name {name}` against the cluster, \
         then start this master with --join instead of --initial-cluster. If a new cluster is wanted: empty the data \
         folders of all masters named in --initial-cluster."
    ))
}

/// Records the cluster id, then creates the group. Both steps may be repeated after a crash between them.
async fn initialize(
    service: &PeerService,
    name: &str,
    peers: BTreeMap<String, IdentifyReply>,
) -> Result<(), DmError> {
    let mut members = BTreeMap::new();
    let me = PeerNode {
        name: name.to_string(),
        peer_addr: service.peer_addr.clone(),
        client_addr: service.client_addr.clone(),
    };
    members.insert(service.sender.node_id, me);
    for (name, reply) in peers {
        let node = PeerNode {
            name: name.clone(),
            peer_addr: reply.peer_addr,
            client_addr: reply.client_addr,
        };
        if members.insert(reply.node_id, node).is_some() {
            let text = format!(
                "master `{name}` has the node id of another master: its data folder is a copy"
            );
            return Err(DmError::new(&codes::MASTER_START_SERVICE, text)
                .with_workaround("Empty the copied data folder and start again."));
        }
    }
    let count = members.len();
    let cluster_id = record_cluster(service)?;
    if let Err(error) = service.raft.initialize(members).await {
        // Someone elected themselves with our vote meanwhile: then the group exists.
        if !belongs(service).await? {
            return Err(
                DmError::new(&codes::MASTER_START_SERVICE, "can't create the raft group")
                    .with_cause(error),
            );
        }
    }
    tracing::info!(
        cluster_id = format!("{cluster_id:x}"),
        masters = count,
        "formed a cluster"
    );
    Ok(())
}

fn record_cluster(service: &PeerService) -> Result<u64, DmError> {
    let mut folder = service
        .folder
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let cluster_id = match folder.identity().cluster_id {
        0 => ClusterId::new_family(random_id()).0,
        chosen_before_a_crash => chosen_before_a_crash,
    };
    folder.set_cluster(cluster_id, true)?;
    service
        .sender
        .cluster_id
        .store(cluster_id, Ordering::Release);
    Ok(cluster_id)
}

/// Waits until the first entry is applied here, which needs a quorum, and with it durable in this store.
pub(super) async fn first_entry(service: &PeerService) -> Result<(), DmError> {
    let wait = service.raft.wait(None);
    match wait
        .metrics(|now| now.last_applied.is_some(), "first entry")
        .await
    {
        Ok(_) => Ok(()),
        Err(error) => Err(stopped(error)),
    }
}

fn stopped(cause: impl std::fmt::Display) -> DmError {
    DmError::new(
        &codes::MASTER_START_SERVICE,
        "raft stopped while the cluster was formed",
    )
    .with_cause(cause)
}

/// Forming is over: from now on an empty store in this folder is a loss, not a beginning.
pub(super) fn settle(service: &PeerService) -> Result<(), DmError> {
    let mut folder = service
        .folder
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let cluster_id = folder.identity().cluster_id;
    folder.set_cluster(cluster_id, false)
}
