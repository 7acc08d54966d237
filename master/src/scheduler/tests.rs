//! Tables of situations, and properties over random ones.

use std::collections::BTreeSet;

use dm_proto::v1::{
    Command, Grant, PinSource, PutSource, RaiseStateLevel, RegisterWorker, Settings, command::Kind,
};
use proptest::prelude::*;

use super::*;
use crate::state::State;

const TTL_MS: u64 = 5_000;
const LONG_AGO_MS: u64 = 0;
const NOW_MS: u64 = 100_000;

#[derive(Debug, Default)]
struct World {
    state: State,
    observed: Observed,
    index: u64,
}

impl World {
    fn new(sources: &[&str], workers: &[&str]) -> Self {
        let mut world = World::default();
        world.observed.now_ms = NOW_MS;
        for source in sources {
            world.apply(Kind::PutSource(PutSource {
                source_id: source.to_string(),
                yaml: "y".into(),
                create_only: true,
                relay_only: false,
            }));
        }
        for worker in workers {
            world.register(worker, 1);
            world.see(worker, 1, NOW_MS);
        }
        world
    }

    fn apply(&mut self, kind: Kind) -> u64 {
        self.index += 1;
        let command = Command {
            kind: Some(kind),
            ..Command::default()
        };
        assert!(self.state.apply(self.index, &command).0.ok, "{command:?}");
        self.index
    }

    fn register(&mut self, worker: &str, incarnation: u64) {
        self.apply(Kind::RegisterWorker(RegisterWorker {
            name: worker.into(),
            addr: worker.into(),
            incarnation,
        }));
    }

    fn see(&mut self, worker: &str, incarnation: u64, heard_ms: u64) {
        self.observed.workers.insert(
            worker.into(),
            SeenWorker {
                incarnation,
                heard_ms,
                leaving: false,
            },
        );
    }

    /// Grants without a plan and counts it as renewed at `renewed_ms`.
    fn grant(&mut self, source: &str, worker: &str, renewed_ms: u64) -> u64 {
        let expected_epoch = self.state.lease(source).map_or(0, |lease| lease.epoch.0);
        let incarnation = self.state.workers[worker].incarnation.0;
        let epoch = self.apply(Kind::Grant(Grant {
            source_id: source.into(),
            worker: worker.into(),
            incarnation,
            expected_epoch,
            ttl_ms: TTL_MS,
        }));
        self.observed
            .renewed_ms
            .insert((source.into(), epoch), renewed_ms);
        epoch
    }

    fn pin(&mut self, source: &str, worker: &str) {
        self.apply(Kind::PinSource(PinSource {
            source_id: source.into(),
            worker: worker.into(),
        }));
    }

    fn plan(&self) -> Vec<String> {
        plan(&self.state, &self.observed).iter().map(show).collect()
    }
}

#[test]
fn r31_a_changed_ttl_stands_in_the_log_before_it_counts() {
    let mut world = World::new(&["a"], &["w1"]);
    world.apply(Kind::RaiseStateLevel(RaiseStateLevel { level: 2 }));
    world.grant("a", "w1", NOW_MS);
    let epoch = world.state.lease("a").unwrap().epoch.0;
    let ttl_ms = world.state.settings.lease_ttl_ms;
    world.observed.ttl_since_ms = NOW_MS;
    assert!(world.plan().is_empty());
    world.apply(Kind::Settings(Settings {
        lease_ttl_ms: 2 * ttl_ms,
    }));
    assert_eq!(world.plan(), [format!("a at {epoch} lasts {}", 2 * ttl_ms)]);
    // A shorter one only once no renewal of the longer one can be in use.
    world.apply(Kind::Settings(Settings {
        lease_ttl_ms: ttl_ms / 2,
    }));
    assert!(world.plan().is_empty());
    world.observed.ttl_since_ms = NOW_MS - ttl_ms - 1;
    assert_eq!(world.plan(), [format!("a at {epoch} lasts {}", ttl_ms / 2)]);
}

fn show(action: &Action) -> String {
    match action {
        Action::Grant {
            source_id,
            worker,
            incarnation,
            expected_epoch,
        } => format!("{source_id}->{worker}.{incarnation} after {expected_epoch}"),
        Action::Release {
            source_id,
            expected_epoch,
        } => format!("{source_id} released after {expected_epoch}"),
        Action::Drain { source_id, epoch } => format!("{source_id} drains {epoch}"),
        Action::Retime {
            source_id,
            expected_epoch,
            ttl_ms,
        } => format!("{source_id} at {expected_epoch} lasts {ttl_ms}"),
    }
}

