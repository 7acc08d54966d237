//! Whole command sequences: any of them keeps the promises of the state.

use std::collections::BTreeMap;

use dm_proto::v1::{
    Command, Expectation, Grant, PinSource, PutSource, PutTask, RaiseStateLevel, RecordProgress,
    RegisterWorker, Release, RemoveSource, RemoveSubtasks, RemoveWorker, SetStage, Settings, Steps,
    command::Kind,
};
use proptest::prelude::*;

use super::*;

fn command(request_id: &str, kind: Kind) -> Command {
    Command {
        request_id: request_id.to_owned(),
        traceparent: String::new(),
        kind: Some(kind),
        ..Command::default()
    }
}

/// A state in which everything of the newest level is in force.
fn newest() -> State {
    let mut state = State::default();
    let raise = Kind::RaiseStateLevel(RaiseStateLevel { level: LEVEL_MAX });
    assert!(state.apply(1, &command("", raise)).0.ok);
    state
}

fn name(prefix: &'static str) -> impl Strategy<Value = String> {
    (0..3u8).prop_map(move |number| format!("{prefix}{number}"))
}

fn names(prefix: &'static str) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(name(prefix), 0..3)
}

/// Epochs near those that a run of a few dozen commands produces, so that many of them fit.
fn epoch() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..60u64]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => (name("s"), any::<bool>()).prop_map(|(source_id, create_only)| Kind::PutSource(PutSource { source_id, yaml: "y".into(), create_only, relay_only: false })),
        1 => name("s").prop_map(|source_id| Kind::RemoveSource(RemoveSource { source_id })),
        3 => (name("t"), names("s"), any::<bool>(), name("y")).prop_map(|(task, sources, remove_meta, yaml)| {
            Kind::PutTask(PutTask { task, yaml, sources, start_time: String::new(), remove_meta })
        }),
        2 => (name("t"), names("s"), 0..4i32).prop_map(|(task, sources, stage)| Kind::SetStage(SetStage { task, sources, stage })),
        1 => (name("t"), names("s")).prop_map(|(task, sources)| Kind::RemoveSubtasks(RemoveSubtasks { task, sources })),
        4 => (name("w"), name("a"), 0..3u64).prop_map(|(name, addr, incarnation)| Kind::RegisterWorker(RegisterWorker { name, addr, incarnation })),
        1 => name("w").prop_map(|name| Kind::RemoveWorker(RemoveWorker { name })),
        6 => (name("s"), name("w"), 0..3u64, epoch(), 0..2000u64).prop_map(|(source_id, worker, incarnation, expected_epoch, ttl_ms)| {
            Kind::Grant(Grant { source_id, worker, incarnation, expected_epoch, ttl_ms })
        }),
        2 => (name("s"), epoch()).prop_map(|(source_id, expected_epoch)| Kind::Release(Release { source_id, expected_epoch })),
        1 => (name("s"), prop_oneof![Just(String::new()), name("w")]).prop_map(|(source_id, worker)| Kind::PinSource(PinSource { source_id, worker })),
        1 => (0..1_000_000u64).prop_map(|lease_ttl_ms| Kind::Settings(Settings { lease_ttl_ms })),
        1 => (name("t"), name("s"), epoch()).prop_map(|(task, source_id, epoch)| {
            Kind::RecordProgress(RecordProgress { task, source_id, epoch, finished: false, position: String::new() })
        }),
    ]
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let id = prop_oneof![3 => Just(String::new()), 1 => (0..8u8).prop_map(|id| format!("r{id}"))];
    proptest::collection::vec(
        (id, kind()).prop_map(|(id, kind)| command(&id, kind)),
        0..80,
    )
}

fn run(commands: &[Command]) -> State {
    let mut state = State::default();
    for (index, command) in commands.iter().enumerate() {
        state.apply(index as u64 + 1, command);
    }
    state
}

