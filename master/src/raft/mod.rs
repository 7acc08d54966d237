//! One master's part in the Raft group: identity, formation of the cluster, network, proposals, leadership.
//!
//! Knows nothing of tasks or leases: commands and answers are bytes, the state is a
//! [`dm_raft_store::Machine`].
//!
//! Constraints:
//! - A node id is random per data folder and never used again. An empty folder forms a cluster only after every named
//!   peer said "empty too" (R25); every message carries the cluster id and the receiver's node id.
//! - Leadership is confirmed by a quorum round (ReadIndex), never by a lease. A restarted leader is elected anew
//!   (openraft's restore is off): its commit mark is not synced, so after a power loss it could serve an older state.
//! - An error says whether the command may still take effect (R28).
//!
//! Read in this order: `options`, `identity`, `bootstrap`, `network`, `service`, `leadership`, `lifecycle`, `node`.

mod bootstrap;
mod contacts;
mod identity;
mod leadership;
mod lifecycle;
mod member;
mod network;
mod node;
mod options;
mod propose_error;
mod server;
mod service;
mod view;

pub use identity::{DataFolder, Identity};
pub use leadership::{LeaderInfo, Leadership};
pub use member::Member;
pub use node::RaftNode;
pub use options::{COMMAND_BYTES_MAX, ELECTION_MS_DEFAULT, HEARTBEAT_MS_DEFAULT, RaftOptions};
pub use propose_error::ProposeError;
pub use view::RaftNumbers;
