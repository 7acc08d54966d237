//! What a node is started with, and openraft's configuration made from it.

use std::path::PathBuf;
use std::sync::Arc;

use dm_model::{DmError, codes};
use openraft::{Config, SnapshotPolicy};
use tokio::sync::watch;

/// Time between two heartbeats of the leader.
pub const HEARTBEAT_MS_DEFAULT: u64 = 75;

/// Longest silence of the leader before a follower stands for election.
///
/// openraft waits for its lease (`election_timeout_max`) and then for a random time between its two election timeouts.
/// With half of this value as the maximum and a quarter as the minimum, a follower stands after three to four quarters
/// of it: 450 ms to 600 ms here, so that a killed leader is replaced in well under a second. Eight lost heartbeats in a
/// row are what a loaded machine of two cores does not produce by itself.
pub const ELECTION_MS_DEFAULT: u64 = 600;

/// Longest command: what the peers' message limit holds, 32 entries in one message.
pub const COMMAND_BYTES_MAX: usize = 1 << 20;

const ENTRIES_PER_MESSAGE_MAX: u64 = 32;
/// A snapshot after so many entries, and so many kept behind it for followers that were away shortly.
const ENTRIES_PER_SNAPSHOT: u64 = 5_000;
const ENTRIES_KEPT: u64 = 1_000;
const PURGE_BATCH: u64 = 256;
/// Sending and installing a snapshot, whatever its size.
const SNAPSHOT_TIMEOUT_MS: u64 = 60_000;
/// Waiting requests and notifications within openraft.
const CHANNEL_SIZE: u64 = 4_096;

/// How a node is started.
#[derive(Debug, Clone)]
pub struct RaftOptions {
    /// Folder of identity, log and snapshots.
    pub data_dir: PathBuf,
    /// Name of this master.
    pub name: String,
    /// Where to listen for peers, `host:port`.
    pub peer_listen: String,
    /// How peers reach this master, `host:port`.
    pub peer_addr: String,
    /// How clients and workers reach this master, `host:port`.
    pub client_addr: String,
    /// `(name, peer address)` of all masters that form a new cluster. Empty: this one alone. Only an empty folder looks at it.
    pub initial_cluster: Vec<(String, String)>,
    /// Client addresses of a cluster to join. Only an empty folder looks at it.
    pub join: Vec<String>,
    /// Highest state level that this program understands; what [`dm_raft_store::Machine::apply`] keeps to.
    pub state_level_max: u32,
    /// True while an operator does not want this master to lead.
    pub evicted: watch::Receiver<bool>,
    /// See [`HEARTBEAT_MS_DEFAULT`].
    pub heartbeat_ms: u64,
    /// See [`ELECTION_MS_DEFAULT`].
    pub election_ms: u64,
}

impl RaftOptions {
    /// Names and addresses of the cluster to form, sorted by name; this master alone when none are given.
    pub(super) fn founders(&self) -> Vec<(String, String)> {
        let mut founders = self.initial_cluster.clone();
        if founders.is_empty() {
            founders.push((self.name.clone(), self.peer_addr.clone()));
        }
        founders.sort();
        founders
    }

    pub(super) fn openraft(&self) -> Result<Arc<Config>, DmError> {
        let config = Config {
            cluster_name: "dm".to_string(),
            heartbeat_interval: self.heartbeat_ms,
            election_timeout_min: self.election_ms / 4,
            election_timeout_max: self.election_ms / 2,
            enable_pre_vote: Some(true),
            enable_leader_restore: Some(false),
            allow_log_reversion: Some(false),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(ENTRIES_PER_SNAPSHOT),
            max_in_snapshot_log_to_keep: ENTRIES_KEPT,
            // Above the snapshot distance, else a snapshot could not end a follower's lag.
            replication_lag_threshold: ENTRIES_PER_SNAPSHOT * 2,
            purge_batch_size: PURGE_BATCH,
            install_snapshot_timeout: SNAPSHOT_TIMEOUT_MS,
            max_payload_entries: ENTRIES_PER_MESSAGE_MAX,
            api_channel_size: Some(CHANNEL_SIZE),
            notification_channel_size: Some(CHANNEL_SIZE),
            backoff: "50ms 100ms 200ms ...1s".to_string(),
            ..Config::default()
        };
        let config = config.validate().map_err(|error| {
            DmError::new(
                &codes::MASTER_CONFIG_INVALID_FLAG,
                "heartbeat and election time don't fit together",
            )
            .with_cause(error)
            .with_workaround("Make the election time at least five times the heartbeat interval.")
        })?;
        Ok(Arc::new(config))
    }
}
