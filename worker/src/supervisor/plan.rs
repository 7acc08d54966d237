//! What to do about the difference between wanted and running. Pure.

use super::WantedSource;
use dm_model::{Epoch, TaskName};
use std::collections::BTreeMap;

/// What is there for one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Runs, or has finished, under this epoch.
    Running(Epoch),
    /// Was asked to stop; may still write.
    Stopping,
    /// Writes nothing: stopped, or never started.
    Still,
    /// Couldn't be started under this epoch; nothing of it runs.
    Failed(Epoch),
}

/// One step towards the wanted state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Start it under its wanted epoch.
    Start(TaskName),
    /// Ask it to stop.
    Stop(TaskName),
    /// It is not wanted and writes nothing: take it off the list.
    Forget(TaskName),
    /// Everything is stopped, as the leader asked.
    Drained,
}

/// Compares. `wanted` is `None` when this worker shall do nothing for the source; `live` says whether
/// its lease is.
pub(super) fn plan(
    wanted: Option<&WantedSource>,
    live: bool,
    slots: &BTreeMap<TaskName, Slot>,
) -> Vec<Action> {
    let mut actions = Vec::new();
    let draining = wanted.is_some_and(|wanted| wanted.drain);
    let wanted_epoch = |task: &TaskName| {
        let subtask = wanted?.subtasks.get(task)?;
        (subtask.running && !draining && live).then_some(subtask.epoch)
    };
    for (task, slot) in slots {
        match slot {
            Slot::Running(epoch) if wanted_epoch(task) != Some(*epoch) => {
                actions.push(Action::Stop(task.clone()))
            }
            Slot::Still | Slot::Failed(_)
                if wanted.is_none_or(|wanted| !wanted.subtasks.contains_key(task)) =>
            {
                actions.push(Action::Forget(task.clone()));
            }
            _ => {}
        }
    }
    let Some(wanted) = wanted else { return actions };
    for task in wanted.subtasks.keys() {
        let Some(epoch) = wanted_epoch(task) else {
            continue;
        };
        match slots.get(task) {
            None | Some(Slot::Still) => actions.push(Action::Start(task.clone())),
            Some(Slot::Failed(failed)) if *failed != epoch => {
                actions.push(Action::Start(task.clone()))
            }
            _ => {}
        }
    }
    if draining
        && slots
            .values()
            .all(|slot| matches!(slot, Slot::Still | Slot::Failed(_)))
    {
        actions.push(Action::Drained);
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::super::WantedSubtask;
    use super::*;
    use dm_model::{Generation, SourceId};

    fn task(name: &str) -> TaskName {
        TaskName::new(name).expect("valid")
    }

    fn wanted(subtasks: &[(&str, bool, u64)], drain: bool) -> WantedSource {
        let subtasks = subtasks.iter().map(|(name, running, epoch)| {
            let subtask = WantedSubtask {
                yaml: String::new(),
                running: *running,
                epoch: Epoch(*epoch),
                generation: Generation(1),
                start_time: None,
                traceparent: String::new(),
                operators: std::sync::Arc::default(),
            };
            (task(name), subtask)
        });
        WantedSource {
            source: SourceId::new("s").expect("valid"),
            epoch: Epoch(1),
            yaml: String::new(),
            drain,
            ttl_ms: 5_000,
            subtasks: subtasks.collect(),
        }
    }

    fn slots(slots: &[(&str, Slot)]) -> BTreeMap<TaskName, Slot> {
        slots
            .iter()
            .map(|(name, slot)| (task(name), *slot))
            .collect()
    }

    #[test]
    fn starts_only_what_is_wanted_running_under_a_live_lease() {
        let two = wanted(&[("a", true, 5), ("b", false, 6)], false);
        assert_eq!(
            plan(Some(&two), true, &slots(&[])),
            vec![Action::Start(task("a"))]
        );
        assert_eq!(plan(Some(&two), false, &slots(&[])), vec![]);
        assert_eq!(plan(None, true, &slots(&[])), vec![]);
    }

    #[test]
    fn what_runs_as_wanted_is_left_alone() {
        let one = wanted(&[("a", true, 5)], false);
        assert_eq!(
            plan(Some(&one), true, &slots(&[("a", Slot::Running(Epoch(5)))])),
            vec![]
        );
    }

    #[test]
    fn a_new_epoch_stops_completely_before_it_starts() {
        let one = wanted(&[("a", true, 9)], false);
        assert_eq!(
            plan(Some(&one), true, &slots(&[("a", Slot::Running(Epoch(5)))])),
            vec![Action::Stop(task("a"))]
        );
        assert_eq!(
            plan(Some(&one), true, &slots(&[("a", Slot::Stopping)])),
            vec![]
        );
        assert_eq!(
            plan(Some(&one), true, &slots(&[("a", Slot::Still)])),
            vec![Action::Start(task("a"))]
        );
    }

    #[test]
    fn pause_lapse_removal_and_loss_stop() {
        let running = slots(&[("a", Slot::Running(Epoch(5)))]);
        let stop = vec![Action::Stop(task("a"))];
        assert_eq!(
            plan(Some(&wanted(&[("a", false, 5)], false)), true, &running),
            stop
        );
        assert_eq!(
            plan(Some(&wanted(&[("a", true, 5)], false)), false, &running),
            stop
        );
        assert_eq!(plan(Some(&wanted(&[], false)), true, &running), stop);
        assert_eq!(plan(None, true, &running), stop);
        assert_eq!(
            plan(None, true, &slots(&[("a", Slot::Still)])),
            vec![Action::Forget(task("a"))]
        );
        assert_eq!(plan(None, true, &slots(&[("a", Slot::Stopping)])), vec![]);
    }

    #[test]
    fn a_failed_start_waits_for_another_epoch() {
        let failed = slots(&[("a", Slot::Failed(Epoch(5)))]);
        assert_eq!(
            plan(Some(&wanted(&[("a", true, 5)], false)), true, &failed),
            vec![]
        );
        assert_eq!(
            plan(Some(&wanted(&[("a", true, 6)], false)), true, &failed),
            vec![Action::Start(task("a"))]
        );
    }

    #[test]
    fn drained_only_when_nothing_can_write() {
        let drain = wanted(&[("a", true, 5), ("b", true, 5)], true);
        let running = slots(&[("a", Slot::Running(Epoch(5))), ("b", Slot::Stopping)]);
        assert_eq!(
            plan(Some(&drain), true, &running),
            vec![Action::Stop(task("a"))]
        );
        assert_eq!(
            plan(
                Some(&drain),
                true,
                &slots(&[("a", Slot::Still), ("b", Slot::Stopping)])
            ),
            vec![]
        );
        assert_eq!(
            plan(Some(&drain), true, &slots(&[("a", Slot::Still)])),
            vec![Action::Drained]
        );
        assert_eq!(plan(Some(&drain), true, &slots(&[])), vec![Action::Drained]);
    }
}
