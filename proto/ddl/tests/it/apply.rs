//! ALTER TABLE → structure, as the server changes it.

use dm_ddl::ApplyError;

use crate::{MYSQL, after, describe, one};

/// `db.t` after a CREATE TABLE of these items and an ALTER of these clauses.
fn altered(items: &str, clauses: &str) -> String {
    let create = format!("CREATE TABLE t ({items})");
    let schema = after(&[&create, &format!("ALTER TABLE t {clauses}")], &MYSQL);
    describe(schema.table("db", "t").unwrap())
}

fn refused(items: &str, clauses: &str) -> ApplyError {
    let mut schema = after(&[&format!("CREATE TABLE t ({items})")], &MYSQL);
    let before = schema.clone();
    let error = schema
        .apply(&one(&format!("ALTER TABLE t {clauses}"), &MYSQL))
        .expect_err(clauses);
    assert_eq!(schema, before, "{clauses}");
    error
}

#[test]
fn columns() {
    let cases = [
        (
            "a INT",
            "ADD b INT, ADD c INT FIRST, ADD d INT AFTER a",
            "c Int; a Int; d Int; b Int",
        ),
        (
            "a INT",
            "ADD (b INT, c INT, KEY (c))",
            "a Int; b Int; c Int; Index c(c)",
        ),
        (
            "a INT, b INT",
            "ADD c INT FIRST, ADD d INT AFTER c",
            "c Int; d Int; a Int; b Int",
        ),
        ("a INT, b INT, c INT", "DROP b, DROP COLUMN A", "c Int"),
        (
            "a INT NOT NULL DEFAULT 1, b INT",
            "MODIFY A BIGINT",
            "A BigInt; b Int",
        ),
        (
            "a INT, b INT, c INT",
            "MODIFY c INT FIRST, MODIFY a INT AFTER b",
            "c Int; b Int; a Int",
        ),
        (
            "a INT, b INT",
            "CHANGE a b BIGINT, CHANGE b a INT",
            "b BigInt; a Int",
        ),
        (
            "a INT, b BIGINT",
            "RENAME COLUMN a TO b, RENAME COLUMN b TO a",
            "b Int; a BigInt",
        ),
        ("a INT, b INT", "DROP a, ADD a BIGINT", "b Int; a BigInt"),
        ("a INT, b INT", "CHANGE a c INT AFTER b", "b Int; c Int"),
        ("a INT", "ALTER a SET DEFAULT 5", "a Int default"),
        (
            "a INT DEFAULT 1, b INT DEFAULT 2",
            "ALTER a DROP DEFAULT, ALTER b SET DEFAULT NULL",
            "a Int; b Int",
        ),
        (
            "a INT, b INT",
            "ALTER a SET INVISIBLE",
            "a Int invisible; b Int",
        ),
        (
            "a INT",
            "ADD b INT AS (a) VIRTUAL AFTER a, ALGORITHM=INSTANT",
            "a Int; b Int virtual",
        ),
        (
            "a INT",
            "ADD b INT UNIQUE AUTO_INCREMENT",
            "a Int; b Int not_null auto; Unique b(b)",
        ),
    ];
    for (items, clauses, expected) in cases {
        assert_eq!(altered(items, clauses), expected, "{clauses}");
    }
}

#[test]
fn keys() {
    let cases = [
        ("a INT, b INT, KEY (a, b)", "DROP a", "b Int; Index a(b)"),
        (
            "a INT, b INT, KEY (a), KEY (b)",
            "DROP a",
            "b Int; Index b(b)",
        ),
        (
            "a INT, b INT, PRIMARY KEY (a)",
            "CHANGE a c BIGINT",
            "c BigInt not_null; b Int; Primary PRIMARY(c)",
        ),
        (
            "a INT, b INT, KEY (a)",
            "RENAME COLUMN a TO c, ADD KEY (c)",
            "c Int; b Int; Index a(c); Index c(c)",
        ),
        (
            "a INT",
            "ADD PRIMARY KEY (a)",
            "a Int not_null; Primary PRIMARY(a)",
        ),
        (
            "a INT PRIMARY KEY, b INT",
            "DROP PRIMARY KEY, ADD PRIMARY KEY (b)",
            "a Int not_null; b Int not_null; Primary PRIMARY(b)",
        ),
        (
            "a INT, UNIQUE (a)",
            "MODIFY a INT NOT NULL",
            "a Int not_null; Unique a(a)",
        ),
        (
            "a INT, KEY i (a)",
            "RENAME INDEX i TO j",
            "a Int; Index j(a)",
        ),
        (
            "a INT, b INT, KEY i (a), KEY j (b)",
            "RENAME INDEX i TO j, RENAME KEY j TO i",
            "a Int; b Int; Index j(a); Index i(b)",
        ),
        (
            "a INT, KEY i (a)",
            "DROP INDEX I, ADD UNIQUE i (a)",
            "a Int; Unique i(a)",
        ),
        (
            "a INT, KEY (a)",
            "ADD KEY (a), ADD UNIQUE (a)",
            "a Int; Unique a_3(a); Index a(a); Index a_2(a)",
        ),
        (
            "a CHAR(9), KEY (a(5))",
            "MODIFY a CHAR(5)",
            "a Char(5) latin1_swedish_ci; Index a(a)",
        ),
        ("a CHAR(9), KEY (a(5))", "MODIFY a INT", "a Int; Index a(a)"),
        (
            "a INT",
            "ADD b INT, ADD KEY (b)",
            "a Int; b Int; Index b(b)",
        ),
        (
            "a INT",
            "ADD FOREIGN KEY (a) REFERENCES p (x), ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES q (y)",
            "a Int; Index a(a); Foreign t_ibfk_1(a) db.p(x); Foreign f(a) db.q(y)",
        ),
        (
            "a INT, b INT, FOREIGN KEY (a) REFERENCES p (x)",
            "ADD KEY k (a, b), RENAME COLUMN a TO c",
            "",
        ),
        (
            "a INT, FOREIGN KEY (a) REFERENCES p (x)",
            "DROP FOREIGN KEY t_ibfk_1",
            "a Int; Index a(a)",
        ),
        (
            "a INT, CONSTRAINT u UNIQUE (a)",
            "DROP CONSTRAINT u",
            "a Int",
        ),
        (
            "a INT, CONSTRAINT u CHECK (a > 0)",
            "DROP CONSTRAINT u, DROP CHECK v",
            "a Int",
        ),
    ];
    for (items, clauses, expected) in cases {
        if expected.is_empty() {
            // The key goes by the new name of the column.
            assert_eq!(
                refused(items, clauses),
                ApplyError::UnknownColumn("a".into())
            );
            continue;
        }
        assert_eq!(altered(items, clauses), expected, "{clauses}");
    }
    let expected = "a Int; b Int; Index k(a,b); Foreign t_ibfk_1(a) db.p(x)";
    assert_eq!(
        altered(
            "a INT, b INT, FOREIGN KEY (a) REFERENCES p (x)",
            "ADD KEY k (a, b)"
        ),
        expected
    );
}

