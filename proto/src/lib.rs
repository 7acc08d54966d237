//! What DM's processes say to each other, and how they reach and trace each other.
//!
//! Two contracts live here. [`pb`] is DM's own (what `dmctl` and scripts for DM speak): its names and numbers never change.
//! [`v1`] is ours (master to master, master to worker): fields are only added.
//!
//! **Read in this order**: `proto/*.proto` (the contracts), [`transport`] (channels, deadlines, limits), [`request_id`] (which
//! mutating call is a repetition), [`telemetry`] (logs and one trace through all processes), [`json`] (DM's JSON spelling of
//! `pb` messages), [`version`] (the block that `-V` prints).
//!
//! **Invariant**: nothing here knows what a task or a lease means.

pub mod json;
pub mod request_id;
pub mod telemetry;
pub mod transport;
pub mod version;

/// DM's public contract: package `pb`, services `Master` and `Worker`.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod pb {
    tonic::include_proto!("pb");
}

/// Our internal contract: package `dm.v1`, services `Peer` and `Session`, and the replicated commands.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod v1 {
    tonic::include_proto!("dm.v1");
}

/// Where `dm-master` serves clients and workers when nothing else is said.
pub const MASTER_ADDR_DEFAULT: &str = "127.0.0.1:8261";
/// Where `dm-master` serves its peers when nothing else is said.
pub const PEER_ADDR_DEFAULT: &str = "127.0.0.1:8291";
/// Where `dm-worker` serves its status page when nothing else is said.
pub const WORKER_ADDR_DEFAULT: &str = "127.0.0.1:8262";
