//! Executable comments mean what they meant to the source's server.

use dm_ddl::{Context, Kind};

use crate::{MARIADB, MYSQL, MYSQL_57, kind, one};

fn resolved(text: &str, context: &Context<'_>) -> String {
    let text = one(text, context).resolved();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn resolved_text_follows_the_source() {
    let text = "CREATE TABLE t (a INT /*!80023 INVISIBLE */ /*M!100301 COMPRESSED */ /*T! AUTO_RANDOM */, b INT /* kept */)";
    assert_eq!(
        resolved(text, &MYSQL),
        "CREATE TABLE t (a INT INVISIBLE , b INT /* kept */)"
    );
    assert_eq!(
        resolved(text, &MYSQL_57),
        "CREATE TABLE t (a INT , b INT /* kept */)"
    );
    assert_eq!(
        resolved(text, &MARIADB),
        "CREATE TABLE t (a INT COMPRESSED , b INT /* kept */)"
    );
}

#[test]
fn the_temporary_of_a_comment_counts() {
    let text = "DROP /*!40005 TEMPORARY */ TABLE t";
    assert_eq!(
        kind(text, &MYSQL),
        Kind::Ignored {
            what: "temporary table"
        }
    );
    assert_eq!(resolved(text, &MYSQL), "DROP TEMPORARY TABLE t");
    assert_eq!(
        resolved("DROP /*!99999 TEMPORARY */ TABLE t", &MARIADB),
        "DROP TABLE t"
    );
}

#[test]
fn start_transaction_of_create_select_goes() {
    let text = "CREATE TABLE `t` (\n  `a` int NOT NULL DEFAULT '0'\n) START TRANSACTION";
    let statement = one(text, &MYSQL);
    assert!(matches!(statement.kind(), Kind::CreateTable(create) if create.start_transaction));
    assert_eq!(
        resolved(text, &MYSQL),
        "CREATE TABLE `t` ( `a` int NOT NULL DEFAULT '0' )"
    );
}

#[test]
fn rewriting_and_resolving_in_one() {
    let text = "ALTER TABLE /*!50000 d.t */ /*!99999 x */ ADD a INT";
    let mut map = |schema: &str, table: &str| (format!("{schema}2"), table.to_owned());
    let text = one(text, &MYSQL).rewrite_resolved(&mut map, &mut str::to_owned);
    assert_eq!(
        text.split_whitespace().collect::<Vec<_>>().join(" "),
        "ALTER TABLE `d2`.`t` ADD a INT"
    );
}

/// Resolving changes nothing of what the source's server saw.
#[test]
fn resolved_text_means_the_same() {
    use crate::corpus::{MARIADB_STATEMENTS, MYSQL_STATEMENTS};
    for (texts, context) in [(MYSQL_STATEMENTS, &MYSQL), (MARIADB_STATEMENTS, &MARIADB)] {
        for text in texts {
            let statement = one(text, context);
            let again = one(&statement.resolved(), context);
            assert_eq!(again.tables(), statement.tables(), "{text}");
            assert_eq!(again.resolved(), again.text(), "{text}");
        }
    }
}
