//! What one worker shall do: a pure function of the replicated state.

use std::collections::BTreeSet;

use dm_proto::v1::{Desired, DesiredSource, DesiredSubtask, WantedStage};

use crate::state::{Lease, Source, State, Wanted, operator_message};

/// Everything that this process of this worker shall do.
pub fn desired(
    state: &State,
    worker: &str,
    incarnation: u64,
    draining: &BTreeSet<(String, u64)>,
) -> Desired {
    let owned = state.sources.iter().filter_map(|(source_id, source)| {
        let lease = source.lease.as_ref()?;
        let owns = lease.worker == worker && lease.incarnation.0 == incarnation;
        owns.then(|| desired_source(state, source_id, source, lease, draining))
    });
    Desired {
        revision: state.applied,
        sources: owned.collect(),
    }
}

fn desired_source(
    state: &State,
    source_id: &str,
    source: &Source,
    lease: &Lease,
    draining: &BTreeSet<(String, u64)>,
) -> DesiredSource {
    let subtasks = state.tasks.iter().filter_map(|(name, task)| {
        let subtask = task.subtasks.get(source_id)?;
        Some(DesiredSubtask {
            task: name.clone(),
            yaml: task.yaml_of(source_id).unwrap_or_default().to_owned(),
            stage: match subtask.wanted {
                Wanted::Running => WantedStage::WantedRunning.into(),
                Wanted::Paused => WantedStage::WantedPaused.into(),
            },
            epoch: lease.epoch.max(subtask.authorised).0,
            generation: task.generation.0,
            start_time: subtask.start_time.clone(),
            traceparent: subtask.traceparent.clone(),
            operators: state
                .operators_of(name, source_id)
                .iter()
                .map(|operator| operator_message(source_id, operator))
                .collect(),
        })
    });
    DesiredSource {
        source_id: source_id.to_owned(),
        epoch: lease.epoch.0,
        yaml: source.yaml.clone(),
        subtasks: subtasks.collect(),
        drain: draining.contains(&(source_id.to_owned(), lease.epoch.0)),
        ttl_ms: lease.ttl_ms,
    }
}
