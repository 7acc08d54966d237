//! Finding the leader.

use super::Masters;
use dm_proto::v1::session_client::SessionClient;
use dm_proto::v1::{LeaderReply, LeaderRequest};
use std::time::Duration;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

/// Reaching a master on a network that works takes a few round trips.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// A master answers this from memory.
const ASK_TIMEOUT: Duration = Duration::from_millis(800);
/// A leader whose host vanished is noticed within this interval plus the timeout.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Wanted state is sent whole: room for thousands of subtasks with their YAML.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Asks all known masters at once who leads; the first who knows wins. What they know is learned.
pub(super) async fn find_leader(masters: &Masters) -> Option<String> {
    let mut asked = JoinSet::new();
    for address in masters.candidates() {
        asked.spawn(async move { tokio::time::timeout(ASK_TIMEOUT, ask(&address)).await });
    }
    while let Some(answer) = asked.join_next().await {
        let Ok(Ok(Ok(reply))) = answer else { continue };
        masters.learn(&reply.masters);
        if !reply.leader_addr.is_empty() {
            return Some(reply.leader_addr);
        }
    }
    None
}

async fn ask(address: &str) -> anyhow::Result<LeaderReply> {
    let mut client = SessionClient::new(connect(address).await?);
    Ok(client.leader(LeaderRequest {}).await?.into_inner())
}

/// Opens a channel to a master.
pub(super) async fn connect(address: &str) -> anyhow::Result<Channel> {
    let uri = if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    let endpoint = Endpoint::from_shared(uri)?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    Ok(tokio::time::timeout(CONNECT_TIMEOUT, endpoint.connect()).await??)
}
