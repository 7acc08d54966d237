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
//! - A message is taken only from where the membership has its sender, unless nobody is there any more: a copy of a data folder
//!   can't vote beside the original.
//!
//! Read in this order: `options`, `identity`, `bootstrap`, `join`, `network`, `service`, `leadership`, `lifecycle`, `node`,
//! `membership`.

mod bootstrap;
mod contacts;
mod identity;
mod join;
mod leadership;
mod lifecycle;
mod member;
mod membership;
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
pub use membership::Joiner;
pub use node::RaftNode;
pub use options::{COMMAND_BYTES_MAX, ELECTION_MS_DEFAULT, HEARTBEAT_MS_DEFAULT, RaftOptions};
pub use propose_error::ProposeError;
pub use view::RaftNumbers;
