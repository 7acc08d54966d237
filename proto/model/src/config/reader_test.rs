use super::*;
use crate::keys::TASK;
use crate::{SourceConfig, TaskConfig};

fn message(text: &str) -> String {
    let error = read(text, "task", TASK).unwrap_err();
    assert_eq!(error.code, 20003, "{error}");
    error.message
}

#[test]
fn unknown_keys_name_place_path_and_neighbour() {
    assert_eq!(
        message("name: t\ntask_mode: full\n"),
        "task configuration: line 2, column 1: task_mode: this key is not known; did you mean task-mode?"
    );
    assert_eq!(
        message("name: t\nmysql-instances:\n  - sourceid: x\n"),
        "task configuration: line 3, column 5: mysql-instances[0].sourceid: this key is not known; did you mean source-id?"
    );
    assert!(message("pool-size: 4").ends_with("it belongs to mysql-instances[].loader"));
    assert!(
        message("routes: {r: {zzzzzz: 1}}")
            .contains("routes.r.zzzzzz: this key is not known; known here: extract-schema")
    );
}

#[test]
fn wrong_types_say_what_was_expected() {
    let cases = [
        (
            "case-sensitive: maybe",
            "line 1, column 17: case-sensitive: expected true or false, found \"maybe\"",
        ),
        (
            "target-database: {port: 70000}",
            "target-database.port: expected a whole number from 1 to 65535, found \"70000\"",
        ),
        ("target-database: {port: 1.5}", "expected a whole number"),
        (
            "target-database: [a]",
            "target-database: expected a block of keys, found a list",
        ),
        (
            "mysql-instances: x",
            "mysql-instances: expected a list, found a single value",
        ),
        (
            "name: {a: b}",
            "name: expected a text, found a block of keys",
        ),
        (
            "syncers: {s: {safe-mode-duration: 5 minutes}}",
            "syncers.s.safe-mode-duration: \"5 minutes\" is not a duration",
        ),
        (
            "on-error: ignore",
            "on-error: expected table or task, found \"ignore\"",
        ),
        ("- a", "the file: expected a block of keys, found a list"),
        (
            "just text",
            "the file: expected a block of keys, found a single value",
        ),
    ];
    for (text, expected) in cases {
        assert!(
            message(text).contains(expected),
            "{text}: {}",
            message(text)
        );
    }
}

#[test]
fn a_long_value_is_cut_in_messages() {
    let text = format!("case-sensitive: {}", "é".repeat(5000));
    assert!(message(&text).len() < 400);
}

#[test]
fn passwords_stay_out_of_messages() {
    let text = "target-database: {password: [hunter2]}";
    assert!(!message(text).contains("hunter2"));
}

#[test]
fn null_is_absent() {
    let parsed = read(
        "name: ~\ntimezone:\nfilters: null\nshard-mode:",
        "task",
        TASK,
    )
    .unwrap();
    assert_eq!(parsed.value, serde_json::json!({}));
    assert!(parsed.notices.is_empty());
}

#[test]
fn refused_keys_are_refused_unless_harmless() {
    for (text, code) in [
        ("shard-mode: pessimistic", 60003),
        ("shard-mode: wrong", 20033),
        ("is-sharding: yes", 60003),
        ("filters: {f: {action: do}}", 20037),
        ("column-mappings: {c: {create-table-query: x}}", 60003),
        ("loaders: {l: {import-mode: Physical}}", 60003),
        ("loaders: {l: {import-mode: fast}}", 20053),
        ("loaders: {l: {analyze: maybe}}", 20065),
        ("task-mode: load&sync", 20020),
        ("task-mode: some", 20020),
        ("atomic-group: [a.b]", 60003),
        ("collation_compatible: strict", 60003),
        ("collation_compatible: medium", 20052),
        ("validators: {v: {mode: half}}", 20055),
    ] {
        let error = read(text, "task", TASK).unwrap_err();
        assert_eq!(error.code, code, "{text}: {error}");
        assert!(error.message.contains("line 1, column"), "{error}");
    }
    for text in [
        "shard-mode: ''",
        "is-sharding: no",
        "filters: {}",
        "column-mappings: {}",
        "routes: {r: {extract-table: {}}}",
        "loaders: {l: {import-mode: LOGICAL}}",
        "loaders: {l: {import-mode: SQL}}",
        "atomic-group: []",
    ] {
        let parsed = read(text, "task", TASK).unwrap();
        assert!(parsed.notices.is_empty(), "{text}: {:?}", parsed.notices);
    }
}

