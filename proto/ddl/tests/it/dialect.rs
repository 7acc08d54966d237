//! What a TiDB cannot run: recognised before it is sent, split where that gives an equal result.

use dm_ddl::dialect::{Adapted, Dialect, Refused, TIDB, adapt, document};

fn tidb(text: &str) -> Result<Adapted, Box<Refused>> {
    adapt(text, &crate::MYSQL, Dialect::Tidb, None)
}

fn parts(text: &str) -> Vec<String> {
    tidb(text)
        .unwrap_or_else(|refused| panic!("{text}: {refused:?}"))
        .parts
}

fn refused(text: &str) -> (&'static str, Option<String>) {
    let refused = tidb(text).expect_err(text);
    (refused.known.name, refused.suggestion)
}

#[test]
fn the_documentation_is_the_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tidb-ddl.md");
    if std::env::var_os("DM_WRITE_DOCS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        document(),
        "run this test with DM_WRITE_DOCS=1"
    );
}

#[test]
fn what_can_run_whole_runs_whole() {
    for whole in [
        "ALTER TABLE d.a ADD COLUMN x INT, DROP COLUMN y, MODIFY z BIGINT, ADD INDEX i (w)",
        "ALTER TABLE d.a ADD COLUMN x INT FIRST, ALGORITHM=INSTANT, LOCK=NONE",
        "ALTER TABLE d.a ADD INDEX i (x), ADD INDEX j (x)",
        "ALTER TABLE d.a ENGINE=InnoDB, COMMENT='FORCE ROW_FORMAT=x'",
        "RENAME TABLE d.a TO d.t, d.b TO d.a, d.t TO d.b",
        "CREATE TABLE d.a (id INT PRIMARY KEY, u CHAR(36) DEFAULT (uuid()), KEY k (u) INVISIBLE) ROW_FORMAT=DYNAMIC",
        "ALTER TABLE d.a RENAME TO d.b",
        "ALTER TABLE d.a COMMENT 'point', ADD COLUMN `point` INT",
    ] {
        assert_eq!(parts(whole), [whole]);
    }
    // MySQL's dialect passes everything.
    let text = "ALTER TABLE d.a RENAME TO d.b, ADD COLUMN x INT";
    assert_eq!(
        adapt(text, &crate::MYSQL, Dialect::Mysql, None)
            .unwrap()
            .parts,
        [text]
    );
}

#[test]
fn what_touches_one_name_twice_is_split_in_order() {
    for (text, expected) in [
        (
            "ALTER TABLE d.a ADD INDEX i (x), MODIFY x BIGINT, ADD COLUMN y INT",
            &[
                "ALTER TABLE d.a ADD INDEX i (x)",
                "ALTER TABLE d.a MODIFY x BIGINT, ADD COLUMN y INT",
            ][..],
        ),
        (
            "ALTER TABLE d.a ADD COLUMN x INT, ADD COLUMN y INT, ADD INDEX i (x, y)",
            &[
                "ALTER TABLE d.a ADD COLUMN x INT, ADD COLUMN y INT",
                "ALTER TABLE d.a ADD INDEX i (x, y)",
            ],
        ),
        (
            "ALTER TABLE d.a RENAME COLUMN x TO y, ADD COLUMN x INT",
            &[
                "ALTER TABLE d.a RENAME COLUMN x TO y",
                "ALTER TABLE d.a ADD COLUMN x INT",
            ],
        ),
        (
            "ALTER TABLE d.a RENAME TO d.b, ADD COLUMN x INT, DROP COLUMN z",
            &[
                "ALTER TABLE d.a ADD COLUMN x INT, DROP COLUMN z",
                "ALTER TABLE d.a RENAME TO d.b",
            ],
        ),
        (
            "ALTER TABLE d.a DROP PRIMARY KEY, ADD PRIMARY KEY (x)",
            &[
                "ALTER TABLE d.a DROP PRIMARY KEY",
                "ALTER TABLE d.a ADD PRIMARY KEY (x)",
            ],
        ),
        (
            "ALTER TABLE d.a MODIFY X INT, MODIFY `x` BIGINT",
            &[
                "ALTER TABLE d.a MODIFY X INT",
                "ALTER TABLE d.a MODIFY `x` BIGINT",
            ],
        ),
        (
            "ALTER TABLE d.a ADD (x INT, y INT), ADD z INT AFTER x",
            &[
                "ALTER TABLE d.a ADD (x INT, y INT)",
                "ALTER TABLE d.a ADD z INT AFTER x",
            ],
        ),
        (
            "ALTER TABLE d.a DROP INDEX i, ADD INDEX i (x), ALGORITHM=INPLACE",
            &[
                "ALTER TABLE d.a DROP INDEX i",
                "ALTER TABLE d.a ADD INDEX i (x), ALGORITHM=INPLACE",
            ],
        ),
        (
            "ALTER TABLE d.a ADD COLUMN x INT PARTITION BY HASH (x) PARTITIONS 4",
            &[
                "ALTER TABLE d.a ADD COLUMN x INT",
                "ALTER TABLE d.a PARTITION BY HASH (x) PARTITIONS 4",
            ],
        ),
    ] {
        assert_eq!(parts(text), expected, "{text}");
    }
}

