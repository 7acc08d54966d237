//! A master as the membership has it.

/// One member of the Raft group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Random number of its data folder.
    pub node_id: u64,
    /// Name given by the user.
    pub name: String,
    /// How peers reach it.
    pub peer_addr: String,
    /// How clients and workers reach it.
    pub client_addr: String,
    /// It leads, as far as this node knows.
    pub is_leader: bool,
    /// It votes. A learner only receives the log.
    pub is_voter: bool,
    /// Whether it was heard lately. The leader hears everybody; a follower only the leader and itself: `None` is "not known here".
    pub alive: Option<bool>,
}
