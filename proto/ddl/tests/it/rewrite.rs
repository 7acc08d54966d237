//! Rewriting replaces names and nothing else.

use dm_ddl::{Context, Kind};

use crate::corpus::{MARIADB_STATEMENTS, MYSQL_STATEMENTS};
use crate::{MARIADB, MYSQL, one};

fn shadow(text: &str, context: &Context<'_>) -> String {
    let mut map = |schema: &str, table: &str| (format!("sh_{schema}"), table.to_uppercase());
    one(text, context).rewrite(&mut map, &mut |schema| format!("sh_{schema}"))
}

#[test]
fn names_are_replaced_wherever_they_stand() {
    let cases = [
        ("CREATE TABLE t (a INT)", "CREATE TABLE `sh_db`.`T` (a INT)"),
        (
            "create  table d . t(t.a INT)",
            "create  table `sh_d`.`T`(t.a INT)",
        ),
        (
            "CREATE TABLE .t (a INT)",
            "CREATE TABLE `sh_db`.`T` (a INT)",
        ),
        (
            "CREATE TABLE e.t (a INT, FOREIGN KEY (a) REFERENCES p (x), KEY (a))",
            "CREATE TABLE `sh_e`.`T` (a INT, FOREIGN KEY (a) REFERENCES `sh_e`.`P` (x), KEY (a))",
        ),
        (
            "CREATE TABLE e.t (a INT REFERENCES p (x))",
            "CREATE TABLE `sh_e`.`T` (a INT REFERENCES `sh_e`.`P` (x))",
        ),
        (
            "ALTER TABLE e.t ADD FOREIGN KEY (a) REFERENCES f.p (x)",
            "ALTER TABLE `sh_e`.`T` ADD FOREIGN KEY (a) REFERENCES `sh_f`.`P` (x)",
        ),
        (
            "CREATE TABLE d.t LIKE s",
            "CREATE TABLE `sh_d`.`T` LIKE `sh_db`.`S`",
        ),
        (
            "CREATE TABLE t (LIKE d.s)",
            "CREATE TABLE `sh_db`.`T` (LIKE `sh_d`.`S`)",
        ),
        (
            "CREATE TABLE t (a INT) UNION=(a,d.b)",
            "CREATE TABLE `sh_db`.`T` (a INT) UNION=(`sh_db`.`A`,`sh_d`.`B`)",
        ),
        (
            "ALTER TABLE d.t RENAME s",
            "ALTER TABLE `sh_d`.`T` RENAME `sh_db`.`S`",
        ),
        (
            "RENAME TABLE a TO d.b, `c` TO a",
            "RENAME TABLE `sh_db`.`A` TO `sh_d`.`B`, `sh_db`.`C` TO `sh_db`.`A`",
        ),
        (
            "DROP TABLE IF EXISTS a,d.b",
            "DROP TABLE IF EXISTS `sh_db`.`A`,`sh_d`.`B`",
        ),
        ("TRUNCATE t", "TRUNCATE `sh_db`.`T`"),
        (
            "CREATE UNIQUE INDEX t ON t (t)",
            "CREATE UNIQUE INDEX t ON `sh_db`.`T` (t)",
        ),
        ("DROP INDEX t ON t", "DROP INDEX t ON `sh_db`.`T`"),
        (
            "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE d.s",
            "ALTER TABLE `sh_db`.`T` EXCHANGE PARTITION p WITH TABLE `sh_d`.`S`",
        ),
        ("CREATE DATABASE d", "CREATE DATABASE `sh_d`"),
        (
            "DROP SCHEMA IF EXISTS `d``e`",
            "DROP SCHEMA IF EXISTS `sh_d``e`",
        ),
        (
            "ALTER DATABASE d CHARSET latin1",
            "ALTER DATABASE `sh_d` CHARSET latin1",
        ),
        (
            "ALTER DATABASE CHARACTER SET latin1",
            "ALTER DATABASE `sh_db`  CHARACTER SET latin1",
        ),
        (
            "ALTER DATABASE charset CHARACTER SET latin1",
            "ALTER DATABASE `sh_charset` CHARACTER SET latin1",
        ),
        (
            "CREATE TABLE `日``本` (`é` INT)",
            "CREATE TABLE `sh_db`.`日``本` (`é` INT)",
        ),
        (
            "CREATE TABLE t/*x*/(a INT)",
            "CREATE TABLE `sh_db`.`T`/*x*/(a INT)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(shadow(text, &MYSQL), expected);
    }
}

#[test]
fn ansi_quotes_make_names() {
    let ansi = Context {
        ansi_quotes: true,
        ..MYSQL
    };
    assert_eq!(
        shadow(r#"DROP TABLE "a""b"."c""#, &ansi),
        r#"DROP TABLE `sh_a"b`.`C`"#
    );
    assert!(dm_ddl::parse(r#"DROP TABLE "a""#, &MYSQL).is_err());
    let text = r#"CREATE TABLE "t" ("a" INT DEFAULT 'x' COMMENT 'it\'s')"#;
    assert_eq!(
        shadow(text, &ansi),
        r#"CREATE TABLE `sh_db`.`T` ("a" INT DEFAULT 'x' COMMENT 'it\'s')"#
    );
}

#[test]
fn no_backslash_escapes_end_strings_earlier() {
    let plain = Context {
        no_backslash_escapes: true,
        ..MYSQL
    };
    let text = r"CREATE TABLE t (a INT COMMENT 'x\', b INT COMMENT ', c INT')";
    let columns = |context| match one(text, context).kind() {
        Kind::CreateTable(create) => create.items.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(columns(&plain), 2);
    let text = r"CREATE TABLE t (a INT COMMENT 'x\', b INT COMMENT ')";
    assert!(
        matches!(one(text, &MYSQL).kind(), Kind::CreateTable(create) if create.items.len() == 1)
    );
}

#[test]
fn without_a_database_names_stay_unqualified() {
    let none = Context {
        default_schema: None,
        ..MYSQL
    };
    let statement = one("DROP TABLE a, d.b", &none);
    let mut same = |schema: &str, table: &str| (schema.to_owned(), table.to_owned());
    assert_eq!(
        statement.rewrite(&mut same, &mut str::to_owned),
        "DROP TABLE `a`, `d`.`b`"
    );
}

/// Rewriting to the same names keeps the meaning, and every byte outside the names.
#[test]
fn identity_mapping_is_a_round_trip() {
    for (texts, context) in [(MYSQL_STATEMENTS, &MYSQL), (MARIADB_STATEMENTS, &MARIADB)] {
        for text in texts {
            let statement = one(text, context);
            let mut same = |schema: &str, table: &str| (schema.to_owned(), table.to_owned());
            let rewritten = statement.rewrite(&mut same, &mut str::to_owned);
            let again = one(&rewritten, context);
            assert_eq!(again.tables(), statement.tables(), "{text}");
            assert_eq!(
                without_spans(again.kind()),
                without_spans(statement.kind()),
                "{text}"
            );
            assert_eq!(outside(&again), outside(&statement), "{text}");
        }
    }
}

/// The text between names.
fn outside(statement: &dm_ddl::Statement) -> Vec<String> {
    let mut out = Vec::new();
    let mut from = 0;
    for name in statement.names() {
        out.push(statement.text()[from..name.span.start].trim().to_owned());
        from = name.span.end;
    }
    out.push(statement.text()[from..].trim().to_owned());
    out
}

fn without_spans(kind: &Kind) -> Kind {
    let mut kind = kind.clone();
    if let Kind::AlterTable(alter) = &mut kind {
        alter
            .clauses
            .iter_mut()
            .for_each(|clause| clause.span = dm_ddl::Span { start: 0, end: 0 });
    }
    kind
}
