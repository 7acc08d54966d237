//! The hash must never tell apart what a real server's unique key calls equal (R16).

use std::collections::BTreeMap;

use dm_ddl::{Column, Context, Flavor, Table};
use mysql_async::{Conn, prelude::Queryable};

use super::{Comparison, Kept};
use crate::sync::value::{Value, quote_text};

#[path = "../../../tests/it/server.rs"]
mod server;

use server::Server;

const SERVERS: [(&str, Flavor, u32); 2] = [
    ("mysql97", Flavor::Mysql, 90_700),
    ("mariadb118", Flavor::Mariadb, 110_800),
];

fn column(create: &str, flavor: Flavor, version: u32) -> Column {
    let context = Context {
        default_schema: Some("d"),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor,
        version,
    };
    let table = Table::parse_create(create, &context).unwrap();
    table.column("v").unwrap().clone()
}

/// What is kept; `None` for a wild value.
fn kept(comparison: Comparison, value: &Value) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    (comparison.keep(value, &mut bytes) == Kept::Bytes).then_some(bytes)
}

fn texts(values: &[&str]) -> Vec<Value> {
    values
        .iter()
        .map(|text| Value::Text((*text).to_owned()))
        .collect()
}

fn times(values: &[&str]) -> Vec<Value> {
    values
        .iter()
        .map(|text| Value::Time((*text).to_owned()))
        .collect()
}

fn numbers(values: &[&str]) -> Vec<Value> {
    values
        .iter()
        .map(|text| Value::Number((*text).to_owned()))
        .collect()
}

fn bytes(values: &[&[u8]]) -> Vec<Value> {
    values
        .iter()
        .map(|bytes| Value::Bytes(bytes.to_vec()))
        .collect()
}

/// Source type, target type, key, values.
fn cases() -> Vec<(&'static str, &'static str, &'static str, Vec<Value>)> {
    const WORDS: &[&str] = &[
        "",
        " ",
        "a",
        "A",
        "a ",
        "a  ",
        " a",
        "ä",
        "Ä",
        "a\u{308}",
        "ae",
        "æ",
        "ss",
        "ß",
        "s",
        "ı",
        "i",
        "I",
        "İ",
        "e",
        "é",
        "a\0",
        "a\t",
        "a\u{a0}",
        "ａ",
        "１",
        "1",
        "①",
        "²",
        "2",
        "日本",
        "日本 ",
        "にほん",
        "ニホン",
        "🦀",
        "🎁",
        "ab",
        "a-b",
        "a\u{200d}b",
        "zoë",
        "zoe",
        "x\u{1}y",
        "xy",
    ];
    let integers = || {
        [0i64, 1, -1, 127, -128]
            .iter()
            .map(|n| Value::Int(*n))
            .collect::<Vec<_>>()
    };
    let decimals = &[
        "0", "-0.00", "0.001", "1.20", "1.2", "1.204", "1.205", "1.206", "-1.20", "12", "012.0",
    ][..];
    let moments = &[
        "2024-01-02 03:04:05",
        "2024-01-02 03:04:05.000001",
        "2024-01-02 03:04:05.400000",
        "2024-01-02 03:04:05.500000",
        "2024-01-02 03:04:06",
        "2024-01-02 03:04:05.999999",
    ][..];
    let blobs: &[&[u8]] = &[
        b"", b"\0", b"\0\0", b"a", b"a\0", b"a ", b"A", b"abc", b"abcd", b"abce", b"ab\0d",
    ];
    let mut cases = vec![
        ("TINYINT", "TINYINT", "v", integers()),
        ("TINYINT", "BIGINT", "v", integers()),
        ("TINYINT", "DECIMAL(5,1)", "v", integers()),
        ("TINYINT", "DOUBLE", "v", integers()),
        ("DECIMAL(9,3)", "DECIMAL(9,3)", "v", numbers(decimals)),
        ("DECIMAL(9,3)", "DECIMAL(9,2)", "v", numbers(decimals)),
        ("DECIMAL(9,3)", "INT", "v", numbers(decimals)),
        ("DATETIME(6)", "DATETIME(6)", "v", times(moments)),
        ("DATETIME(6)", "DATETIME(3)", "v", times(moments)),
        ("DATETIME(6)", "DATETIME", "v", times(moments)),
        ("DATETIME(6)", "TIMESTAMP(6) NULL", "v", times(moments)),
        ("DATETIME(6)", "DATE", "v", times(moments)),
        (
            "TIME(6)",
            "TIME(6)",
            "v",
            times(&[
                "00:00:00",
                "00:00:00.000001",
                "-00:00:00.000001",
                "12:00:00",
            ]),
        ),
        (
            "TIME(6)",
            "TIME",
            "v",
            times(&[
                "00:00:00",
                "00:00:00.400000",
                "00:00:00.500000",
                "-00:00:00.400000",
            ]),
        ),
        (
            "DATE",
            "DATE",
            "v",
            times(&["0000-00-00", "2024-01-02", "2024-00-00"]),
        ),
        (
            "FLOAT",
            "FLOAT",
            "v",
            [0.0f32, -0.0, 0.1, 16_777_216.0, 16_777_217.0, 1e-40]
                .map(Value::Float)
                .to_vec(),
        ),
        (
            "DOUBLE",
            "DOUBLE",
            "v",
            [0.0f64, -0.0, 0.1, 0.1 + f64::EPSILON, 5e-324]
                .map(Value::Double)
                .to_vec(),
        ),
        (
            "DOUBLE",
            "FLOAT",
            "v",
            [0.0f64, -0.0, 0.1, 0.100_000_001]
                .map(Value::Double)
                .to_vec(),
        ),
        (
            "DOUBLE",
            "DOUBLE(9,2)",
            "v",
            [0.0f64, 0.101, 0.1, 0.1049].map(Value::Double).to_vec(),
        ),
        (
            "BIT(8)",
            "BIT(8)",
            "v",
            [0u64, 1, 255].map(Value::UInt).to_vec(),
        ),
        (
            "ENUM('a','A2','b')",
            "ENUM('a','A2','b')",
            "v",
            [1u64, 2, 3].map(Value::UInt).to_vec(),
        ),
        (
            "SET('a','b')",
            "SET('a','b')",
            "v",
            [0u64, 1, 2, 3].map(Value::UInt).to_vec(),
        ),
        (
            "BINARY(4)",
            "BINARY(4)",
            "v",
            bytes(&[b"a\0\0\0", b"a \0\0", b"abcd", b"\0\0\0\0"]),
        ),
        ("VARBINARY(9)", "BINARY(9)", "v", bytes(blobs)),
        ("VARBINARY(9)", "VARBINARY(9)", "v", bytes(blobs)),
        ("BLOB", "BLOB", "v(3)", bytes(blobs)),
        ("VARBINARY(9)", "VARBINARY(9)", "v(2)", bytes(blobs)),
    ];
    for target in [
        "VARCHAR(40) COLLATE utf8mb4_bin",
        "CHAR(40) COLLATE utf8mb4_bin",
        "VARCHAR(40) COLLATE utf8mb4_general_ci",
        "VARCHAR(40) COLLATE utf8mb4_unicode_ci",
        "VARCHAR(40) COLLATE utf8mb4_unicode_520_ci",
        "VARCHAR(40) COLLATE utf8mb4_0900_ai_ci",
        "VARCHAR(40) COLLATE utf8mb4_0900_bin",
        "VARCHAR(40) COLLATE utf8mb4_uca1400_ai_ci",
        "VARCHAR(40) COLLATE utf8mb4_nopad_bin",
        "VARCHAR(40) CHARACTER SET utf16 COLLATE utf16_bin",
        "VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
        "VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_bin",
        "VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_german2_ci",
        "VARCHAR(40) CHARACTER SET gbk COLLATE gbk_bin",
        "VARBINARY(80)",
    ] {
        cases.push(("VARCHAR(40)", target, "v", texts(WORDS)));
    }
    for target in [
        "VARCHAR(40) COLLATE utf8mb4_bin",
        "TEXT COLLATE utf8mb4_general_ci",
    ] {
        cases.push((
            "VARCHAR(40)",
            target,
            "v(2)",
            texts(&[
                "ab",
                "abc",
                "ab ",
                "a",
                "a ",
                "a x",
                "éa",
                "éab",
                "",
                "日本語",
                "日本",
            ]),
        ));
    }
    cases
}

