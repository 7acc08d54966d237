//! The right to write to a target.

use dm_model::{ClusterId, Epoch, Generation, Incarnation, SourceId, TaskName};

use crate::lease::LeaseView;

/// The right to write for one start of one subtask. Only the lease code mints one, and every write to a target asks for it.
///
/// It carries what the meta rows are compared with (R9–R11, R30) and a view of the lease: a token whose lease has ended
/// issues no more work. Safety does not rest on that view but on the epoch in the target.
#[derive(Clone, Debug)]
pub struct FenceToken {
    cluster_id: ClusterId,
    task: TaskName,
    source: SourceId,
    generation: Generation,
    epoch: Epoch,
    incarnation: Incarnation,
    lease: LeaseView,
    ttl_ms: u64,
}

impl FenceToken {
    /// For the lease code alone: a token for the start that the entry at index `epoch` authorised.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn mint(
        cluster_id: ClusterId,
        task: TaskName,
        source: SourceId,
        generation: Generation,
        epoch: Epoch,
        incarnation: Incarnation,
        lease: LeaseView,
        ttl_ms: u64,
    ) -> Self {
        Self {
            cluster_id,
            task,
            source,
            generation,
            epoch,
            incarnation,
            lease,
            ttl_ms,
        }
    }

    /// The cluster that minted the token.
    pub fn cluster_id(&self) -> ClusterId {
        self.cluster_id
    }

    /// The task that it is for.
    pub fn task(&self) -> &TaskName {
        &self.task
    }

    /// The source that it is for.
    pub fn source(&self) -> &SourceId {
        &self.source
    }

    /// The life of the task name: a new one starts with `--remove-meta` (R27).
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The log index that authorised this start.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The worker process that holds it (R30).
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Time to live of the lease, in milliseconds; idle limits of target sessions follow it (R12).
    pub fn ttl_ms(&self) -> u64 {
        self.ttl_ms
    }

    /// Whether new work may be issued now.
    pub fn is_live(&self) -> bool {
        self.lease.is_live()
    }

    /// Waits until the lease has ended.
    pub async fn ended(&self) {
        self.lease.ended().await;
    }
}
