//! What the structures at the target say about a DDL that may have been carried out (R23). Pure.

use std::collections::BTreeSet;

use dm_ddl::{AlterSpec, AlterTable, Context, Flavor, Kind, Statement};
use dm_model::TableName;

use crate::sync::meta::Intent;

/// Structures without what the server changes by itself.
pub(super) fn comparable(structures: &[(String, Option<String>)]) -> Vec<(String, Option<String>)> {
    let plain = |text: &String| {
        let Some(at) = text.rfind(" AUTO_INCREMENT=") else {
            return text.clone();
        };
        let (head, tail) = text.split_at(at);
        let rest = tail
            .trim_start_matches(" AUTO_INCREMENT=")
            .trim_start_matches(|digit: char| digit.is_ascii_digit());
        format!("{head}{rest}")
    };
    structures
        .iter()
        .map(|(name, text)| (name.clone(), text.as_ref().map(plain)))
        .collect()
}

/// The statement of an intent. What we send is always qualified and resolved.
fn parsed(intent: &Intent) -> Option<Statement> {
    let context = Context {
        default_schema: None,
        ansi_quotes: intent.ansi_quotes,
        no_backslash_escapes: intent.no_backslash_escapes,
        flavor: Flavor::Mysql,
        version: 90_700,
    };
    let mut parsed = dm_ddl::parse(&intent.statement, &context).unwrap_or_default();
    (parsed.len() == 1).then(|| parsed.pop()).flatten()
}

/// Whether the statement leaves no trace in the structures and may simply run again: nothing of its tables was applied since.
pub(super) fn runs_again(intent: &Intent) -> bool {
    match parsed(intent).as_ref().map(Statement::kind) {
        Some(
            Kind::TruncateTable { .. }
            | Kind::CreateDatabase { .. }
            | Kind::AlterDatabase { .. }
            | Kind::DropDatabase { .. },
        ) => true,
        // It empties the table although the definition may be equal.
        Some(Kind::CreateTable(create)) => create.or_replace,
        Some(Kind::CreateTableLike { or_replace, .. }) => *or_replace,
        _ => false,
    }
}

/// Whether everything may look the same before and after: tables or columns that change places, or a partition and a table.
pub(super) fn may_look_unchanged(intent: &Intent) -> bool {
    let statement = parsed(intent);
    match statement.as_ref().map(Statement::kind) {
        Some(Kind::RenameTable { pairs, .. }) => {
            let before: BTreeSet<String> = intent
                .before
                .iter()
                .filter(|(_, text)| text.is_some())
                .map(|(name, _)| name.clone())
                .collect();
            let mut after = before.clone();
            for (old, new) in pairs {
                after.remove(&TableName::new(old.schema.clone(), old.table.clone()).to_string());
                after.insert(TableName::new(new.schema.clone(), new.table.clone()).to_string());
            }
            after == before
        }
        Some(Kind::AlterTable(alter)) => {
            alter.clauses.iter().any(|clause| {
                matches!(
                    &clause.spec,
                    AlterSpec::PartitionOperation {
                        exchanged: Some(_),
                        ..
                    }
                )
            }) || renames_in_circle(alter)
        }
        Some(_) => false,
        None => intent
            .statement
            .to_uppercase()
            .contains("EXCHANGE PARTITION"),
    }
}

/// Columns that take each other's names.
fn renames_in_circle(alter: &AlterTable) -> bool {
    let renames: Vec<(String, String)> = alter
        .clauses
        .iter()
        .filter_map(|clause| match &clause.spec {
            AlterSpec::ChangeColumn { old, column, .. } => {
                Some((old.to_lowercase(), column.name.to_lowercase()))
            }
            AlterSpec::RenameColumn { old, new, .. } => {
                Some((old.to_lowercase(), new.to_lowercase()))
            }
            _ => None,
        })
        .filter(|(old, new)| old != new)
        .collect();
    renames
        .iter()
        .any(|(_, new)| renames.iter().any(|(old, _)| old == new))
}

