//! Bytes that older versions wrote: every command and the snapshot stay readable and mean the same.
//!
//! `tests/golden/commands.txt` has one line per kind of command, `snapshot_LEVEL.json` the state after all of them. A new kind gets a
//! new line; a line that changes means that a log of yesterday is read differently today. `DM_GOLDEN_WRITE=1` writes the files.

use std::{fmt::Write as _, path::PathBuf};

use dm_master::state::{LEVEL_MAX, Snapshot, State, level_of};
use dm_proto::v1::{
    Command, Expectation, Grant, PinSource, PutSource, PutTask, RaiseStateLevel, RecordProgress,
    RegisterWorker, Release, RemoveMaster, RemoveSource, RemoveSubtasks, RemoveWorker, RetimeLease,
    SetStage, Settings, Steps, command::Kind,
};
use prost::Message;

fn kinds() -> Vec<(&'static str, Kind)> {
    let put = |id: &str| PutSource {
        source_id: id.into(),
        yaml: format!("source-id: {id}\n"),
        create_only: true,
        relay_only: false,
    };
    let step = |kind| Command {
        kind: Some(kind),
        ..Command::default()
    };
    vec![
        (
            "settings",
            Kind::Settings(Settings {
                lease_ttl_ms: 7_000,
            }),
        ),
        ("put_source", Kind::PutSource(put("a"))),
        ("put_source_too", Kind::PutSource(put("b"))),
        (
            "register_worker",
            Kind::RegisterWorker(RegisterWorker {
                name: "w".into(),
                addr: "w:1".into(),
                incarnation: 77,
            }),
        ),
        (
            "grant",
            Kind::Grant(Grant {
                source_id: "a".into(),
                worker: "w".into(),
                incarnation: 77,
                expected_epoch: 0,
                ttl_ms: 5_000,
            }),
        ),
        (
            "put_task",
            Kind::PutTask(PutTask {
                task: "t".into(),
                yaml: "name: t\n".into(),
                sources: vec!["a".into()],
                start_time: "2026-01-01 00:00:00".into(),
                remove_meta: true,
            }),
        ),
        (
            "set_stage",
            Kind::SetStage(SetStage {
                task: "t".into(),
                sources: vec!["a".into()],
                stage: 2,
            }),
        ),
        (
            "record_progress",
            Kind::RecordProgress(RecordProgress {
                task: "t".into(),
                source_id: "a".into(),
                epoch: 6,
                finished: true,
                position: "binlog.000001:4".into(),
            }),
        ),
        (
            "pin_source",
            Kind::PinSource(PinSource {
                source_id: "b".into(),
                worker: "w".into(),
            }),
        ),
        (
            "release",
            Kind::Release(Release {
                source_id: "b".into(),
                expected_epoch: 0,
            }),
        ),
        (
            "raise_state_level",
            Kind::RaiseStateLevel(RaiseStateLevel { level: 2 }),
        ),
        (
            "retime_lease",
            Kind::RetimeLease(RetimeLease {
                source_id: "a".into(),
                expected_epoch: 5,
                ttl_ms: 7_000,
            }),
        ),
        (
            "remove_master",
            Kind::RemoveMaster(RemoveMaster {
                node_id: 0xfeed,
                name: "m".into(),
            }),
        ),
        (
            "steps",
            Kind::Steps(Steps {
                steps: vec![
                    step(Kind::PutSource(put("c"))),
                    step(Kind::RemoveSource(RemoveSource {
                        source_id: "b".into(),
                    })),
                ],
            }),
        ),
        (
            "remove_subtasks",
            Kind::RemoveSubtasks(RemoveSubtasks {
                task: "t".into(),
                sources: vec![],
            }),
        ),
        (
            "remove_source",
            Kind::RemoveSource(RemoveSource {
                source_id: "a".into(),
            }),
        ),
        (
            "remove_worker",
            Kind::RemoveWorker(RemoveWorker { name: "w".into() }),
        ),
    ]
}

fn command(number: usize, name: &str, kind: Kind) -> Command {
    let newer = level_of(&kind) > 1;
    let expected = Expectation {
        source_id: "unknown".into(),
        task: String::new(),
        revision: 0,
    };
    Command {
        request_id: format!("{name}@{number}/step"),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        kind: Some(kind),
        expected: newer.then_some(expected).into_iter().collect(),
        content_hash: u64::from(newer),
        received_ms: 1_790_000_000_000 * u64::from(newer),
    }
}

/// The file's text, which is written first when that was asked for.
fn golden(name: &str, now: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var("DM_GOLDEN_WRITE").is_ok_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, now).unwrap();
    }
    std::fs::read_to_string(&path).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn r26_commands_and_snapshots_of_older_versions_mean_the_same() {
    let commands: Vec<(&str, Command)> = kinds()
        .into_iter()
        .enumerate()
        .map(|(number, (name, kind))| (name, command(number, name, kind)))
        .collect();
    let lines = commands
        .iter()
        .fold(String::new(), |mut text, (name, command)| {
            let _ = writeln!(text, "{name} {}", hex(&command.encode_to_vec()));
            text
        });
    let stored = golden("commands.txt", &lines);
    // What was stored is what is applied: a changed encoding would show in the state as well.
    let mut state = State::default();
    let mut first_level = String::new();
    for (number, line) in stored.lines().enumerate() {
        let (name, bytes) = line.split_once(' ').unwrap();
        let decoded = Command::decode(unhex(bytes).as_slice()).unwrap();
        let known = commands.iter().find(|(known, _)| *known == name);
        assert_eq!(Some(&decoded), known.map(|(_, command)| command), "{name}");
        if matches!(decoded.kind, Some(Kind::RaiseStateLevel(_))) {
            first_level = String::from_utf8(Snapshot::write(&state).unwrap()).unwrap();
        }
        let (outcome, _) = state.apply(number as u64 + 1, &decoded);
        assert!(outcome.ok, "{name}: {}", outcome.message);
    }
    assert_eq!(
        stored.lines().count(),
        commands.len(),
        "a kind without a line"
    );
    let newest = String::from_utf8(Snapshot::write(&state).unwrap()).unwrap();
    for (level, now) in [(1, first_level), (LEVEL_MAX, newest)] {
        let stored = golden(&format!("snapshot_{level}.json"), &now);
        let state = Snapshot::read(stored.as_bytes()).unwrap();
        assert_eq!(
            state,
            Snapshot::read(now.as_bytes()).unwrap(),
            "level {level}"
        );
    }
}
