//! The state level: what every member understands (R26).
//!
//! A program applies a command, a field or a new way of applying only from the level on that brought it. The leader raises the
//! level when all masters support the next one, by an entry of its own; a program that meets a level above its own stops
//! before it applies that entry. So at each index all masters do the same, whatever versions they are.

use dm_proto::v1::command::Kind;
use serde::{Deserialize, Serialize};

use super::{Event, Refusal, State};

/// The highest level that this program understands.
pub const LEVEL_MAX: u32 = 2;
/// From here on: revision checks, bounded answers by age and bytes, requests of several steps, removal of masters, leases that
/// outlive their source.
pub(super) const LEVEL_CHECKED: u32 = 2;
/// Level of a cluster whose log says nothing of levels.
const LEVEL_FIRST: u32 = 1;

/// The level in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StateLevel(pub u32);

impl Default for StateLevel {
    fn default() -> Self {
        StateLevel(LEVEL_FIRST)
    }
}

/// The level that brought a kind of command. A new kind is of the newest level unless it is listed here.
pub fn level_of(kind: &Kind) -> u32 {
    match kind {
        Kind::PutSource(_)
        | Kind::RemoveSource(_)
        | Kind::PutTask(_)
        | Kind::SetStage(_)
        | Kind::RemoveSubtasks(_)
        | Kind::RegisterWorker(_)
        | Kind::Grant(_)
        | Kind::Release(_)
        | Kind::Settings(_)
        | Kind::RecordProgress(_)
        | Kind::RemoveWorker(_)
        | Kind::PinSource(_)
        | Kind::RaiseStateLevel(_) => LEVEL_FIRST,
        _ => LEVEL_MAX,
    }
}

impl State {
    /// True when commands and behaviour of this level are in force.
    pub fn has_level(&self, level: u32) -> bool {
        self.level.0 >= level
    }

    pub(super) fn apply_raise_state_level(
        &mut self,
        level: u32,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        if level <= self.level.0 {
            // Two leaders may have proposed it.
            return Ok(Vec::new());
        }
        self.level = StateLevel(level);
        self.answers.count_bytes();
        events.push(Event::LevelRaised(level));
        Ok(Vec::new())
    }
}
