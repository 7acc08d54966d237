//! Masters that were taken off.

use dm_proto::v1;

use super::{Event, Refusal, State};

/// Removed masters remembered; by then the oldest removals are long carried out.
const REMOVED_MASTERS_MAX: usize = 256;

impl State {
    /// The entry is the request; whoever leads then changes the membership until the node is gone.
    pub(super) fn apply_remove_master(
        &mut self,
        command: &v1::RemoveMaster,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        if command.node_id == 0 || command.name.is_empty() {
            return Err(Refusal::Invalid(
                "the removal of a master needs its node id and its name".to_owned(),
            ));
        }
        self.removed_masters
            .insert(command.node_id, command.name.clone());
        while self.removed_masters.len() > REMOVED_MASTERS_MAX {
            // Node ids are random: this forgets any of them, of which all but the newest are gone.
            let forgotten = self
                .removed_masters
                .keys()
                .find(|id| **id != command.node_id)
                .copied();
            forgotten.and_then(|id| self.removed_masters.remove(&id));
        }
        events.push(Event::MasterRemoved(command.name.clone()));
        Ok(Vec::new())
    }
}
