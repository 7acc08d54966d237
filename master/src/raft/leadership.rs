//! Who leads, as one value that changes.

use std::sync::Arc;
use std::time::Duration;

use dm_raft_store::TypeConfig;
use openraft::RaftMetrics;
use openraft::async_runtime::WatchReceiver;
use openraft::type_config::alias::WatchReceiverOf;
use tokio::sync::watch;

use super::network::Sender;

/// How often the silence of the leader is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Where the leader is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderInfo {
    /// Its node id.
    pub node_id: u64,
    /// Its name.
    pub name: String,
    /// How clients and workers reach it.
    pub client_addr: String,
    /// How peers reach it.
    pub peer_addr: String,
}

/// Leadership as this node sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leadership {
    /// This node leads. Whether it still does must be confirmed before anything depends on it.
    pub is_leader: bool,
    /// openraft's term.
    pub term: u64,
    /// The leader, `None` when none was heard for an election time.
    pub leader: Option<LeaderInfo>,
}

/// Keeps the watched value up to date until openraft stops.
pub(super) struct Watcher {
    pub(super) metrics: WatchReceiverOf<TypeConfig, RaftMetrics<TypeConfig>>,
    pub(super) sender: Arc<Sender>,
    /// A leader that was silent for longer is not named any more: pre-vote keeps the old term, and with it the old
    /// leader's name, for as long as there is no quorum.
    pub(super) silence_max: Duration,
}

impl Watcher {
    pub(super) async fn run(mut self, sender: watch::Sender<Leadership>) {
        loop {
            let now = self.look();
            sender.send_if_modified(|known| {
                let changed = *known != now;
                *known = now;
                changed
            });
            let changed = tokio::time::timeout(LOOK_INTERVAL, self.metrics.changed()).await;
            if matches!(changed, Ok(Err(_))) || sender.is_closed() {
                break;
            }
        }
        // Whoever still watches must not go on as the leader.
        sender.send_modify(|known| {
            *known = Leadership {
                term: known.term,
                ..Leadership::default()
            }
        });
    }

    fn look(&self) -> Leadership {
        let metrics = self.metrics.borrow_watched().clone();
        let membership = metrics.membership_config.membership();
        self.sender
            .know_addresses(membership.nodes().map(|(id, node)| (*id, &node.peer_addr)));
        let is_leader = metrics.running_state.is_ok() && metrics.state.is_leader();
        let leader = leader_of(&metrics).filter(|leader| {
            let silence = self.sender.contacts.silence(leader.node_id);
            leader.node_id == metrics.id && is_leader
                || silence.is_some_and(|silence| silence < self.silence_max)
        });
        Leadership {
            is_leader,
            term: metrics.current_term,
            leader,
        }
    }
}

fn leader_of(metrics: &RaftMetrics<TypeConfig>) -> Option<LeaderInfo> {
    let node_id = metrics.current_leader?;
    let node = metrics.membership_config.membership().get_node(&node_id)?;
    Some(LeaderInfo {
        node_id,
        name: node.name.clone(),
        client_addr: node.client_addr.clone(),
        peer_addr: node.peer_addr.clone(),
    })
}
