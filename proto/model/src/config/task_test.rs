use super::*;
use crate::table_name::TableName;
use crate::{Flavor, SourceConfig, rules};

const EXAMPLE: &str = include_str!("../../../../deploy/examples/task.yaml");
const MINIMAL: &str = "\
name: t
task-mode: all
target-database: {host: h, port: 4000, user: root}
mysql-instances:
  - source-id: s
";

fn parse(text: &str) -> TaskConfig {
    TaskConfig::parse(text).unwrap().value
}

/// The number of the error that a minimal task with these lines gives.
fn code(lines: &str) -> i32 {
    TaskConfig::parse(&format!("{MINIMAL}{lines}"))
        .unwrap_err()
        .code
}

fn source(name: &str) -> SourceId {
    SourceId::new(name).unwrap()
}

#[test]
fn the_example_is_read_without_notices() {
    let parsed = TaskConfig::parse(EXAMPLE).unwrap();
    assert_eq!(parsed.notices, Vec::<String>::new());
    let subtask = parsed.value.subtask(&source("mysql-01")).unwrap();
    let upstream = SourceConfig::parse("source-id: mysql-01\nfrom: {host: h}\n").unwrap();
    let rules = subtask.rules(&upstream.value).unwrap();
    assert!(rules.list.allows("archive_2024", Some("t")));
    assert!(!rules.list.allows("shop", Some("tmp_1")));
    let target = rules
        .router
        .route(&TableName::new("archive_2024", "t"))
        .unwrap();
    assert_eq!(target, TableName::new("archive_old", "t"));
}

#[test]
fn defaults() {
    let task = parse(MINIMAL);
    assert_eq!(task.meta_schema, "dm_meta");
    assert_eq!(task.on_error, OnError::Table);
    assert!(task.online_ddl);
    let subtask = task.subtask(&source("s")).unwrap();
    assert_eq!(subtask.mydumper, MydumperConfig::default());
    assert_eq!(subtask.mydumper.chunk_bytes(), Ok(64 << 20));
    assert_eq!(subtask.loader.pool_size, 16);
    assert_eq!(subtask.syncer.batch, 100);
    assert!(rules::is_system_schema("mysql"));
    assert_eq!(task.subtask(&source("other")).unwrap_err().code, 20012);
}

#[test]
fn missing_keys_have_dms_numbers() {
    let without = |line: &str| {
        let text: Vec<&str> = MINIMAL.lines().filter(|l| !l.starts_with(line)).collect();
        TaskConfig::parse(&text.join("\n")).unwrap_err().code
    };
    assert_eq!(without("name"), 20019);
    assert_eq!(without("task-mode"), 20020);
    assert_eq!(without("target-database"), 20021);
    assert_eq!(
        TaskConfig::parse(&MINIMAL.replace("  - source-id: s\n", ""))
            .unwrap_err()
            .code,
        20013
    );
    assert_eq!(
        TaskConfig::parse(&MINIMAL.replace("source-id: s", "meta: {}"))
            .unwrap_err()
            .code,
        20005
    );
    let long = MINIMAL.replace("source-id: s", &format!("source-id: {}", "s".repeat(33)));
    assert_eq!(TaskConfig::parse(&long).unwrap_err().code, 20006);
    assert_eq!(
        TaskConfig::parse(&MINIMAL.replace("host: h, ", ""))
            .unwrap_err()
            .code,
        20021
    );
    let long = MINIMAL.replace("name: t", &format!("name: {}", "t".repeat(129)));
    assert_eq!(TaskConfig::parse(&long).unwrap_err().code, 20019);
}

#[test]
fn wrong_values_have_dms_numbers() {
    let cases = [
        ("timezone: SYSTEM", 20008),
        ("ignore-checking-items: [dump_privilege, nonsense]", 20001),
        ("meta-schema: \"a\\x07\"", 20003),
        ("shadow-table-rules: ['^_(.+)$', 'no group']", 20048),
        ("trash-table-rules: ['(']", 20048),
        ("online-ddl-scheme: other", 20007),
        ("block-allow-list: {b: {do-dbs: ['a*b']}}", 20044),
        ("routes: {r: {schema-pattern: a}}", 20045),
        ("routes: {r: {schema-pattern: a, target-schema: b}}", 20038),
        ("syncers: {x: {}}\nloaders: {y: }", 20038),
        ("    meta: {binlog-pos: 4}", 20011),
        ("    meta: {binlog-gtid: nonsense}", 11009),
        ("    route-rules: [r]", 20023),
        (
            "    route-rules: [r, r]\nroutes: {r: {schema-pattern: a, target-schema: b}}",
            20032,
        ),
        ("    block-allow-list: b", 20026),
        ("    mydumper-config-name: m", 20027),
        ("    loader-config-name: l", 20029),
        ("    syncer-config-name: s", 20030),
        ("    validator-config-name: v", 20056),
        (
            "    mydumper-config-name: m\n    mydumper: {}\nmydumpers: {m: {}}",
            20015,
        ),
        (
            "    loader-config-name: m\n    loader: {}\nloaders: {m: {}}",
            20016,
        ),
        (
            "    syncer-config-name: m\n    syncer: {}\nsyncers: {m: {}}",
            20017,
        ),
        ("    mydumper: {chunk-filesize: huge}", 20047),
        ("    mydumper: {extra-args: '-T a.b'}", 60003),
        (
            "    syncer: {safe-mode: true, safe-mode-duration: 0s}",
            20061,
        ),
        ("    filter-rules: [f]", 20024),
        ("    expression-filters: [f]", 20040),
        ("    column-mapping-rules: [f]", 20025),
        ("    mask-rules: [f]", 60061),
        ("  - source-id: s", 20014),
    ];
    for (lines, expected) in cases {
        assert_eq!(code(lines), expected, "{lines}");
    }
    let checks = MINIMAL.replace("user: root", "user: root, session: {FOREIGN_KEY_CHECKS: 1}");
    let compact = format!("{checks}    syncer: {{compact: true}}\n");
    assert_eq!(TaskConfig::parse(&compact).unwrap_err().code, 20070);
}

