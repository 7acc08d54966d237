//! Every event name that a statement can be of, by comparing structures.

use dm_ddl::{Context, Flavor, Schema};

use super::*;

const TABLE: &str = "CREATE TABLE t (
    id INT PRIMARY KEY AUTO_INCREMENT, small SMALLINT UNSIGNED, big BIGINT DEFAULT 5, name VARCHAR(40) CHARACTER SET latin1,
    price DECIMAL(10,4), kind ENUM('a','b'), at DATETIME(3), text TEXT,
    UNIQUE KEY u (big), KEY k (name), CONSTRAINT f FOREIGN KEY (id) REFERENCES p (id))";

fn context() -> Context<'static> {
    Context {
        default_schema: Some("d"),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: Flavor::Mysql,
        version: 90_700,
    }
}

fn names(text: &str) -> Vec<Vec<&'static str>> {
    let mut schema = Schema::new(false);
    let before = Table::parse_create(TABLE, &context()).unwrap();
    schema.insert("d", "t", before.clone());
    let statement = dm_ddl::parse(text, &context()).unwrap().remove(0);
    schema.apply(&statement).unwrap();
    let after = schema.table("d", "t").cloned();
    events(&statement, Some(&before), after.as_ref())
        .iter()
        .map(|clause| clause.iter().map(|kind| kind.name()).collect())
        .collect()
}

#[test]
fn clauses_are_told_by_what_they_do() {
    let cases: &[(&str, &[&str])] = &[
        ("ADD COLUMN x INT", &["add column"]),
        ("DROP COLUMN text", &["drop column"]),
        ("RENAME COLUMN text TO words", &["rename column"]),
        ("CHANGE text words TEXT", &["rename column"]),
        ("MODIFY big BIGINT DEFAULT 5", &["alter table"]),
        ("MODIFY small INT UNSIGNED", &["alter table"]),
        ("MODIFY small TINYINT UNSIGNED", &["value range decrease"]),
        ("MODIFY small SMALLINT", &["modify column"]),
        ("MODIFY small VARCHAR(10)", &["modify column"]),
        (
            "MODIFY small SMALLINT UNSIGNED NOT NULL",
            &["modify column"],
        ),
        (
            "MODIFY name VARCHAR(20) CHARACTER SET latin1",
            &["value range decrease"],
        ),
        (
            "MODIFY name VARCHAR(80) CHARACTER SET latin1",
            &["alter table"],
        ),
        (
            "MODIFY name VARCHAR(40) CHARACTER SET utf8mb4",
            &["modify charset"],
        ),
        (
            "MODIFY name VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_bin",
            &["modify collation"],
        ),
        ("MODIFY price DECIMAL(10,2)", &["precision decrease"]),
        ("MODIFY price DECIMAL(8,4)", &["value range decrease"]),
        ("MODIFY price DECIMAL(12,4)", &["alter table"]),
        ("MODIFY at DATETIME", &["precision decrease"]),
        ("MODIFY kind ENUM('a','b','c')", &["alter table"]),
        ("MODIFY kind ENUM('a')", &["value range decrease"]),
        ("MODIFY kind ENUM('b','a')", &["value range decrease"]),
        ("MODIFY big BIGINT", &["modify default value"]),
        ("MODIFY id INT", &["remove auto increment"]),
        ("MODIFY text TEXT FIRST", &["modify columns order"]),
        ("MODIFY text VARCHAR(10)", &["value range decrease"]),
        ("ALTER big SET DEFAULT 7", &["modify default value"]),
        ("ALTER big DROP DEFAULT", &["modify default value"]),
        ("ADD INDEX x (at)", &["create index"]),
        ("DROP INDEX k", &["drop index"]),
        ("DROP INDEX u", &["drop unique key"]),
        ("RENAME INDEX k TO l", &["rename index"]),
        (
            "ADD CONSTRAINT g FOREIGN KEY (big) REFERENCES q (id)",
            &["add foreign key"],
        ),
        ("DROP FOREIGN KEY f", &["drop foreign key"]),
        ("ADD CHECK (id > 0)", &["modify constraint"]),
        ("CONVERT TO CHARACTER SET utf8mb4", &["modify charset"]),
        ("DEFAULT CHARSET utf8mb4", &["modify charset"]),
        ("ENGINE=MyISAM", &["modify storage engine"]),
        ("COMMENT='x'", &["alter table"]),
        (
            "PARTITION BY HASH (id) PARTITIONS 4",
            &["alter table partitioning"],
        ),
        ("ALGORITHM=INPLACE", &["alter table"]),
    ];
    for (clause, expected) in cases {
        let found = names(&format!("ALTER TABLE t {clause}"));
        assert_eq!(found.len(), 1, "{clause}: {found:?}");
        for name in *expected {
            assert!(found[0].contains(name), "{clause}: {found:?} lacks {name}");
        }
        if *expected == ["alter table"] {
            assert_eq!(found[0], ["alter table"], "{clause}");
        }
    }
}

#[test]
fn clauses_that_say_how_do_not_count_beside_others() {
    assert_eq!(
        names("ALTER TABLE t DROP COLUMN text, ALGORITHM=INPLACE, LOCK=NONE"),
        [["drop column"]]
    );
    assert_eq!(
        names("ALTER TABLE t DROP COLUMN text, ADD COLUMN x INT").len(),
        2
    );
}

#[test]
fn whole_statements_have_their_names() {
    for (text, name) in [
        ("DROP TABLE t", "drop table"),
        ("TRUNCATE TABLE t", "truncate table"),
        ("RENAME TABLE t TO s", "rename table"),
        ("CREATE INDEX x ON t (at)", "create index"),
        ("DROP INDEX k ON t", "drop index"),
        ("CREATE TABLE s (id INT)", "create table"),
        ("CREATE DATABASE e", "create database"),
        ("ALTER DATABASE d CHARACTER SET latin1", "alter database"),
    ] {
        assert_eq!(names(text)[0][0], name, "{text}");
    }
}