#[test]
fn sources_spread_over_the_live_workers() {
    let world = World::new(&["a", "b", "c"], &["w1", "w2"]);
    assert_eq!(
        world.plan(),
        ["a->w1.1 after 0", "b->w2.1 after 0", "c->w1.1 after 0"]
    );
}

#[test]
fn the_worker_with_the_fewest_sources_takes_the_next() {
    let mut world = World::new(&["a", "b", "c"], &["w1", "w2"]);
    world.grant("a", "w1", NOW_MS);
    assert_eq!(world.plan(), ["b->w2.1 after 0", "c->w1.1 after 0"]);
}

#[test]
fn nothing_happens_without_workers() {
    assert!(World::new(&["a"], &[]).plan().is_empty());
}

#[test]
fn a_silent_workers_sources_move_only_after_the_ttl() {
    let mut world = World::new(&["a"], &["w1", "w2"]);
    let epoch = world.grant("a", "w1", NOW_MS - TTL_MS);
    world.observed.workers.remove("w1");
    assert!(world.plan().is_empty(), "the lease may still be in use");
    world.observed.now_ms += 1;
    assert_eq!(world.plan(), [format!("a->w2.1 after {epoch}")]);
}

#[test]
fn without_a_successor_the_lease_is_released() {
    let mut world = World::new(&["a"], &["w1"]);
    let epoch = world.grant("a", "w1", LONG_AGO_MS);
    world.observed.workers.clear();
    assert_eq!(world.plan(), [format!("a released after {epoch}")]);
}

#[test]
fn r31_an_inherited_lease_is_waited_for() {
    let mut world = World::new(&["a"], &["w1", "w2"]);
    let epoch = world.grant("a", "w1", LONG_AGO_MS);
    world.observed.renewed_ms.clear();
    world.observed.workers.remove("w1");
    world.observed.inherited_epoch_max = epoch;
    world.observed.inherited_until_ms = NOW_MS + 1;
    assert!(world.plan().is_empty());
    world.observed.now_ms += 1;
    assert_eq!(world.plan(), [format!("a->w2.1 after {epoch}")]);
}

#[test]
fn a_goodbye_moves_the_sources_at_once() {
    let mut world = World::new(&["a"], &["w1", "w2"]);
    let epoch = world.grant("a", "w1", NOW_MS);
    world.observed.workers.get_mut("w1").unwrap().leaving = true;
    world.observed.given_back.insert(("a".into(), epoch));
    assert_eq!(world.plan(), [format!("a->w2.1 after {epoch}")]);
}

#[test]
fn r30_a_restarted_worker_gets_a_new_grant_at_once() {
    let mut world = World::new(&["a"], &["w1"]);
    let epoch = world.grant("a", "w1", NOW_MS);
    world.register("w1", 2);
    world.see("w1", 2, NOW_MS);
    assert_eq!(world.plan(), [format!("a->w1.2 after {epoch}")]);
}

#[test]
fn a_session_of_another_process_than_the_registered_one_gets_nothing() {
    let mut world = World::new(&["a"], &["w1"]);
    world.see("w1", 9, NOW_MS);
    assert!(world.plan().is_empty());
}

#[test]
fn a_transfer_drains_and_then_hands_over() {
    let mut world = World::new(&["a"], &["w1", "w2"]);
    let epoch = world.grant("a", "w1", NOW_MS);
    world.pin("a", "w2");
    assert_eq!(world.plan(), [format!("a drains {epoch}")]);
    world.observed.given_back.insert(("a".into(), epoch));
    assert_eq!(world.plan(), [format!("a->w2.1 after {epoch}")]);
    world.grant("a", "w2", NOW_MS);
    assert!(world.plan().is_empty(), "the pin is gone");
    assert_eq!(world.state.sources["a"].pinned_to, None);
}

#[test]
fn a_pin_to_a_dead_worker_waits_without_draining() {
    let mut world = World::new(&["a"], &["w1", "w2"]);
    world.grant("a", "w1", NOW_MS);
    world.pin("a", "w2");
    world.observed.workers.remove("w2");
    assert!(world.plan().is_empty());
}