async fn connect(server: &Server) -> Conn {
    server
        .exec(&["CREATE DATABASE d DEFAULT CHARACTER SET utf8mb4"])
        .await;
    let mut conn = Conn::new(server.opts()).await.unwrap();
    for setup in [
        "SET NAMES utf8mb4",
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'",
        "SET SESSION time_zone = '+00:00'",
        "USE d",
    ] {
        conn.query_drop(setup).await.unwrap();
    }
    conn
}

#[tokio::test]
async fn r16_what_a_unique_key_calls_equal_hashes_equal() {
    for (name, flavor, version) in SERVERS {
        let Some(server) = Server::start(name, &[]).await else {
            continue;
        };
        let mut conn = connect(&server).await;
        let mut collisions = 0;
        for (source, target, key, values) in cases() {
            let made = conn
                .query_drop(format!(
                    "CREATE TABLE t (id INT, v {target}, UNIQUE KEY u ({key}))"
                ))
                .await;
            if made.is_err() {
                // A collation that only the other product has.
                continue;
            }
            let row: Option<(String, String)> =
                conn.query_first("SHOW CREATE TABLE t").await.unwrap();
            let to = column(&row.unwrap().1, flavor, version);
            let from = column(&format!("CREATE TABLE t (v {source})"), flavor, version);
            let prefix = key
                .strip_prefix("v(")
                .map(|rest| rest.trim_end_matches(')').parse().unwrap());
            let comparison = Comparison::new(&from, &to, prefix);
            for (n, value) in values.iter().enumerate() {
                let mut insert = format!("INSERT INTO t VALUES ({n}, ");
                value.write_literal(&mut insert);
                insert.push(')');
                match conn.query_drop(&insert).await {
                    Ok(()) => {}
                    Err(mysql_async::Error::Server(error)) if error.code == 1062 => {
                        collisions += 1;
                        // Put in its place: what it collides with is what goes.
                        let before: Vec<usize> = conn.query("SELECT id FROM t").await.unwrap();
                        conn.query_drop(insert.replacen("INSERT", "REPLACE", 1))
                            .await
                            .unwrap();
                        let after: Vec<usize> = conn.query("SELECT id FROM t").await.unwrap();
                        let other = before.into_iter().find(|id| !after.contains(id)).unwrap();
                        let (one, two) =
                            (kept(comparison, value), kept(comparison, &values[other]));
                        assert!(
                            one == two || one.is_none() || two.is_none(),
                            "{name}: {value:?} and {:?} are one in {target} ({key}), filled from {source}",
                            values[other]
                        );
                    }
                    // It does not fit: the table would stop.
                    Err(mysql_async::Error::Server(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            conn.query_drop("DROP TABLE t").await.unwrap();
        }
        assert!(
            collisions > 50,
            "{name}: only {collisions} collisions were seen"
        );
    }
}

/// Every collation of the server, over all short ASCII texts of interest.
#[tokio::test]
async fn r16_no_collation_equates_ascii_that_hashes_apart() {
    let characters: Vec<char> = (1u8..=127).map(char::from).collect();
    let mut all: Vec<String> = characters.iter().map(char::to_string).collect();
    let alphanumeric = || ('a'..='z').chain('0'..='9');
    all.extend(alphanumeric().flat_map(|a| alphanumeric().map(move |b| format!("{a}{b}"))));
    all.extend(('A'..='Z').flat_map(|a| ('A'..='Z').map(move |b| format!("{a}{b}"))));
    all.extend(["a ", " a", "dzs", "DZS", "ccs", "a\tb", "a-b"].map(str::to_owned));
    for (name, flavor, version) in SERVERS {
        let Some(server) = Server::start(name, &[]).await else {
            continue;
        };
        let mut conn = connect(&server).await;
        conn.query_drop("CREATE TABLE w (s VARBINARY(9) PRIMARY KEY)")
            .await
            .unwrap();
        let rows: Vec<String> = all
            .iter()
            .map(|text| format!("({})", quote_text(text)))
            .collect();
        conn.query_drop(format!("INSERT INTO w VALUES {}", rows.join(",")))
            .await
            .unwrap();
        conn.query_drop("SET SESSION group_concat_max_len = 1000000")
            .await
            .unwrap();
        let collations: Vec<(String, String)> = conn
            .query("SELECT COLLATION_NAME, CHARACTER_SET_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY")
            .await
            .unwrap_or_default();
        let (mut checked, mut merged, mut wrong) = (0, 0, Vec::new());
        for (collation, charset) in collations {
            let full = if collation.starts_with("uca1400") {
                format!("{charset}_{collation}")
            } else {
                collation
            };
            if charset == "binary" || charset == "utf8mb3" {
                continue;
            }
            let select = format!(
                "SELECT GROUP_CONCAT(HEX(s) SEPARATOR ',') FROM w GROUP BY CONVERT(CONVERT(s USING utf8mb4) USING {charset}) COLLATE {full} HAVING COUNT(*) > 1"
            );
            let Ok(groups) = conn.query::<String, _>(&select).await else {
                panic!("{name}: {select}");
            };
            let target = column(
                &format!("CREATE TABLE t (v VARCHAR(9) CHARACTER SET {charset} COLLATE {full})"),
                flavor,
                version,
            );
            let comparison = Comparison::new(&target, &target, None);
            if comparison.is_opaque() {
                continue;
            }
            checked += 1;
            for group in groups {
                let mut apart: BTreeMap<Option<Vec<u8>>, String> = BTreeMap::new();
                merged += 1;
                for hex in group.split(',') {
                    let text: String = (0..hex.len() / 2)
                        .map(|n| {
                            char::from(u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap())
                        })
                        .collect();
                    apart.insert(kept(comparison, &Value::Text(text.clone())), text);
                }
                if apart.len() > 1 {
                    wrong.push(format!("{full} calls these equal: {:?}", apart.values()));
                }
            }
        }
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        eprintln!("{name}: {checked} collations, {merged} groups of equal texts");
        assert!(
            checked > 100 && merged > 10_000,
            "{name}: {checked} collations, {merged} groups"
        );
    }
}

#[test]
fn r16_what_is_rounded_or_unknown_is_forgotten() {
    let of = |from: &str, to: &str| {
        let column =
            |text: &str| column(&format!("CREATE TABLE t (v {text})"), Flavor::Mysql, 90_700);
        Comparison::new(&column(from), &column(to), None)
    };
    assert!(of("DATETIME(6)", "DATETIME").is_opaque());
    assert!(of("DECIMAL(9,3)", "DECIMAL(9,2)").is_opaque());
    assert!(of("VARCHAR(9)", "VARCHAR(9) COLLATE klingon_ci").is_opaque());
    assert!(of("VARCHAR(9)", "VARCHAR(9) COLLATE utf8mb4_0900_ai_ci").may_be_wild());
    assert!(!of("DATETIME", "DATETIME(6)").is_opaque());
}
