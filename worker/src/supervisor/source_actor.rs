//! Everything that this worker does for one source.

use super::plan::{Action, Slot, plan};
use super::spec::{Texts, spec};
use super::view::{SourceView, SubtaskView};
use super::wanted::{WantedSource, WantedSubtask};
use super::{Running, Spawn};
use crate::lease::{LeaseTable, LeaseView, StartRight};
use crate::relay::Relay;
use crate::session::{Grantor, Outbox};
use crate::sync::{Operators, SubtaskStatus};
use dm_model::{DmError, Epoch, Generation, SourceId, TaskName};
use dm_proto::{pb, v1};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How old a shown status may be.
const REFRESH: Duration = Duration::from_millis(200);
/// A subtask that stops longer than this is worth a line in the log.
const STOP_SLOW: Duration = Duration::from_secs(10);
/// Subtasks of a source that can report their end without waiting for the actor.
const STOPPED_QUEUE_MAX: usize = 64;

/// What the supervisor tells an actor.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Counts up, so that an answer can be matched.
    pub(super) seq: u64,
    /// Nothing: leave the source.
    pub(super) wanted: Option<Arc<Assignment>>,
}

/// A source that this worker was given.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) wanted: WantedSource,
    pub(super) grantor: Grantor,
    pub(super) lease: LeaseView,
}

/// What an actor publishes.
#[derive(Clone, Debug, Default)]
pub(super) struct Published {
    /// The order that this was done for.
    pub(super) seq: u64,
    /// Subtasks that may still write.
    pub(super) active: usize,
    /// `None` when nothing is left of it.
    pub(super) view: Option<SourceView>,
}

/// What actors share.
pub(super) struct Surroundings<S> {
    pub(super) spawner: S,
    pub(super) leases: Arc<LeaseTable>,
    pub(super) outbox: Arc<Outbox>,
}

struct Entry<H> {
    epoch: Epoch,
    generation: Generation,
    last: Arc<SubtaskStatus>,
    operators: watch::Sender<Arc<Operators>>,
    state: State<H>,
}

enum State<H> {
    Running(H),
    Stopping,
    Still,
    Failed(DmError),
}

impl<H> Entry<H> {
    fn slot(&self) -> Slot {
        match self.state {
            State::Running(_) => Slot::Running(self.epoch),
            State::Stopping => Slot::Stopping,
            State::Still => Slot::Still,
            State::Failed(_) => Slot::Failed(self.epoch),
        }
    }
}

/// Does for one source what its orders say, until the supervisor is gone.
pub(super) struct SourceActor<S: Spawn> {
    source: SourceId,
    orders: watch::Receiver<Order>,
    published: watch::Sender<Published>,
    around: Arc<Surroundings<S>>,
    entries: BTreeMap<TaskName, Entry<S::Handle>>,
    stopped: (mpsc::Sender<TaskName>, mpsc::Receiver<TaskName>),
    drained_said: bool,
    lease_epoch: Epoch,
    /// The source's configuration, and the relay log that it wants.
    relay: (String, Option<Arc<Relay>>),
}

impl<S: Spawn> SourceActor<S> {
    pub(super) fn new(
        source: SourceId,
        orders: watch::Receiver<Order>,
        published: watch::Sender<Published>,
        around: Arc<Surroundings<S>>,
    ) -> Self {
        let stopped = mpsc::channel(STOPPED_QUEUE_MAX);
        Self {
            source,
            orders,
            published,
            around,
            entries: BTreeMap::new(),
            stopped,
            drained_said: false,
            lease_epoch: Epoch::default(),
            relay: Default::default(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let order = self.orders.borrow_and_update().clone();
            let live = order
                .wanted
                .as_ref()
                .is_some_and(|given| given.lease.is_live());
            self.reconcile(order.wanted.as_deref(), live);
            self.publish(&order, live);
            tokio::select! {
                changed = self.orders.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.drained_said = false;
                }
                Some(task) = self.stopped.1.recv() => self.has_stopped(&task),
                () = lease_turns(order.wanted.as_deref(), live) => {}
                () = tokio::time::sleep(REFRESH) => {}
            }
        }
    }

