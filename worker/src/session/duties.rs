//! What a session serves.

use dm_model::ClusterId;
use dm_proto::v1;
use futures::future::BoxFuture;
use std::sync::Arc;

/// What the leader told about itself when the session opened.
#[derive(Clone)]
pub struct Grantor {
    /// The cluster whose log the epochs are indexes of.
    pub cluster_id: ClusterId,
    /// 32 bytes, or empty: the key of the passwords in configurations.
    pub secret_key: Vec<u8>,
}

impl std::fmt::Debug for Grantor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grantor")
            .field("cluster_id", &self.cluster_id)
            .finish_non_exhaustive()
    }
}

/// The process behind a session: it does what the leader wants and says how that goes.
pub trait Duties: Send + Sync + 'static {
    /// Takes over everything that this worker shall do.
    fn desired(&self, grantor: &Grantor, desired: v1::Desired);
    /// Short states of all subtasks, for a heartbeat.
    fn reports(&self) -> Vec<v1::SubtaskReport>;
    /// Does one call; never takes longer than the call's own timeout.
    fn call(self: Arc<Self>, grantor: Grantor, call: v1::Call) -> BoxFuture<'static, v1::Reply>;
}