#[test]
fn forty_sources_of_a_dead_worker_are_spread_evenly() {
    let names: Vec<String> = (0..40).map(|number| format!("s{number:02}")).collect();
    let sources: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = World::new(&sources, &["w1", "w2", "w3", "w4"]);
    for (number, source) in sources.iter().enumerate() {
        world.grant(source, &format!("w{}", number % 4 + 1), NOW_MS);
    }
    world.observed.workers.remove("w1");
    let of_w1: BTreeSet<(String, u64)> = world
        .observed
        .renewed_ms
        .keys()
        .filter(|(source, _)| world.state.lease(source).unwrap().worker == "w1")
        .cloned()
        .collect();
    for key in of_w1 {
        world.observed.renewed_ms.insert(key, LONG_AGO_MS);
    }
    let actions = world.plan();
    assert_eq!(actions.len(), 10);
    let to = |worker: &str| {
        actions
            .iter()
            .filter(|action| action.contains(&format!("->{worker}.")))
            .count()
    };
    assert_eq!([to("w2"), to("w3"), to("w4")], [4, 3, 3]);
}

/// A random world: leases that may have been renewed lately or not, workers seen or not, pins, give-backs.
fn worlds() -> impl Strategy<Value = World> {
    let lease = (0..4usize, 0..2 * TTL_MS, any::<bool>());
    let source = (proptest::option::of(lease), proptest::option::of(0..4usize));
    let worker = (any::<bool>(), any::<bool>(), 0..2 * TTL_MS);
    (
        proptest::collection::vec(source, 0..8),
        proptest::collection::vec(worker, 4),
        0..2u64,
    )
        .prop_map(|(sources, workers, inherited)| {
            let names: Vec<String> = (0..sources.len())
                .map(|number| format!("s{number}"))
                .collect();
            let mut world = World::new(
                &names.iter().map(String::as_str).collect::<Vec<_>>(),
                &["w0", "w1", "w2", "w3"],
            );
            for (name, (lease, pin)) in names.iter().zip(&sources) {
                if let Some((owner, silent_ms, given_back)) = lease {
                    let epoch = world.grant(name, &format!("w{owner}"), NOW_MS - silent_ms);
                    if *given_back {
                        world.observed.given_back.insert((name.clone(), epoch));
                    }
                }
                if let Some(worker) = pin {
                    world.pin(name, &format!("w{worker}"));
                }
            }
            for (number, (seen, restarted, silent_ms)) in workers.into_iter().enumerate() {
                let name = format!("w{number}");
                let incarnation = if restarted { 2 } else { 1 };
                if restarted {
                    world.register(&name, 2);
                }
                world.observed.workers.remove(&name);
                if seen {
                    world.see(&name, incarnation, NOW_MS - silent_ms);
                }
            }
            if inherited == 1 {
                world.observed.inherited_epoch_max = world.index;
                world.observed.inherited_until_ms = NOW_MS + 1;
            }
            world
        })
}

proptest! {
    #[test]
    fn a_lease_in_use_is_never_replaced(world in worlds()) {
        for action in plan(&world.state, &world.observed) {
            let (source, epoch) = match &action {
                Action::Grant { source_id, expected_epoch, .. } | Action::Release { source_id, expected_epoch } => (source_id, *expected_epoch),
                Action::Drain { .. } | Action::Retime { .. } => continue,
            };
            let Some(lease) = world.state.lease(source) else { continue };
            prop_assert_eq!(lease.epoch.0, epoch);
            let key = (source.clone(), epoch);
            let same_process = world.state.workers[&lease.worker].incarnation == lease.incarnation;
            let fresh = world.observed.now_ms - world.observed.renewed_ms[&key] <= lease.ttl_ms;
            let inherited = world.observed.now_ms < world.observed.inherited_until_ms;
            let in_use = same_process && (fresh || inherited) && !world.observed.given_back.contains(&key);
            prop_assert!(!in_use, "{action:?} of a lease in use");
        }
    }

    #[test]
    fn a_plan_carried_out_leaves_nothing_to_grant(mut world in worlds()) {
        for action in plan(&world.state, &world.observed) {
            if let Action::Grant { source_id, worker, .. } = &action {
                let seen = &world.observed.workers[worker];
                prop_assert_eq!(seen.incarnation, world.state.workers[worker].incarnation.0);
                world.grant(source_id, worker, NOW_MS);
            }
        }
        let again = plan(&world.state, &world.observed);
        prop_assert!(!again.iter().any(|action| matches!(action, Action::Grant { .. })), "{again:?}");
    }

    #[test]
    fn one_action_per_source(world in worlds()) {
        let mut seen = BTreeSet::new();
        for action in plan(&world.state, &world.observed) {
            let (Action::Grant { source_id, .. } | Action::Release { source_id, .. } | Action::Drain { source_id, .. } | Action::Retime { source_id, .. }) = action;
            prop_assert!(seen.insert(source_id));
        }
    }
}