#[test]
fn refused_modes_say_what_to_use() {
    let error = read("task-mode: dump", "task", TASK).unwrap_err();
    assert!(
        error.message.contains("use full instead of dump"),
        "{error}"
    );
}

#[test]
fn notices_name_line_and_key() {
    let parsed = read(
        "name: t\nremove-meta: true\nsyncers:\n  s:\n    safe-mode: on\n",
        "task",
        TASK,
    )
    .unwrap();
    assert_eq!(
        parsed.notices,
        [
            "line 2: remove-meta: has no effect, as in DM",
            "line 5: syncers.s.safe-mode: never needed: changes are applied exactly once, also after a crash",
        ]
    );
}

const MINIMAL_SOURCE: &str = "source-id: s\nfrom: {host: h, user: u, password: PASSWORD}\n";

#[test]
fn texts_keep_their_spelling_as_go_reads_them() {
    for spelling in [
        "123456",
        "0123",
        "1.10",
        "1_000",
        "yes",
        "0x1F",
        "1e3",
        "true",
        "a#b",
        "2026-01-01",
    ] {
        let source = SourceConfig::parse(&MINIMAL_SOURCE.replace("PASSWORD", spelling)).unwrap();
        assert_eq!(source.value.from.password.expose(), spelling);
    }
    let null = SourceConfig::parse(&MINIMAL_SOURCE.replace("PASSWORD", "~")).unwrap();
    assert!(null.value.from.password.is_empty());
    let tilde = SourceConfig::parse(&MINIMAL_SOURCE.replace("PASSWORD", "'~'")).unwrap();
    assert_eq!(tilde.value.from.password.expose(), "~");
}

/// A tiny document of the given shape for every type of key.
fn sample(ty: Ty, harmless: &[&str]) -> String {
    match ty {
        Ty::Bool => harmless.first().copied().unwrap_or("true").to_owned(),
        Ty::Int(min, _) => harmless
            .first()
            .map_or(min.max(1).to_string(), |h| (*h).to_owned()),
        Ty::Duration => harmless.first().copied().unwrap_or("7s").to_owned(),
        Ty::OneOf(words, _) | Ty::OneOfAnyCase(words, _) => {
            format!("'{}'", harmless.first().or(words.last()).unwrap_or(&""))
        }
        Ty::Text | Ty::Secret => format!("'{}'", harmless.first().copied().unwrap_or("text")),
        Ty::TextList => "[]".to_owned(),
        Ty::Bytes => "[1]".to_owned(),
        Ty::TextMap => "{a: b}".to_owned(),
        Ty::Any => "{}".to_owned(),
        Ty::Block(_) | Ty::BlockList(_) | Ty::NamedBlocks(_) => String::new(),
    }
}

/// A flow-style document with every key of the table.
fn document(keys: &[Key]) -> String {
    let entries: Vec<String> = keys
        .iter()
        .map(|key| {
            let value = match key.ty {
                // Refused blocks pass only when empty; their keys are checked below.
                Ty::Block(_) if matches!(key.treatment, Treatment::Refused(_)) => "{}".to_owned(),
                Ty::Block(inner) => document(inner),
                Ty::BlockList(inner) => format!("[{}]", document(inner)),
                Ty::NamedBlocks(inner) => format!("{{n: {}}}", document(inner)),
                ty => sample(ty, key.harmless),
            };
            format!("{}: {value}", key.name)
        })
        .collect();
    format!("{{{}}}", entries.join(", "))
}