#[test]
fn what_means_nothing_is_left_out_and_told() {
    let adapted = tidb(
        "ALTER TABLE d.a ADD x INT, ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE 8 COMMENT='c', FORCE",
    )
    .unwrap();
    assert_eq!(adapted.parts, ["ALTER TABLE d.a ADD x INT, COMMENT='c'"]);
    assert_eq!(
        adapted.left_out,
        ["ROW_FORMAT=COMPRESSED", "KEY_BLOCK_SIZE 8", "FORCE"]
    );
    let nothing = tidb("ALTER TABLE d.a FORCE, ALGORITHM=INPLACE").unwrap();
    assert_eq!(nothing.parts, Vec::<String>::new());
    assert_eq!(nothing.left_out, ["FORCE"]);
}

#[test]
fn what_is_refused_names_the_clause_and_suggests() {
    for (text, name, suggestion) in [
        (
            "CREATE TABLE d.a (id INT, p POINT NOT NULL SRID 4326, FULLTEXT KEY f (t), SPATIAL INDEX (p), t TEXT)",
            "spatial-type",
            Some("CREATE TABLE d.a (id INT, p LONGBLOB NOT NULL , t TEXT)"),
        ),
        (
            "CREATE TABLE d.a (FULLTEXT KEY f (t), t TEXT)",
            "fulltext-index",
            Some("CREATE TABLE d.a ( t TEXT)"),
        ),
        (
            "CREATE TABLE d.a (id INT INVISIBLE, e INT DEFAULT (1 + (2)), b CHAR(3) CHARACTER SET big5) COLLATE=utf8mb4_uca1400_ai_ci",
            "invisible-column",
            Some(
                "CREATE TABLE d.a (id INT , e INT , b CHAR(3) CHARACTER SET utf8mb4) COLLATE=utf8mb4_0900_ai_ci",
            ),
        ),
        (
            "CREATE TABLE d.a (x VARCHAR(3)) CHARSET latin1 COLLATE latin1_swedish_ci",
            "unknown-collation",
            Some("CREATE TABLE d.a (x VARCHAR(3)) CHARSET latin1 COLLATE latin1_bin"),
        ),
        (
            "ALTER TABLE d.a ADD COLUMN x INT AS (y + 1) STORED, ADD z INT",
            "stored-column-added",
            Some("ALTER TABLE d.a ADD COLUMN x INT AS (y + 1) VIRTUAL, ADD z INT"),
        ),
        (
            "ALTER TABLE d.a ADD COLUMN id BIGINT AUTO_INCREMENT PRIMARY KEY",
            "auto-increment-added",
            None,
        ),
        (
            "ALTER TABLE d.a CONVERT TO CHARACTER SET latin1",
            "charset-narrowed",
            Some(""),
        ),
        (
            "ALTER TABLE d.a ADD FULLTEXT INDEX f (t)",
            "fulltext-index",
            Some(""),
        ),
        (
            "ALTER TABLE d.a ADD x INT, ADD FULLTEXT INDEX f (t)",
            "fulltext-index",
            Some("ALTER TABLE d.a ADD x INT"),
        ),
        (
            "CREATE FULLTEXT INDEX f ON d.a (t)",
            "fulltext-index",
            Some(""),
        ),
        (
            "ALTER TABLE d.a ADD g GEOMETRY",
            "spatial-type",
            Some("ALTER TABLE d.a ADD g LONGBLOB"),
        ),
        (
            "CREATE DATABASE d CHARACTER SET latin1 COLLATE latin1_swedish_ci",
            "unknown-collation",
            Some("CREATE DATABASE d CHARACTER SET latin1 COLLATE latin1_bin"),
        ),
        ("CREATE TABLE d.a SELECT 1", "create-select", None),
    ] {
        let (found, replacement) = refused(text);
        assert_eq!(
            (found, replacement.as_deref()),
            (name, suggestion),
            "{text}"
        );
        // What is suggested is not refused again.
        if let Some(again) = suggestion.filter(|text| !text.is_empty()) {
            tidb(again).unwrap_or_else(|refused| panic!("{again}: {refused:?}"));
        }
    }
    let clustered =
        "CREATE TABLE `a` (`id` int, PRIMARY KEY (`id`) /*T![clustered_index] CLUSTERED */)";
    let drop = "ALTER TABLE d.a DROP PRIMARY KEY";
    let found = adapt(drop, &crate::MYSQL, Dialect::Tidb, Some(clustered)).expect_err("clustered");
    assert_eq!(found.known.name, "clustered-primary-key-dropped");
    assert!(
        adapt(
            drop,
            &crate::MYSQL,
            Dialect::Tidb,
            Some("PRIMARY KEY /*T![clustered_index] NONCLUSTERED */")
        )
        .is_ok()
    );
}

#[test]
fn names_are_unique() {
    for (index, known) in TIDB.iter().enumerate() {
        assert!(
            !TIDB[index + 1..]
                .iter()
                .any(|other| other.name == known.name),
            "{}",
            known.name
        );
    }
}