#[test]
fn unused_definitions_are_all_listed() {
    let text = format!("{MINIMAL}syncers: {{b: {{}}, a: {{}}}}\nloaders: {{y: {{}}}}\n");
    let error = TaskConfig::parse(&text).unwrap_err();
    assert!(
        error.message.ends_with("loaders: y; syncers: a, b"),
        "{error}"
    );
}

#[test]
fn unknown_sources_are_named() {
    let task = parse(&format!("{MINIMAL}  - source-id: s2\n"));
    assert!(
        task.check_sources(&BTreeSet::from([source("s"), source("s2")]))
            .is_ok()
    );
    let error = task
        .check_sources(&BTreeSet::from([source("s")]))
        .unwrap_err();
    assert_eq!(error.code, 20031);
    assert!(error.message.ends_with("do not exist: s2"), "{error}");
}

#[test]
fn blocks_are_resolved_and_threads_override() {
    let text = format!(
        "{MINIMAL}    mydumper-config-name: m\n    mydumper-thread: 9\n    loader: {{pool-size: 3}}\n    \
         syncer-thread: 5\n    meta: {{binlog-name: bin.000007, binlog-pos: 120}}\n\
         mydumpers: {{m: {{threads: 2, chunk-filesize: 8MiB}}}}\n"
    );
    let subtask = parse(&text).subtask(&source("s")).unwrap();
    assert_eq!(subtask.mydumper.threads, 9);
    assert_eq!(subtask.mydumper.chunk_bytes(), Ok(8 << 20));
    assert_eq!(subtask.loader.pool_size, 3);
    assert_eq!(subtask.syncer.worker_count, 5);
    let position = subtask.meta.unwrap().position(Flavor::Mysql).unwrap();
    assert_eq!(position.binlog.to_string(), "(bin.000007, 120)");
    assert_eq!(position.gtid, None);
}

#[test]
fn old_names_are_read() {
    let text = format!(
        "{MINIMAL}    black-white-list: old\nblack-white-list: {{old: {{do-dbs: [a]}}}}\nonline-ddl: false\nonline-ddl-scheme: pt\n"
    );
    let parsed = TaskConfig::parse(&text).unwrap();
    let subtask = parsed.value.subtask(&source("s")).unwrap();
    assert_eq!(subtask.block_allow_list.do_dbs, ["a"]);
    assert!(subtask.online_ddl);
    assert_eq!(parsed.notices.len(), 3, "{:?}", parsed.notices);
}

#[test]
fn what_may_surprise_gives_a_notice() {
    let incremental = MINIMAL.replace("all", "incremental");
    let parsed = TaskConfig::parse(&incremental).unwrap();
    assert!(
        parsed.notices[0].contains("has no meta"),
        "{:?}",
        parsed.notices
    );
    let full = format!("{MINIMAL}    meta: {{binlog-name: bin.000001}}\n");
    let parsed = TaskConfig::parse(&full).unwrap();
    assert!(
        parsed.notices[0].contains("task-mode incremental only"),
        "{:?}",
        parsed.notices
    );
}

#[test]
fn dms_full_example_is_refused_by_the_first_key_that_is_missing_here() {
    let text = format!("{MINIMAL}shard-mode: pessimistic\n");
    let error = TaskConfig::parse(&text).unwrap_err();
    assert_eq!(error.code, 60003);
    assert!(
        error.message.contains("line 6, column 1: shard-mode"),
        "{error}"
    );
}

#[test]
fn what_is_written_is_read_back() {
    for text in [MINIMAL, EXAMPLE] {
        let task = parse(text);
        let written = task.to_yaml().unwrap();
        assert_eq!(parse(&written), task, "{written}");
    }
    let mut task = parse(EXAMPLE);
    task.target_database.password = "hunter2".into();
    task.timezone = Some(Timezone::parse("-03:30").unwrap());
    let written = task.to_yaml().unwrap();
    assert_eq!(parse(&written), task, "{written}");
    assert!(!task.redacted_yaml().unwrap().contains("hunter2"));
}
