//! The applied state in memory: written by the log alone, read by everybody.

use std::sync::{Arc, PoisonError, RwLock};

use dm_proto::v1;
use dm_raft_store::Machine;
use prost::Message;
use tokio::sync::watch;
use tracing::{debug, info};

use crate::state::{Event, Snapshot, State};

/// The state, and a bell that rings with each applied command.
pub struct Replicated {
    state: RwLock<State>,
    applied: watch::Sender<u64>,
}

impl Replicated {
    /// An empty state.
    pub fn new() -> Arc<Self> {
        Arc::new(Replicated {
            state: RwLock::default(),
            applied: watch::Sender::new(0),
        })
    }

    /// Looks at the state. Keep it short: applying waits meanwhile.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        // A poisoned lock means that a reader panicked; apply itself never does.
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Index of the last applied command, now and at every change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    fn write<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let (result, applied) = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            (change(&mut state), state.applied)
        };
        self.applied.send_replace(applied);
        result
    }
}

/// What the log drives: decodes commands, applies them, encodes answers.
pub struct CommandMachine(Arc<Replicated>);

impl CommandMachine {
    /// A machine over this state. There must be one per state.
    pub fn new(replicated: Arc<Replicated>) -> Self {
        CommandMachine(replicated)
    }
}

impl Machine for CommandMachine {
    fn apply(&mut self, index: u64, payload: &[u8]) -> Vec<u8> {
        // Undecodable bytes become a command without kind, which apply refuses: every node does the same.
        let command = v1::Command::decode(payload).unwrap_or_default();
        let (outcome, events) = self.0.write(|state| state.apply(index, &command));
        log_events(index, &events);
        outcome.encode_to_vec()
    }

    fn snapshot(&self) -> Vec<u8> {
        // Maps with text keys and plain numbers always encode.
        self.0
            .read(|state| Snapshot::write(state).unwrap_or_default())
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let restored = Snapshot::read(bytes).map_err(|error| error.to_string())?;
        self.0.write(|state| *state = restored);
        Ok(())
    }
}

fn log_events(index: u64, events: &[Event]) {
    for event in events {
        match event {
            Event::Granted {
                source_id,
                worker,
                epoch,
            } => info!(source_id, worker, epoch, "source granted"),
            Event::Released { source_id, epoch } => info!(source_id, epoch, "source released"),
            other => debug!(index, event = ?other, "applied"),
        }
    }
}