    fn reconcile(&mut self, given: Option<&Assignment>, live: bool) {
        self.keep_relay(given.filter(|_| live));
        for (task, subtask) in given.iter().flat_map(|given| &given.wanted.subtasks) {
            if let Some(entry) = self.entries.get(task) {
                entry.operators.send_if_modified(|known| {
                    let changed = *known != subtask.operators;
                    known.clone_from(&subtask.operators);
                    changed
                });
            }
        }
        let slots = self
            .entries
            .iter()
            .map(|(task, entry)| (task.clone(), entry.slot()))
            .collect();
        for action in plan(given.map(|given| &given.wanted), live, &slots) {
            match (action, given) {
                (Action::Start(task), Some(given)) => self.start(&task, given),
                (Action::Stop(task), _) => self.stop(&task),
                (Action::Forget(task), _) => {
                    self.entries.remove(&task);
                }
                (Action::Drained, Some(given)) => self.say_drained(given.wanted.epoch),
                (Action::Start(_) | Action::Drained, None) => {}
            }
        }
    }

    /// A relay log is kept while this worker has the source; what is in it stays for the next time.
    fn keep_relay(&mut self, given: Option<&Assignment>) {
        let yaml = given
            .map(|given| given.wanted.yaml.clone())
            .unwrap_or_default();
        if self.relay.0 == yaml {
            return;
        }
        if let Some(relay) = self.relay.1.take() {
            relay.stop();
        }
        self.relay.0 = yaml;
        let Some(given) = given else { return };
        let config = crate::secrets::key(&given.grantor.secret_key)
            .and_then(|key| crate::secrets::source(&given.wanted.yaml, key.as_ref()));
        // A configuration that cannot be read is shown by the subtasks.
        if let Ok(config) = config.map(|parsed| parsed.value)
            && config.enable_relay
        {
            self.relay.1 = self.around.spawner.relay(Arc::new(config));
        }
    }

    fn start(&mut self, task: &TaskName, given: &Assignment) {
        let Some(subtask) = given.wanted.subtasks.get(task) else {
            return;
        };
        let span = tracing::info_span!(
            "worker start subtask", %task, source = %self.source, epoch = subtask.epoch.0
        );
        dm_proto::telemetry::set_parent(&span, &subtask.traceparent);
        let _entered = span.enter();
        let right = StartRight {
            cluster_id: given.grantor.cluster_id,
            task: task.clone(),
            source: self.source.clone(),
            lease_epoch: given.wanted.epoch,
            epoch: subtask.epoch,
            generation: subtask.generation,
        };
        // A lease that ended a moment ago: the next turn sees it.
        let Some(token) = self.around.leases.token(&right) else {
            return;
        };
        let (operators, followed) = watch::channel(Arc::clone(&subtask.operators));
        let texts = Texts {
            secret_key: &given.grantor.secret_key,
            source: &given.wanted.yaml,
            task: &subtask.yaml,
        };
        let relay = self.relay.1.clone();
        let state = match spec(token, &texts, subtask.start_time.clone(), followed, relay) {
            Ok(spec) => {
                tracing::info!("subtask starts");
                State::Running(self.around.spawner.spawn(spec))
            }
            Err(error) => {
                tracing::error!(%error, "subtask can't be started");
                State::Failed(error)
            }
        };
        let entry = Entry {
            epoch: subtask.epoch,
            generation: subtask.generation,
            last: Arc::default(),
            operators,
            state,
        };
        self.entries.insert(task.clone(), entry);
    }

    fn stop(&mut self, task: &TaskName) {
        let Some(entry) = self.entries.get_mut(task) else {
            return;
        };
        let State::Running(mut handle) = std::mem::replace(&mut entry.state, State::Stopping)
        else {
            return;
        };
        entry.last = handle.status();
        handle.stop();
        let (sender, task, source) = (self.stopped.0.clone(), task.clone(), self.source.clone());
        tracing::info!(%task, %source, epoch = entry.epoch.0, "subtask stops");
        tokio::spawn(async move {
            while tokio::time::timeout(STOP_SLOW, handle.stopped())
                .await
                .is_err()
            {
                tracing::warn!(%task, %source, "subtask still stopping; its successor waits");
            }
            let _ = sender.send(task).await;
        });
    }

    fn has_stopped(&mut self, task: &TaskName) {
        if let Some(entry) = self.entries.get_mut(task) {
            tracing::info!(%task, source = %self.source, "subtask stopped");
            entry.state = State::Still;
        }
    }

