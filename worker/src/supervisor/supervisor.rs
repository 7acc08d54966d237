//! All sources of this worker.

use super::source_actor::{Assignment, Order, Published, SourceActor, Surroundings};
use super::spec::{Texts, spec};
use super::view::SourceView;
use super::wanted::WantedSource;
use super::{Spawn, render};
use crate::lease::{LeaseTable, StartRight};
use crate::session::{Grantor, Outbox};
use crate::sync::SubtaskSpec;
use dm_model::{ClusterId, DmError, Epoch, Generation, SourceId, TaskName};
use dm_proto::v1;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

struct Actor {
    orders: watch::Sender<Order>,
    published: watch::Receiver<Published>,
}

#[derive(Default)]
struct Actors {
    actors: BTreeMap<SourceId, Actor>,
    seq: u64,
    /// Newest wanted state taken over: an older one comes from a leader that was deposed.
    newest: Option<(ClusterId, u64)>,
    closing: bool,
}

/// Gives every source its own actor and tells it what is wanted.
pub struct Supervisor<S: Spawn> {
    around: Arc<Surroundings<S>>,
    state: Mutex<Actors>,
}

impl<S: Spawn> Supervisor<S> {
    /// A supervisor of nothing. Needs a tokio runtime when work comes.
    pub fn new(spawner: S, leases: Arc<LeaseTable>, outbox: Arc<Outbox>) -> Self {
        let around = Arc::new(Surroundings {
            spawner,
            leases,
            outbox,
        });
        Self {
            around,
            state: Mutex::new(Actors::default()),
        }
    }

    /// Takes over everything that shall run; what isn't named is left.
    pub fn desired(&self, grantor: &Grantor, desired: v1::Desired) {
        let mut state = self.lock();
        let older = state.newest.is_some_and(|(cluster, revision)| {
            // A master that was left behind when its cluster was recovered from elsewhere.
            cluster.succeeds(grantor.cluster_id)
                || cluster == grantor.cluster_id && revision > desired.revision
        });
        if older || state.closing {
            tracing::info!(
                revision = desired.revision,
                "wanted state not taken: older than what is known, or stopping"
            );
            return;
        }
        state.newest = Some((grantor.cluster_id, desired.revision));
        let mut named = BTreeSet::new();
        for source in desired.sources {
            match WantedSource::take(source) {
                Ok(wanted) => {
                    named.insert(wanted.source.clone());
                    self.assign(&mut state, grantor, wanted);
                }
                Err(error) => {
                    tracing::error!(%error, "the leader sent a source that can't be read")
                }
            }
        }
        let left: Vec<SourceId> = state
            .actors
            .keys()
            .filter(|source| !named.contains(*source))
            .cloned()
            .collect();
        for source in left {
            self.around.leases.release(&source);
            self.order(&mut state, &source, None);
        }
        self.around.outbox.beat_now();
    }

    fn assign(&self, state: &mut Actors, grantor: &Grantor, wanted: WantedSource) {
        let lease = self
            .around
            .leases
            .adopt(&wanted.source, wanted.epoch, wanted.ttl_ms);
        let source = wanted.source.clone();
        let assignment = Assignment {
            wanted,
            grantor: grantor.clone(),
            lease,
        };
        self.order(state, &source, Some(Arc::new(assignment)));
    }

    fn order(&self, state: &mut Actors, source: &SourceId, wanted: Option<Arc<Assignment>>) -> u64 {
        state.seq = state.seq.saturating_add(1);
        let order = Order {
            seq: state.seq,
            wanted,
        };
        match state.actors.get(source) {
            Some(actor) => {
                actor.orders.send_replace(order);
            }
            None => {
                let (orders, receiver) = watch::channel(order);
                let (sender, published) = watch::channel(Published::default());
                let actor =
                    SourceActor::new(source.clone(), receiver, sender, Arc::clone(&self.around));
                tokio::spawn(actor.run());
                state
                    .actors
                    .insert(source.clone(), Actor { orders, published });
            }
        }
        state.seq
    }

    /// What a subtask of another worker is stopped with at the target (R32).
    pub fn stopping_spec(
        &self,
        grantor: &Grantor,
        asked: &v1::RaiseFenceCall,
        ttl_ms: u64,
    ) -> Result<SubtaskSpec, DmError> {
        let right = StartRight {
            cluster_id: grantor.cluster_id,
            task: TaskName::new(&asked.task)?,
            source: SourceId::new(&asked.source_id)?,
            lease_epoch: Epoch(asked.epoch),
            epoch: Epoch(asked.epoch),
            generation: Generation(asked.generation),
        };
        let texts = Texts {
            secret_key: &grantor.secret_key,
            source: &asked.source_yaml,
            task: &asked.task_yaml,
        };
        // Nothing is applied by it, so no operator and no relay log is ever looked at.
        let (_, operators) = watch::channel(Arc::default());
        spec(
            self.around.leases.stopping_token(&right, ttl_ms),
            &texts,
            None,
            operators,
            None,
        )
    }

    /// Stops all subtasks and waits until none can write. Nothing is started afterwards. Leases stay
    /// live meanwhile, so that what is in flight can be committed.
    pub async fn stop_all(&self) {
        let mut waits = Vec::new();
        {
            let mut state = self.lock();
            state.closing = true;
            let sources: Vec<SourceId> = state.actors.keys().cloned().collect();
            for source in sources {
                let seq = self.order(&mut state, &source, None);
                if let Some(actor) = state.actors.get(&source) {
                    waits.push((seq, actor.published.clone()));
                }
            }
        }
        for (seq, mut published) in waits {
            // An error means that the actor is gone, and its subtasks with it.
            let _ = published
                .wait_for(|done| done.seq >= seq && done.active == 0)
                .await;
        }
    }

    /// All sources of this worker, by name.
    pub fn views(&self) -> Vec<SourceView> {
        let state = self.lock();
        state
            .actors
            .values()
            .filter_map(|actor| actor.published.borrow().view.clone())
            .collect()
    }

    /// Short states of all subtasks, for a heartbeat.
    pub fn reports(&self) -> Vec<v1::SubtaskReport> {
        self.views()
            .iter()
            .flat_map(|view| &view.subtasks)
            .map(render::report)
            .collect()
    }

    /// Leases that a goodbye gives back.
    pub fn leases(&self) -> Vec<v1::LeaseRef> {
        let held = self.around.leases.held();
        held.into_iter()
            .map(|(source, Epoch(epoch))| v1::LeaseRef {
                source_id: source.to_string(),
                epoch,
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Actors> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "supervisor_test.rs"]
mod tests;
