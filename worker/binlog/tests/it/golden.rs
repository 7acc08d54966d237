//! Binlogs of real servers against what SELECT said on them.

use std::path::PathBuf;

use dm_binlog::{Decoder, Event};

use crate::fold::{Folded, split};
use crate::render::same;

fn fixture(server: &str, file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(server)
        .join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn binlog(server: &str) -> Vec<u8> {
    fixture(server, "binlog.000001")
}

pub(crate) const SERVERS: [&str; 5] = [
    "mysql97",
    "mysql56",
    "mariadb105",
    "mariadb1011",
    "mariadb118",
];

/// Folds the file and compares every line of `expect.tsv`.
fn check(server: &str) {
    let folded = Folded::of_file(&binlog(server)).unwrap();
    let expected = String::from_utf8(fixture(server, "expect.tsv")).unwrap();
    let mut compared = 0;
    for line in expected.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [table, key, values @ ..] = fields.as_slice() else {
            panic!("{line}")
        };
        let (table, checksum) = table
            .strip_suffix(" crc")
            .map_or((*table, false), |table| (table, true));
        let row = folded.tables.get(table).and_then(|rows| rows.get(*key));
        let row = row.unwrap_or_else(|| panic!("{server}: {table} has no row {key}"));
        for (column, expected) in values.iter().enumerate() {
            let found = &row[column + 1];
            let found = if checksum { &crc_of_hex(found) } else { found };
            assert!(
                same(found, expected),
                "{server}: {table} row {key} column {}:\n{found}\n{expected}",
                column + 1
            );
            compared += 1;
        }
    }
    assert!(compared > 300, "{server}: only {compared} values");
}

fn crc_of_hex(hex: &str) -> String {
    if hex == "NULL" {
        return hex.to_owned();
    }
    let bytes: Vec<u8> = (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    crc32fast::hash(&bytes).to_string()
}

#[test]
fn mysql_97() {
    check("mysql97");
}

#[test]
fn mysql_56() {
    check("mysql56");
}

#[test]
fn mariadb_105() {
    check("mariadb105");
}

#[test]
fn mariadb_1011() {
    check("mariadb1011");
}

#[test]
fn mariadb_118() {
    check("mariadb118");
}

#[test]
fn metadata_counts_within_classes() {
    for server in ["mysql97", "mariadb118"] {
        let file = binlog(server);
        let mut decoder = Decoder::new();
        let mut found = None;
        for bytes in split(&file) {
            if let (_, Event::TableMap(map)) = decoder.decode(bytes).unwrap()
                && map.table == "meta"
            {
                found = Some(map);
            }
        }
        let map = found.unwrap();
        let metadata = &map.metadata;
        let names = metadata.names.as_ref().unwrap();
        let at = |name: &str| names.iter().position(|known| known == name).unwrap();
        let unsigned = metadata.unsigned.as_ref().unwrap();
        let which: Vec<&str> = names
            .iter()
            .zip(unsigned)
            .filter(|(_, unsigned)| **unsigned)
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(which, ["id", "y", "du", "c", "h"], "{server}");
        let collations = metadata.collations.as_ref().unwrap();
        // latin1_swedish_ci, gbk_chinese_ci, binary.
        assert_eq!(
            [
                collations[at("a")],
                collations[at("t")],
                collations[at("bin")]
            ],
            [Some(8), Some(28), Some(63)],
            "{server}"
        );
        assert_eq!(collations[at("e")], None);
        assert_eq!(
            metadata.enum_set_collations.as_ref().unwrap()[at("s")],
            Some(8)
        );
        let labels = |list: &Option<Vec<Option<Vec<Vec<u8>>>>>, name| {
            list.as_ref().unwrap()[at(name)].clone().unwrap()
        };
        assert_eq!(labels(&metadata.enum_labels, "e"), [b"x", b"y"]);
        assert_eq!(labels(&metadata.set_labels, "s"), [b"p", b"q"]);
        assert_eq!(metadata.primary_key.as_deref(), Some(&[(0, 0), (1, 3)][..]));
        assert!(metadata.geometry_types.as_ref().unwrap()[at("g")].is_some());
        if server == "mysql97" {
            assert!(!metadata.visible.as_ref().unwrap()[at("inv")]);
            assert_eq!(
                metadata.vector_dimensions.as_ref().unwrap()[at("v")],
                Some(2)
            );
        }
    }
}
