//! Statements → tables: created, renamed, dropped, conditionally.

use dm_ddl::{ApplyError, Schema};

use crate::{MARIADB, MYSQL, MYSQL_57, after, describe, one};

#[test]
fn mariadbs_if_exists() {
    let texts = [
        "CREATE TABLE t (a INT, KEY i (a))",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS a BIGINT UNIQUE, ADD COLUMN IF NOT EXISTS b INT, DROP COLUMN IF EXISTS x, \
         DROP INDEX IF EXISTS j, ADD INDEX IF NOT EXISTS i (b), MODIFY COLUMN IF EXISTS y INT, RENAME COLUMN IF EXISTS z TO w",
        "ALTER TABLE IF EXISTS missing DROP a",
        "CREATE OR REPLACE INDEX i ON t (b)",
        "CREATE INDEX IF NOT EXISTS i ON t (a)",
        "DROP INDEX IF EXISTS k ON t",
    ];
    assert_eq!(
        describe(after(&texts, &MARIADB).table("db", "t").unwrap()),
        "a Int; b Int; Unique a(a); Index i(b)"
    );
}

#[test]
fn tables_come_and_go() {
    let schema = after(
        &[
            "CREATE TABLE a (x INT)",
            "CREATE TABLE b (y INT, FOREIGN KEY (y) REFERENCES a (x))",
            "CREATE TABLE IF NOT EXISTS a (z INT)",
            "RENAME TABLE a TO tmp, b TO a, tmp TO b",
            "CREATE TABLE c LIKE a",
            "CREATE DATABASE e",
            "ALTER TABLE c RENAME TO e.c, ADD w INT",
            "TRUNCATE a",
        ],
        &MYSQL,
    );
    assert_eq!(
        describe(schema.table("db", "a").unwrap()),
        "y Int; Index y(y); Foreign a_ibfk_1(y) db.b(x)"
    );
    assert_eq!(describe(schema.table("db", "b").unwrap()), "x Int");
    assert_eq!(
        describe(schema.table("e", "c").unwrap()),
        "y Int; w Int; Index y(y)"
    );
    assert!(schema.table("db", "c").is_none());
    let text = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<Schema>(&text).unwrap(), schema);

    let schema = after(
        &[
            "CREATE TABLE a (x INT)",
            "CREATE TABLE b (x INT)",
            "DROP TABLE IF EXISTS a, z",
        ],
        &MYSQL,
    );
    assert_eq!(schema.tables.len(), 1);
    let schema = after(&["CREATE TABLE a (x INT)", "DROP DATABASE db"], &MYSQL);
    assert!(schema.tables.is_empty() && schema.databases.is_empty());
    let schema = after(
        &[
            "CREATE TABLE a (x INT)",
            "CREATE OR REPLACE TABLE a (y INT)",
        ],
        &MARIADB,
    );
    assert_eq!(describe(schema.table("db", "a").unwrap()), "y Int");
}

#[test]
fn unknown_and_duplicate_tables() {
    let table = |name: &str| ("db".to_owned(), name.to_owned());
    let unknown = |(schema, table)| ApplyError::UnknownTable { schema, table };
    let duplicate = |(schema, table)| ApplyError::DuplicateTable { schema, table };
    let cases = [
        ("DROP TABLE a, missing", unknown(table("missing"))),
        ("ALTER TABLE missing ADD x INT", unknown(table("missing"))),
        (
            "RENAME TABLE a TO c, missing TO d",
            unknown(table("missing")),
        ),
        ("RENAME TABLE a TO b", duplicate(table("b"))),
        ("RENAME TABLE a TO c, b TO a, c TO a", duplicate(table("a"))),
        ("ALTER TABLE a RENAME b", duplicate(table("b"))),
        ("CREATE TABLE a (x INT)", duplicate(table("a"))),
        ("CREATE TABLE c LIKE missing", unknown(table("missing"))),
        (
            "CREATE DATABASE db",
            ApplyError::DuplicateDatabase("db".into()),
        ),
        (
            "DROP DATABASE missing",
            ApplyError::UnknownDatabase("missing".into()),
        ),
        (
            "CREATE TABLE c SELECT 1",
            ApplyError::Unsupported("CREATE TABLE … SELECT"),
        ),
        (
            "ALTER TABLE a ADD SYSTEM VERSIONING",
            ApplyError::Unsupported("SYSTEM VERSIONING"),
        ),
    ];
    for (text, error) in cases {
        let mut schema = after(
            &[
                "CREATE TABLE a (x INT)",
                "CREATE TABLE b (x INT, FOREIGN KEY (x) REFERENCES a (x))",
            ],
            &MYSQL,
        );
        let before = schema.clone();
        assert_eq!(schema.apply(&one(text, &MYSQL)), Err(error), "{text}");
        assert_eq!(schema, before, "{text}");
    }
}

#[test]
fn folded_names() {
    let mut schema = Schema::new(true);
    for text in [
        "CREATE DATABASE Db",
        "CREATE TABLE DB.T (a INT)",
        "ALTER TABLE dB.t ADD B INT",
        "RENAME TABLE db.T TO db.U",
    ] {
        schema.apply(&one(text, &MYSQL)).unwrap();
    }
    assert_eq!(describe(schema.table("DB", "u").unwrap()), "a Int; B Int");
    let mut schema = Schema::new(false);
    schema
        .apply(&one("CREATE TABLE T (a INT)", &MYSQL))
        .unwrap();
    assert!(schema.table("db", "t").is_none());
}

#[test]
fn older_servers_fill_added_timestamps() {
    let texts = [
        "CREATE TABLE t (a INT)",
        "ALTER TABLE t ADD b TIMESTAMP, ADD c TIMESTAMP",
        "ALTER TABLE t ADD d TIMESTAMP",
    ];
    let schema = after(&texts, &MYSQL_57);
    let expected = "a Int; b Timestamp not_null default on_update; c Timestamp not_null default; \
                    d Timestamp not_null default";
    assert_eq!(describe(schema.table("db", "t").unwrap()), expected);
}

#[test]
fn statements_that_change_no_structure() {
    let mut schema = after(&["CREATE TABLE t (a INT)"], &MYSQL);
    let before = schema.clone();
    for text in [
        "BEGIN",
        "INSERT INTO t VALUES (1)",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE t TRUNCATE PARTITION p",
        "ALTER TABLE t",
    ] {
        schema.apply(&one(text, &MYSQL)).unwrap();
        assert_eq!(schema, before, "{text}");
    }
}