    fn say_drained(&mut self, epoch: Epoch) {
        self.around.leases.give_back(&self.source, epoch);
        if !self.drained_said {
            let drained = v1::Drained {
                source_id: self.source.to_string(),
                epoch: epoch.0,
            };
            self.drained_said = self
                .around
                .outbox
                .send(v1::worker_message::Kind::Drained(drained));
        }
    }

    fn publish(&mut self, order: &Order, live: bool) {
        let subtasks = self.views(order.wanted.as_deref(), live);
        let active = self
            .entries
            .values()
            .filter(|e| matches!(e.state, State::Running(_) | State::Stopping))
            .count();
        let before = self.published.borrow().view.as_ref().map(essences);
        if let Some(given) = &order.wanted {
            self.lease_epoch = given.wanted.epoch;
        }
        // A source that was left stays in sight while something of it may still write.
        let shown = order.wanted.is_some() || !self.entries.is_empty();
        let (source, epoch) = (self.source.clone(), self.lease_epoch);
        let view = shown.then_some(SourceView {
            source,
            epoch,
            live,
            relay: self.relay.1.as_ref().map(|relay| relay.status()),
            subtasks,
        });
        let changed = before != view.as_ref().map(essences);
        self.published.send_replace(Published {
            seq: order.seq,
            active,
            view,
        });
        if changed {
            self.around.outbox.beat_now();
        }
    }

    fn views(&self, given: Option<&Assignment>, live: bool) -> Vec<SubtaskView> {
        let none = BTreeMap::new();
        let wanted = given.map_or(&none, |given| &given.wanted.subtasks);
        let mut views: BTreeMap<&TaskName, SubtaskView> = BTreeMap::new();
        for (task, entry) in &self.entries {
            views.insert(task, self.view_of(task, entry, wanted.get(task), live));
        }
        for (task, subtask) in wanted {
            views.entry(task).or_insert_with(|| SubtaskView {
                task: task.clone(),
                source: self.source.clone(),
                epoch: subtask.epoch,
                generation: subtask.generation,
                stage: if subtask.running {
                    pb::Stage::New
                } else {
                    pb::Stage::Paused
                },
                failure: None,
                waits_for: waits_for(subtask, live),
                status: Arc::default(),
            });
        }
        views.into_values().collect()
    }

    fn view_of(
        &self,
        task: &TaskName,
        entry: &Entry<S::Handle>,
        wanted: Option<&WantedSubtask>,
        live: bool,
    ) -> SubtaskView {
        let paused = wanted.is_some_and(|subtask| !subtask.running);
        let (stage, failure, status) = match &entry.state {
            State::Running(handle) => {
                let status = handle.status();
                let stage = if status.finished {
                    pb::Stage::Finished
                } else {
                    status.stage
                };
                (stage, None, status)
            }
            State::Stopping if paused => (pb::Stage::Pausing, None, Arc::clone(&entry.last)),
            State::Stopping => (pb::Stage::Stopping, None, Arc::clone(&entry.last)),
            State::Still if paused => (pb::Stage::Paused, None, Arc::clone(&entry.last)),
            State::Still => (pb::Stage::Stopped, None, Arc::clone(&entry.last)),
            State::Failed(error) => (
                pb::Stage::Paused,
                Some(error.clone()),
                Arc::clone(&entry.last),
            ),
        };
        let idle = matches!(entry.state, State::Still);
        SubtaskView {
            task: task.clone(),
            source: self.source.clone(),
            epoch: entry.epoch,
            generation: entry.generation,
            stage,
            failure,
            waits_for: wanted
                .filter(|_| idle)
                .and_then(|subtask| waits_for(subtask, live)),
            status,
        }
    }
}

fn waits_for(subtask: &WantedSubtask, live: bool) -> Option<&'static str> {
    (subtask.running && !live).then_some("waits until the leader confirms the lease of this source")
}

fn essences(view: &SourceView) -> Vec<(pb::Stage, pb::UnitType, usize, Epoch)> {
    view.subtasks.iter().map(SubtaskView::essence).collect()
}

/// Ends when the lease is no longer as it was looked at: live, or not.
async fn lease_turns(given: Option<&Assignment>, live: bool) {
    match given {
        Some(given) if live => given.lease.ended().await,
        Some(given) => given.lease.live().await,
        None => std::future::pending().await,
    }
}
