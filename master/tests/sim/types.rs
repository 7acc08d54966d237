//! openraft's parameters as in production, on the simulated runtime.

use dm_raft_store::{Payload, PeerNode, Reply, StateMachine};
use openraft::Raft;
use openraft_rt_sim::SimRuntime;

openraft::declare_raft_types!(
    /// As `dm_raft_store::TypeConfig`, but for the runtime.
    pub SimTypes:
        D = Payload,
        R = Reply,
        NodeId = u64,
        Node = PeerNode,
        AsyncRuntime = SimRuntime,
);

pub type SimRaft = Raft<SimTypes, StateMachine<SimTypes>>;