/// What the table keeps is exactly what the structs have: serde refuses unknown fields, and what
/// the structs write must stand in the table.
#[test]
fn tables_and_structs_have_the_same_keys() {
    let source = read(
        &document(crate::keys::SOURCE),
        "source",
        crate::keys::SOURCE,
    )
    .unwrap();
    let mut value = source.value;
    value["flavor"] = "mysql".into();
    let config: SourceConfig = into_struct(value.clone(), "source").unwrap();
    same_keys("source", &value, &serde_json::to_value(config).unwrap());

    let task = read(&document(TASK), "task", TASK).unwrap();
    let mut value = task.value;
    crate::config::compat::normalise_task(&mut value);
    value["timezone"] = "+08:00".into();
    value["shadow-table-rules"] = serde_json::json!(["x"]);
    value["trash-table-rules"] = serde_json::json!(["x"]);
    let config: TaskConfig = into_struct(value.clone(), "task").unwrap();
    same_keys("task", &value, &serde_json::to_value(config).unwrap());
}

/// Keys whose sample is empty are not written by the structs, so presence is compared one way for
/// them and both ways for all others.
fn same_keys(path: &str, table: &Value, written: &Value) {
    match (table, written) {
        (Value::Object(table), Value::Object(written)) => {
            for key in written.keys() {
                assert!(
                    table.contains_key(key),
                    "{path}.{key} is in the struct and not in the table"
                );
            }
            for (key, value) in table {
                let empty = matches!(value, Value::String(t) if t.is_empty())
                    || matches!(value, Value::Array(a) if a.is_empty())
                    || value.as_u64() == Some(0)
                    || key == "experimental";
                match written.get(key) {
                    Some(other) => same_keys(&format!("{path}.{key}"), value, other),
                    None => assert!(empty, "{path}.{key} is in the table and not in the struct"),
                }
            }
        }
        (Value::Array(table), Value::Array(written)) => {
            for (a, b) in table.iter().zip(written) {
                same_keys(path, a, b);
            }
        }
        _ => {}
    }
}

#[test]
fn the_refused_security_block_has_the_structs_keys() {
    let database = crate::keys::SOURCE
        .iter()
        .find(|key| key.name == "from")
        .unwrap();
    let Ty::Block(keys) = database.ty else {
        panic!("no block")
    };
    let Ty::Block(keys) = keys.iter().find(|key| key.name == "security").unwrap().ty else {
        panic!("no block")
    };
    let value = read(&document(keys), "source", keys).unwrap().value;
    let security: crate::config::Security = into_struct(value.clone(), "source").unwrap();
    same_keys("security", &value, &serde_json::to_value(security).unwrap());
}

#[test]
fn key_names_are_unique_and_harmless_values_are_values() {
    fn walk(keys: &'static [Key]) {
        for (index, key) in keys.iter().enumerate() {
            assert!(
                keys[..index].iter().all(|other| other.name != key.name),
                "{}",
                key.name
            );
            for harmless in key.harmless {
                let node = yaml::parse(&format!("k: '{harmless}'")).unwrap();
                let Body::Map(entries) = node.body else {
                    panic!("no map")
                };
                let value = Reader {
                    root: keys,
                    notices: Vec::new(),
                }
                .value(&entries[0].value, "k", key.ty);
                assert!(
                    is_harmless(key, &value.unwrap()),
                    "{}: {harmless}",
                    key.name
                );
            }
            match key.ty {
                Ty::Block(inner) | Ty::BlockList(inner) | Ty::NamedBlocks(inner) => walk(inner),
                _ => {}
            }
        }
    }
    walk(crate::keys::SOURCE);
    walk(TASK);
}
