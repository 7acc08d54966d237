//! The applied state in memory: written by the log alone, read by everybody.

use std::sync::{Arc, PoisonError, RwLock};

use dm_proto::v1::{self, command::Kind};
use dm_raft_store::Machine;
use prost::Message;
use tokio::sync::watch;
use tracing::{debug, info};

use crate::state::{Event, LEVEL_MAX, Snapshot, State};

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
pub struct CommandMachine {
    replicated: Arc<Replicated>,
    level_max: u32,
}

impl CommandMachine {
    /// A machine over this state. There must be one per state.
    pub fn new(replicated: Arc<Replicated>) -> Self {
        Self::with_level_max(replicated, LEVEL_MAX)
    }

    /// As a program that understands no more than this state level, for tests of rolling upgrades.
    pub fn with_level_max(replicated: Arc<Replicated>, level_max: u32) -> Self {
        CommandMachine {
            replicated,
            level_max,
        }
    }

    fn check_level(&self, level: u32) -> Result<(), String> {
        if level <= self.level_max {
            return Ok(());
        }
        Err(format!(
            "the cluster is at state level {level}, and this program understands {} at most; install the version that the \
             other masters run and start again",
            self.level_max
        ))
    }
}

impl Machine for CommandMachine {
    fn apply(&mut self, index: u64, payload: &[u8]) -> Result<Vec<u8>, String> {
        // Undecodable bytes become a command without kind, which apply refuses: every node does the same.
        let command = v1::Command::decode(payload).unwrap_or_default();
        if let Some(Kind::RaiseStateLevel(raise)) = &command.kind {
            self.check_level(raise.level)?;
        }
        let (outcome, events) = self.replicated.write(|state| state.apply(index, &command));
        log_events(index, &events);
        Ok(outcome.encode_to_vec())
    }

    fn snapshot(&self) -> Vec<u8> {
        // Maps with text keys and plain numbers always encode.
        self.replicated
            .read(|state| Snapshot::write(state).unwrap_or_default())
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let restored = Snapshot::read(bytes).map_err(|error| error.to_string())?;
        self.check_level(restored.level.0)?;
        self.replicated.write(|state| *state = restored);
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
            Event::LevelRaised(level) => info!(level, "state level raised"),
            Event::MasterRemoved(name) => info!(name, "this master shall leave"),
            Event::Released { source_id, epoch } => info!(source_id, epoch, "source released"),
            other => debug!(index, event = ?other, "applied"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raise(level: u32) -> Vec<u8> {
        let kind = Some(Kind::RaiseStateLevel(v1::RaiseStateLevel { level }));
        v1::Command {
            kind,
            ..v1::Command::default()
        }
        .encode_to_vec()
    }

    #[test]
    fn r26_a_program_that_is_too_old_stops_before_it_applies_the_entry() {
        let replicated = Replicated::new();
        let mut old = CommandMachine::with_level_max(replicated.clone(), 1);
        let refused = old.apply(5, &raise(2)).unwrap_err();
        assert!(refused.contains("install the version"), "{refused}");
        assert_eq!(
            replicated.read(|state| (state.applied, state.level.0)),
            (0, 1)
        );
        let mut new = CommandMachine::new(Replicated::new());
        new.apply(5, &raise(2)).unwrap();
        // By snapshot it meets the level as well.
        let refused = old.restore(&new.snapshot()).unwrap_err();
        assert!(refused.contains("state level 2"), "{refused}");
    }
}
