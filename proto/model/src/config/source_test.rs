use super::*;

const EXAMPLE: &str = include_str!("../../../../deploy/examples/source.yaml");
const MINIMAL: &str = "source-id: s\nfrom: {host: h}\n";

fn code(text: &str) -> i32 {
    SourceConfig::parse(text).unwrap_err().code
}

#[test]
fn the_example_is_read_without_notices() {
    let parsed = SourceConfig::parse(EXAMPLE).unwrap();
    assert_eq!(parsed.notices, Vec::<String>::new());
    assert_eq!(parsed.value.source_id.as_str(), "mysql-01");
    assert!(parsed.value.enable_gtid);
}

#[test]
fn defaults() {
    let source = SourceConfig::parse(MINIMAL).unwrap().value;
    assert!(source.enable);
    assert_eq!(source.from.port, 3306);
    assert_eq!(source.server_id, 0);
    assert_eq!(source.flavor, None);
    assert_eq!(source.purge, PurgeConfig::default());
    assert_eq!(source.checker.backoff_max, Duration::from_secs(300));
}

#[test]
fn what_is_wrong_has_dms_number() {
    let cases = [
        ("from: {host: h}", 40005),
        ("source-id: ''\nfrom: {host: h}", 40005),
        (
            "source-id: abcdefghijklmnopqrstuvwxyzabcdefg\nfrom: {host: h}",
            40006,
        ),
        ("source-id: s", 20003),
        ("source-id: s\nfrom: {user: u}", 20003),
        ("source-id: s\nsource-id: s\nfrom: {host: h}", 20003),
        ("source-id: s\nfrom: {host: h}\nflavor: oracle", 11010),
        (
            "source-id: s\nfrom: {host: h}\nserver-id: 4294967296",
            20003,
        ),
        (
            "source-id: s\nfrom: {host: h}\nchecker: {backoff-max: 10ms}",
            20043,
        ),
        ("source-id: s\nfrom: {host: h}\nrelay-binlog-name: x", 40007),
        ("source-id: s\nfrom: {host: h}\nrelay-binlog-gtid: x", 11009),
        (
            "source-id: s\nfrom: {host: h}\nfilters: [{schema-pattern: a}]",
            20037,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(code(text), expected, "{text}");
    }
}

#[test]
fn relay_is_accepted() {
    let parsed = SourceConfig::parse(&format!("{MINIMAL}enable-relay: true\n")).unwrap();
    assert!(parsed.value.enable_relay);
    assert!(parsed.notices.is_empty(), "{:?}", parsed.notices);
}

#[test]
fn what_is_written_is_read_back() {
    let text = format!(
        "{MINIMAL}flavor: mariadb\nserver-id: 7\ncase-sensitive: true\nrelay-dir: r\n\
         checker: {{backoff-max: 1m30s}}\n"
    );
    let mut source = SourceConfig::parse(&text).unwrap().value;
    source.from.session.insert("sql_mode".into(), String::new());
    for password in [
        "",
        "0123",
        "yes",
        "~",
        "a: b # c",
        "\"'\n\t\\",
        "密码",
        "- x",
        "null",
        "******",
    ] {
        source.from.password = password.into();
        let text = source.to_yaml().unwrap();
        assert_eq!(SourceConfig::parse(&text).unwrap().value, source, "{text}");
    }
}

#[test]
fn redacted_text_has_no_secret_and_keeps_the_rest() {
    let mut source = SourceConfig::parse(MINIMAL).unwrap().value;
    source.from.password = "hunter2".into();
    source.from.security = Some(crate::config::Security {
        ssl_key_base64: "a2V5".into(),
        ssl_cert: "c.pem".into(),
        ..Default::default()
    });
    let text = source.redacted_yaml().unwrap();
    assert!(
        !text.contains("hunter2") && !text.contains("a2V5"),
        "{text}"
    );
    assert!(text.contains("******") && text.contains("c.pem"), "{text}");
    assert!(!format!("{source:?}").contains("hunter2"));
}