fn check_invariants(state: &State) {
    for (task, found) in &state.tasks {
        assert!(
            !found.subtasks.is_empty(),
            "a task without subtasks is kept"
        );
        assert_eq!(state.generations.get(task), Some(&found.generation));
        for (source_id, subtask) in &found.subtasks {
            assert!(
                state.sources.contains_key(source_id),
                "a subtask without source"
            );
            assert!(
                found.configs.contains_key(&subtask.config),
                "a subtask without configuration"
            );
        }
    }
    for source in state.sources.values() {
        let Some(lease) = &source.lease else { continue };
        assert!(
            state.workers.contains_key(&lease.worker),
            "a lease of an unknown worker"
        );
        assert_eq!(lease.epoch, source.last_epoch);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn apply_is_deterministic(commands in commands()) {
        prop_assert_eq!(run(&commands), run(&commands));
    }

    #[test]
    fn a_snapshot_anywhere_changes_nothing(commands in commands(), cut in 0..80usize) {
        let (before, after) = commands.split_at(cut.min(commands.len()));
        let mut restored = Snapshot::read(&Snapshot::write(&run(before)).unwrap()).unwrap();
        for (offset, command) in after.iter().enumerate() {
            restored.apply((before.len() + offset) as u64 + 1, command);
        }
        let straight = run(&commands);
        prop_assert_eq!(Snapshot::write(&restored).unwrap(), Snapshot::write(&straight).unwrap());
        prop_assert_eq!(restored, straight);
    }

    #[test]
    fn r30_epochs_grow_and_only_a_matching_grant_changes_the_owner(commands in commands()) {
        let mut state = State::default();
        let mut epochs: BTreeMap<String, u64> = BTreeMap::new();
        for (index, command) in commands.iter().enumerate() {
            let index = index as u64 + 1;
            let before = state.clone();
            let (outcome, _) = state.apply(index, command);
            check_invariants(&state);
            for (source_id, source) in &state.sources {
                let was = before.lease(source_id).cloned();
                let Some(lease) = &source.lease else { continue };
                if was.as_ref() == Some(lease) {
                    continue;
                }
                let Some(Kind::Grant(grant)) = &command.kind else { panic!("{command:?} changed an owner") };
                prop_assert!(outcome.ok);
                prop_assert_eq!(grant.expected_epoch, was.map_or(0, |lease| lease.epoch.0));
                prop_assert_eq!(lease.epoch.0, index);
                prop_assert!(epochs.insert(source_id.clone(), index).is_none_or(|last| last < index));
            }
        }
    }

    #[test]
    fn r30_a_subtask_never_goes_back_in_epochs(commands in commands()) {
        let mut state = State::default();
        let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
        for (index, command) in commands.iter().enumerate() {
            state.apply(index as u64 + 1, command);
            for (task, found) in &state.tasks {
                for source_id in found.subtasks.keys() {
                    let Some(epoch) = state.subtask_epoch(task, source_id) else { continue };
                    let last = seen.insert((task.clone(), source_id.clone()), epoch.0).unwrap_or(0);
                    prop_assert!(last <= epoch.0);
                }
            }
        }
    }

    #[test]
    fn r28_a_repeated_request_changes_nothing(commands in commands()) {
        let mut state = run(&commands);
        for command in commands.iter().filter(|command| !command.request_id.is_empty()) {
            let mut before = state.clone();
            let first = state.answers.get(&command.request_id).unwrap();
            before.applied = 1_000;
            let (answer, _) = state.apply(1_000, command);
            prop_assert_eq!(answer, first);
            prop_assert_eq!(&state, &before);
        }
    }
}

fn ok(state: &mut State, index: u64, kind: Kind) {
    let (outcome, _) = state.apply(index, &command("", kind));
    assert!(outcome.ok, "{outcome:?}");
}

fn refused(state: &mut State, index: u64, kind: Kind) -> i32 {
    let before = State {
        applied: index,
        ..state.clone()
    };
    let (outcome, events) = state.apply(index, &command("", kind));
    assert!(!outcome.ok && events.is_empty());
    assert_eq!(*state, before, "a refusal changes nothing");
    outcome.code
}

fn put_source(id: &str) -> Kind {
    Kind::PutSource(PutSource {
        source_id: id.into(),
        yaml: "y".into(),
        create_only: true,
        relay_only: false,
    })
}

fn put_task(task: &str, sources: &[&str], remove_meta: bool) -> Kind {
    let sources = sources.iter().map(ToString::to_string).collect();
    Kind::PutTask(PutTask {
        task: task.into(),
        yaml: "y".into(),
        sources,
        start_time: String::new(),
        remove_meta,
    })
}

fn register(name: &str, addr: &str, incarnation: u64) -> Kind {
    Kind::RegisterWorker(RegisterWorker {
        name: name.into(),
        addr: addr.into(),
        incarnation,
    })
}

fn grant(source: &str, worker: &str, incarnation: u64, expected_epoch: u64) -> Kind {
    Kind::Grant(Grant {
        source_id: source.into(),
        worker: worker.into(),
        incarnation,
        expected_epoch,
        ttl_ms: 0,
    })
}

#[test]
fn refusals_carry_dms_codes() {
    let mut state = State::default();
    ok(&mut state, 1, put_source("s"));
    assert_eq!(refused(&mut state, 2, put_source("s")), 46007);
    assert_eq!(
        refused(
            &mut state,
            3,
            Kind::RemoveSource(RemoveSource {
                source_id: "x".into()
            })
        ),
        46008
    );
    assert_eq!(
        refused(&mut state, 4, put_task("t", &["s", "x"], false)),
        46008
    );
    ok(&mut state, 5, put_task("t", &["s"], false));
    assert_eq!(refused(&mut state, 6, put_task("t", &["s"], false)), 46014);
    assert_eq!(refused(&mut state, 7, put_task("t", &["s"], true)), 46014);
    assert_eq!(
        refused(
            &mut state,
            8,
            Kind::RemoveSource(RemoveSource {
                source_id: "s".into()
            })
        ),
        46010
    );
    let update = PutSource {
        source_id: "s".into(),
        yaml: "z".into(),
        create_only: false,
        relay_only: false,
    };
    assert_eq!(
        refused(&mut state, 9, Kind::PutSource(update.clone())),
        46025
    );
    // Nothing that runs depends on the relay log; a cluster of the first level does not know the difference (R26).
    let relay = PutSource {
        relay_only: true,
        ..update
    };
    assert_eq!(
        refused(&mut state, 9, Kind::PutSource(relay.clone())),
        46025
    );
    let mut newer = state.clone();
    ok(
        &mut newer,
        9,
        Kind::RaiseStateLevel(RaiseStateLevel { level: 2 }),
    );
    ok(&mut newer, 10, Kind::PutSource(relay));
    assert_eq!(newer.sources["s"].yaml, "z");
    assert_eq!(
        refused(
            &mut state,
            10,
            Kind::RemoveSubtasks(RemoveSubtasks {
                task: "u".into(),
                sources: vec![]
            })
        ),
        46018
    );
    assert_eq!(
        refused(
            &mut state,
            11,
            Kind::RemoveSubtasks(RemoveSubtasks {
                task: "t".into(),
                sources: vec!["x".into()]
            })
        ),
        46017
    );
    assert_eq!(
        refused(
            &mut state,
            12,
            Kind::RemoveWorker(RemoveWorker { name: "w".into() })
        ),
        46004
    );
    assert_eq!(refused(&mut state, 13, grant("s", "w", 1, 0)), 46004);
    ok(&mut state, 14, register("w", "a", 1));
    assert_eq!(refused(&mut state, 15, grant("s", "w", 2, 0)), 46006);
    assert_eq!(refused(&mut state, 16, grant("s", "w", 1, 9)), 38052);
    assert_eq!(
        refused(&mut state, 17, Kind::Settings(Settings { lease_ttl_ms: 1 })),
        38007
    );
    ok(&mut state, 18, grant("s", "w", 1, 0));
    assert_eq!(
        refused(
            &mut state,
            19,
            Kind::RemoveWorker(RemoveWorker { name: "w".into() })
        ),
        46005
    );
}

#[test]
fn an_unknown_kind_is_refused() {
    let mut state = State::default();
    let (outcome, _) = state.apply(1, &Command::default());
    assert!(!outcome.ok);
}

#[test]
fn a_name_at_another_address_must_wait_until_nothing_is_owned() {
    let mut state = State::default();
    ok(&mut state, 1, put_source("s"));
    ok(&mut state, 2, register("w", "a", 1));
    ok(&mut state, 3, grant("s", "w", 1, 0));
    assert_eq!(refused(&mut state, 4, register("w", "b", 2)), 46003);
    ok(&mut state, 5, register("w", "a", 2));
    assert_eq!(
        state.lease("s").unwrap().incarnation.0,
        1,
        "a restarted worker does not inherit"
    );
    ok(
        &mut state,
        6,
        Kind::Release(Release {
            source_id: "s".into(),
            expected_epoch: 3,
        }),
    );
    ok(&mut state, 7, register("w", "b", 3));
}

#[test]
fn a_stopped_task_keeps_its_generation_until_remove_meta() {
    let mut state = State::default();
    ok(&mut state, 1, put_source("s"));
    ok(&mut state, 2, put_task("t", &["s"], false));
    let stop = || {
        Kind::RemoveSubtasks(RemoveSubtasks {
            task: "t".into(),
            sources: vec![],
        })
    };
    ok(&mut state, 3, stop());
    assert!(state.tasks.is_empty());
    ok(&mut state, 4, put_task("t", &["s"], false));
    assert_eq!(state.tasks["t"].generation.0, 2);
    ok(&mut state, 5, stop());
    ok(&mut state, 6, put_task("t", &["s"], true));
    assert_eq!(state.tasks["t"].generation.0, 6);
}

#[test]
fn r30_grant_and_resume_give_new_epochs() {
    let mut state = State::default();
    ok(&mut state, 1, put_source("s"));
    ok(&mut state, 2, register("w", "a", 1));
    ok(&mut state, 3, grant("s", "w", 1, 0));
    ok(&mut state, 4, put_task("t", &["s"], false));
    assert_eq!(state.subtask_epoch("t", "s").unwrap().0, 4);
    let stage = |stage| {
        Kind::SetStage(SetStage {
            task: "t".into(),
            sources: vec![],
            stage,
        })
    };
    ok(&mut state, 5, stage(2));
    assert_eq!(state.subtask_epoch("t", "s").unwrap().0, 4);
    ok(&mut state, 6, stage(1));
    assert_eq!(state.subtask_epoch("t", "s").unwrap().0, 6);
    ok(&mut state, 7, grant("s", "w", 1, 3));
    assert_eq!(state.subtask_epoch("t", "s").unwrap().0, 7);
}

#[test]
fn answers_are_bounded() {
    let mut state = State::default();
    for index in 1..=(ANSWERS_MAX as u64 + 5) {
        state.apply(index, &command(&format!("r{index}"), put_source("s")));
    }
    assert_eq!(state.answers.len(), ANSWERS_MAX);
    assert!(state.answers.get("r5").is_none());
    assert!(state.answers.get("r6").is_some());
}

#[test]
fn a_newer_snapshot_is_refused_by_name() {
    let error = Snapshot::read(br#"{"format":3,"state":{"new":1}}"#).unwrap_err();
    assert!(error.to_string().contains("format 3"), "{error}");
}

#[test]
fn r26_what_an_older_member_does_not_know_is_refused() {
    let mut state = State::default();
    let steps = || command("", Kind::Steps(Steps::default()));
    let (outcome, _) = state.apply(1, &steps());
    assert!(
        !outcome.ok && outcome.message.contains("upgrade all masters"),
        "{outcome:?}"
    );
    let mut state = newest();
    assert!(state.apply(2, &steps()).0.ok);
    // A snapshot of the first level is what programs without levels read; one of a later level they refuse by its format.
    let first = Snapshot::write(&State::default()).unwrap();
    assert!(first.starts_with(br#"{"format":1"#));
    assert!(
        Snapshot::write(&state)
            .unwrap()
            .starts_with(br#"{"format":2"#)
    );
    assert_eq!(
        Snapshot::read(&Snapshot::write(&state).unwrap()).unwrap(),
        state
    );
}

#[test]
fn r28_several_steps_are_all_or_none() {
    let mut state = newest();
    state.apply(2, &command("", put_source("a")));
    let before = state.clone();
    let steps = |ids: &[&str]| {
        let steps = ids.iter().map(|id| command("", put_source(id))).collect();
        Kind::Steps(Steps { steps })
    };
    let (outcome, events) = state.apply(3, &command("r", steps(&["b", "a", "c"])));
    assert!(!outcome.ok && events.is_empty(), "{outcome:?}");
    assert_eq!(state.sources, before.sources);
    let (outcome, _) = state.apply(4, &command("s", steps(&["b", "c"])));
    assert_eq!(outcome.sources, ["b", "c"]);
    // A repetition gets the first answer.
    assert_eq!(state.apply(5, &command("s", steps(&["b", "c"]))).0, outcome);
    let nested = Kind::Steps(Steps {
        steps: vec![command("", steps(&["d"]))],
    });
    assert!(!state.apply(6, &command("", nested)).0.ok);
}

#[test]
fn r28_a_revision_that_changed_refuses_the_command() {
    let mut state = newest();
    state.apply(2, &command("", put_source("a")));
    let checked = |revision| Command {
        expected: vec![Expectation {
            source_id: "a".into(),
            task: String::new(),
            revision,
        }],
        ..command(
            "",
            Kind::PutTask(PutTask {
                task: "t".into(),
                yaml: "y".into(),
                sources: vec!["a".into()],
                ..PutTask::default()
            }),
        )
    };
    let changed = Kind::PutSource(PutSource {
        source_id: "a".into(),
        yaml: "other".into(),
        create_only: false,
        relay_only: false,
    });
    state.apply(3, &command("", changed));
    let (outcome, _) = state.apply(4, &checked(2));
    assert!(!outcome.ok && outcome.code == 60017, "{outcome:?}");
    assert!(state.apply(5, &checked(3)).0.ok);
}

#[test]
fn r28_answers_are_bounded_by_bytes_and_a_forgotten_id_is_refused() {
    let mut state = newest();
    let long = "x".repeat(100_000);
    let mut index = 1;
    let refused_at = |index: u64, state: &mut State, id: &str| {
        // The refusal quotes the name: an answer of 100 kB.
        let remove = Kind::RemoveSource(RemoveSource {
            source_id: long.clone(),
        });
        state.apply(index, &command(id, remove)).0
    };
    for number in 0..100 {
        index += 1;
        refused_at(index, &mut state, &format!("r{number}@{}", index - 1));
    }
    let kept = state.answers.len() as u64;
    assert!(kept * 100_000 <= ANSWERS_BYTES_MAX && kept > 20, "{kept}");
    // Known, known to be older than what is kept, and new.
    assert!(
        refused_at(index + 1, &mut state, "r99@100")
            .message
            .contains("not exists")
    );
    let late = refused_at(index + 2, &mut state, "r0@1");
    assert!(late.message.contains("too old"), "{}", late.message);
    let fresh = refused_at(index + 3, &mut state, &format!("new@{index}"));
    assert!(fresh.message.contains("not exists"));
}

#[test]
fn r31_a_source_that_is_created_again_finds_its_lease() {
    let mut state = newest();
    state.apply(2, &command("", put_source("a")));
    let register = RegisterWorker {
        name: "w".into(),
        addr: "w:1".into(),
        incarnation: 7,
    };
    state.apply(3, &command("", Kind::RegisterWorker(register)));
    let grant = Grant {
        source_id: "a".into(),
        worker: "w".into(),
        incarnation: 7,
        expected_epoch: 0,
        ttl_ms: 9_000,
    };
    assert!(state.apply(4, &command("", Kind::Grant(grant))).0.ok);
    let lease = state.lease("a").cloned();
    let remove = Kind::RemoveSource(RemoveSource {
        source_id: "a".into(),
    });
    assert!(state.apply(5, &command("", remove)).0.ok);
    assert_eq!(state.lease("a"), None);
    assert_eq!(
        state.lease_ttl_longest_ms(),
        9_000,
        "a new leader waits for it"
    );
    state.apply(6, &command("", put_source("a")));
    assert_eq!(state.lease("a").cloned(), lease);
    assert!(state.orphaned_leases.is_empty());
}
