//! What isn't table DDL is recognised, and a leading comment changes nothing.

use dm_ddl::{Kind, Transaction, parse};

use crate::{MARIADB, MYSQL, kind, one};

const IGNORED: &[(&str, &str)] = &[
    ("CREATE VIEW v AS SELECT 1", "view"),
    (
        "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW v AS SELECT * FROM t",
        "view",
    ),
    ("ALTER DEFINER=CURRENT_USER() VIEW v AS SELECT 1", "view"),
    ("DROP VIEW IF EXISTS v", "view"),
    (
        "CREATE DEFINER=`table`@`%` TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        "trigger",
    ),
    (
        "CREATE DEFINER = table@localhost PROCEDURE p() BEGIN SELECT 1; INSERT INTO t VALUES (1); END",
        "procedure",
    ),
    (
        "CREATE AGGREGATE FUNCTION f RETURNS INT SONAME 'x.so'",
        "function",
    ),
    ("DROP FUNCTION f", "function"),
    ("ALTER EVENT e DISABLE", "event"),
    ("CREATE USER u IDENTIFIED BY 'x'", "user"),
    ("RENAME USER a TO b", "user"),
    ("CREATE ROLE r", "role"),
    ("SET DEFAULT ROLE r TO u", "role"),
    ("GRANT ALL ON *.* TO u", "grant"),
    ("REVOKE ALL ON d.* FROM u", "revoke"),
    ("SET PASSWORD FOR u = 'x'", "set password"),
    ("FLUSH PRIVILEGES", "flush"),
    ("ANALYZE TABLE t", "analyze table"),
    ("ANALYZE LOCAL TABLE t", "analyze table"),
    ("OPTIMIZE TABLE t", "optimize table"),
    ("REPAIR TABLE t", "repair table"),
    ("CREATE TABLESPACE s ADD DATAFILE 'x'", "tablespace"),
    ("CREATE UNDO TABLESPACE s ADD DATAFILE 'x'", "tablespace"),
    (
        "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'x')",
        "server",
    ),
    ("CREATE RESOURCE GROUP g TYPE = USER", "resource group"),
    (
        "CREATE SPATIAL REFERENCE SYSTEM 1 NAME 'x'",
        "spatial reference system",
    ),
    ("INSTALL PLUGIN p SONAME 'x.so'", "plugin"),
    ("CREATE TEMPORARY TABLE t (a INT)", "temporary table"),
    ("DROP TEMPORARY TABLE IF EXISTS t", "temporary table"),
    (
        "DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`",
        "temporary table",
    ),
];

#[test]
fn ignored_by_rule_with_and_without_leading_comment() {
    for (text, what) in IGNORED {
        for text in [
            (*text).to_owned(),
            format!("/* app=1 */ {text}"),
            format!("-- x\n{text}"),
            format!("#\n {text};"),
        ] {
            assert_eq!(kind(&text, &MYSQL), Kind::Ignored { what }, "{text}");
        }
    }
}

#[test]
fn transactions() {
    let cases = [
        ("BEGIN", Transaction::Begin),
        ("START TRANSACTION", Transaction::Begin),
        ("/* c */ commit", Transaction::Commit),
        ("ROLLBACK", Transaction::Rollback),
        ("ROLLBACK TO SAVEPOINT s", Transaction::RollbackTo),
        ("ROLLBACK WORK TO s", Transaction::RollbackTo),
        ("SAVEPOINT `s`", Transaction::Savepoint),
        ("RELEASE SAVEPOINT s", Transaction::ReleaseSavepoint),
        ("XA PREPARE X'31',X'',1", Transaction::Xa),
    ];
    for (text, transaction) in cases {
        assert_eq!(kind(text, &MYSQL), Kind::Transaction(transaction), "{text}");
    }
}

#[test]
fn statement_format_dml_names_its_table() {
    let cases = [
        ("INSERT INTO t VALUES (1)", "insert", "t"),
        ("INSERT IGNORE d.t SET a = 1", "insert", "t"),
        ("replace delayed into `t` select 1", "replace", "t"),
        ("UPDATE LOW_PRIORITY t SET a = 1", "update", "t"),
        ("DELETE QUICK FROM d.t WHERE a = 1", "delete", "t"),
        (
            "LOAD DATA LOCAL INFILE 'x' IGNORE INTO TABLE d.t FIELDS TERMINATED BY ','",
            "load data",
            "t",
        ),
    ];
    for (text, what, table) in cases {
        let statement = one(text, &MYSQL);
        assert_eq!(statement.kind(), &Kind::Dml { what }, "{text}");
        assert_eq!(
            statement.tables().first().map(|(_, table)| table.as_str()),
            Some(table),
            "{text}"
        );
    }
    for text in [
        "CALL p()",
        "SELECT f()",
        "WITH c AS (SELECT 1) UPDATE t SET a = 1",
        "DO f()",
    ] {
        assert!(matches!(kind(text, &MYSQL), Kind::Dml { .. }), "{text}");
    }
    assert_eq!(
        kind("ANALYZE FORMAT=JSON UPDATE t SET a = 1", &MARIADB),
        Kind::Dml {
            what: "analyze statement"
        }
    );
}

#[test]
fn the_unknown_is_said_to_be_unknown() {
    for text in [
        "CREATE SEQUENCE s",
        "BEGIN NOT ATOMIC SELECT 1; END",
        "FROBNICATE t",
        "( SELECT 1 )",
        "CREATE",
    ] {
        assert_eq!(kind(text, &MARIADB), Kind::Unknown, "{text}");
    }
}

#[test]
fn several_statements_and_none() {
    let texts = |text| -> Vec<String> {
        parse(text, &MYSQL)
            .unwrap()
            .iter()
            .map(|statement| statement.text().to_owned())
            .collect()
    };
    assert_eq!(
        texts("DROP TABLE a; DROP TABLE `;` ;;\n TRUNCATE c"),
        ["DROP TABLE a", "DROP TABLE `;`", "TRUNCATE c"]
    );
    for empty in [
        "",
        "  ",
        ";",
        "/* only a comment */",
        "# Dummy event replacing event type 160",
        "-- x",
    ] {
        assert!(texts(empty).is_empty(), "{empty}");
    }
    assert_eq!(texts("BEGIN NOT ATOMIC SELECT 1; END").len(), 1);
}

#[test]
fn broken_table_ddl_is_an_error_with_its_place() {
    let cases = [
        ("CREATE TABLE t (a NOTATYPE)", 18),
        ("CREATE TABLE t (a INT", 21),
        ("CREATE TABLE t", 14),
        ("DROP TABLE a; RENAME TABLE b", 28),
        ("ALTER TABLE t ADD COLUMN a INT) x", 30),
        ("DROP TABLE 'a'", 11),
        ("CREATE TABLE t (a INT) COMMENT 'open", 31),
        ("CREATE TABLE `t", 13),
        ("CREATE TABLE t /* open", 15),
    ];
    for (text, offset) in cases {
        let error = parse(text, &MYSQL).expect_err(text);
        assert_eq!(error.offset, offset, "{text}: {error}");
    }
}