#[test]
fn character_sets() {
    let create = "CREATE TABLE t (a VARCHAR(5), b TEXT, c CHAR(3) CHARACTER SET gbk, d BLOB)";
    let latin1 = "a VarChar(5) latin1_swedish_ci; b Text latin1_swedish_ci; c Char(3) gbk_chinese_ci; d Blob";
    let cases = [
        ("ALTER TABLE t ENGINE=InnoDB", latin1.to_owned()),
        ("ALTER TABLE t DEFAULT CHARSET utf8mb4, ADD e CHAR(2)", format!("{latin1}; e Char(2) utf8mb4_0900_ai_ci")),
        (
            "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "a VarChar(5) utf8mb4_bin; b MediumText utf8mb4_bin; c Char(3) utf8mb4_bin; d Blob".to_owned(),
        ),
        (
            "ALTER TABLE t CONVERT TO CHARACTER SET binary",
            "a VarBinary(5); b Blob; c Binary(3); d Blob".to_owned(),
        ),
        (
            "ALTER TABLE t MODIFY c CHAR(3)",
            "a VarChar(5) latin1_swedish_ci; b Text latin1_swedish_ci; c Char(3) latin1_swedish_ci; d Blob".to_owned(),
        ),
    ];
    for (alter, expected) in cases {
        let schema = after(&[create, alter], &MYSQL);
        assert_eq!(
            describe(schema.table("db", "t").unwrap()),
            expected,
            "{alter}"
        );
    }
    let schema = after(
        &[
            "ALTER DATABASE db COLLATE utf8mb4_bin",
            "CREATE TABLE t (a CHAR(2))",
        ],
        &MYSQL,
    );
    assert_eq!(
        describe(schema.table("db", "t").unwrap()),
        "a Char(2) utf8mb4_bin"
    );
    let schema = after(&["CREATE TABLE t (a CHAR(2)) CHARSET gbk"], &MYSQL);
    assert_eq!(
        schema.table("db", "t").unwrap().collation.as_deref(),
        Some("gbk_chinese_ci")
    );
}

#[test]
fn refused_changes_change_nothing() {
    let unknown = |name: &str| ApplyError::UnknownColumn(name.into());
    let cases = [
        ("a INT", "DROP b", unknown("b")),
        ("a INT", "MODIFY b INT", unknown("b")),
        ("a INT", "ADD b INT AFTER c", unknown("c")),
        ("a INT", "ADD KEY (b)", unknown("b")),
        (
            "a INT",
            "ADD A INT",
            ApplyError::DuplicateColumn("a".into()),
        ),
        (
            "a INT, b INT",
            "RENAME COLUMN a TO b",
            ApplyError::DuplicateColumn("b".into()),
        ),
        ("a INT", "DROP a", ApplyError::NoColumns),
        (
            "a INT, KEY i (a)",
            "ADD KEY I (a)",
            ApplyError::DuplicateKey("I".into()),
        ),
        (
            "a INT PRIMARY KEY",
            "ADD PRIMARY KEY (a)",
            ApplyError::MultiplePrimaryKeys,
        ),
        ("a INT", "DROP KEY i", ApplyError::UnknownKey("i".into())),
        (
            "a INT",
            "DROP PRIMARY KEY",
            ApplyError::UnknownKey("PRIMARY".into()),
        ),
        (
            "a INT",
            "RENAME INDEX i TO j",
            ApplyError::UnknownKey("i".into()),
        ),
        (
            "a INT, KEY i (a), KEY j (a)",
            "RENAME INDEX i TO j",
            ApplyError::DuplicateKey("j".into()),
        ),
        (
            "a INT",
            "DROP FOREIGN KEY f",
            ApplyError::UnknownConstraint("f".into()),
        ),
        ("a INT", "RENAME TO t2, DROP b", unknown("b")),
    ];
    for (items, clauses, error) in cases {
        assert_eq!(refused(items, clauses), error, "{clauses}");
    }
}
