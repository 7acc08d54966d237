//! What the structures at the target say about a DDL that may have been carried out (R23). Pure.

use std::collections::BTreeSet;

use dm_ddl::{Context, Flavor, Kind};
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

/// Whether everything may look the same before and after: tables that change places, or a partition and a table.
pub(super) fn may_look_unchanged(intent: &Intent) -> bool {
    if intent
        .statement
        .to_uppercase()
        .contains("EXCHANGE PARTITION")
    {
        return true;
    }
    // What we send is always qualified and resolved.
    let context = Context {
        default_schema: None,
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: Flavor::Mysql,
        version: 90_700,
    };
    let parsed = dm_ddl::parse(&intent.statement, &context).unwrap_or_default();
    let Some(Kind::RenameTable { pairs, .. }) = parsed.first().map(|statement| statement.kind())
    else {
        return false;
    };
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