/// What the tables' own ids say, where the target has them: `None` when they can't tell.
pub(super) fn ids_differ(before: &[Option<u64>], now: &[Option<u64>]) -> Option<bool> {
    if before.len() != now.len() || before.is_empty() {
        return None;
    }
    let known = before
        .iter()
        .zip(now)
        .all(|(before, now)| before.is_some() == now.is_some());
    let some = before.iter().any(Option::is_some);
    (known && some).then(|| before != now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(statement: &str, there: &[&str], free: &[&str]) -> Intent {
        let there = there
            .iter()
            .map(|name| ((*name).to_owned(), Some("x".to_owned())));
        let free = free.iter().map(|name| ((*name).to_owned(), None));
        Intent {
            transaction: "t".to_owned(),
            index: 0,
            connection: 0,
            server: String::new(),
            statement: statement.to_owned(),
            before: there.chain(free).collect(),
            ..Intent::default()
        }
    }

    #[test]
    fn r23_only_a_swap_leaves_no_trace() {
        let swap = "RENAME TABLE `d`.`a` TO `d`.`x`, `d`.`b` TO `d`.`a`, `d`.`x` TO `d`.`b`";
        assert!(may_look_unchanged(&intent(
            swap,
            &["`d`.`a`", "`d`.`b`"],
            &["`d`.`x`"]
        )));
        let shift = "RENAME TABLE `d`.`a` TO `d`.`x`, `d`.`b` TO `d`.`a`";
        assert!(!may_look_unchanged(&intent(
            shift,
            &["`d`.`a`", "`d`.`b`"],
            &["`d`.`x`"]
        )));
        let exchange = "ALTER TABLE `d`.`a` EXCHANGE PARTITION p WITH TABLE `d`.`b`";
        assert!(may_look_unchanged(&intent(
            exchange,
            &["`d`.`a`", "`d`.`b`"],
            &[]
        )));
        assert!(!may_look_unchanged(&intent(
            "ALTER TABLE `d`.`a` ADD c INT",
            &["`d`.`a`"],
            &[]
        )));
    }

    #[test]
    fn r23_columns_that_change_places_leave_no_trace() {
        let circle = "ALTER TABLE `d`.`a` CHANGE x y INT, CHANGE y x INT";
        assert!(may_look_unchanged(&intent(circle, &["`d`.`a`"], &[])));
        let circle = "ALTER TABLE `d`.`a` RENAME COLUMN x TO y, RENAME COLUMN y TO x";
        assert!(may_look_unchanged(&intent(circle, &["`d`.`a`"], &[])));
        let plain = "ALTER TABLE `d`.`a` CHANGE x y INT, MODIFY z INT";
        assert!(!may_look_unchanged(&intent(plain, &["`d`.`a`"], &[])));
    }

    #[test]
    fn r23_or_replace_runs_again_like_truncate() {
        for again in [
            "TRUNCATE TABLE `d`.`a`",
            "CREATE OR REPLACE TABLE `d`.`a` (id INT)",
            "CREATE DATABASE `d`",
        ] {
            assert!(runs_again(&intent(again, &[], &[])), "{again}");
        }
        assert!(!runs_again(&intent(
            "CREATE TABLE `d`.`a` (id INT)",
            &[],
            &[]
        )));
        assert!(!runs_again(&intent("DROP TABLE `d`.`a`", &[], &[])));
    }

    #[test]
    fn r23_the_tables_own_ids_tell_a_swap() {
        assert_eq!(
            ids_differ(&[Some(1), Some(2), None], &[Some(2), Some(1), None]),
            Some(true)
        );
        assert_eq!(
            ids_differ(&[Some(1), Some(2), None], &[Some(1), Some(2), None]),
            Some(false)
        );
        assert_eq!(ids_differ(&[None, None], &[None, None]), None);
        assert_eq!(ids_differ(&[], &[]), None);
        assert_eq!(ids_differ(&[Some(1)], &[None]), None);
    }

    #[test]
    fn r23_a_counter_is_no_structure() {
        let with = |text: &str| vec![("`d`.`a`".to_owned(), Some(text.to_owned()))];
        assert_eq!(
            comparable(&with(
                "CREATE TABLE `a` (x) ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4"
            )),
            comparable(&with(
                "CREATE TABLE `a` (x) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
            ))
        );
    }
}
