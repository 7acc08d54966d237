//! Where tables meet: two that become one, and a table that would be written onto itself.

use super::finding::Finding;
use super::tables::SourceTable;
use super::target::TargetFacts;
use dm_model::{SourceId, TableName, codes};
use std::collections::BTreeMap;

/// One source as far as this check needs it.
pub(super) struct SourceSide<'a> {
    pub(super) source: &'a SourceId,
    pub(super) uuid: &'a str,
    pub(super) tables: &'a [SourceTable],
}

/// Looks at all sources of a task together.
pub(super) fn check(sides: &[SourceSide<'_>], target: &TargetFacts, address: &str) -> Finding {
    let mut finding = Finding::new(
        "route check",
        "check whether every source table has a target table of its own, or rows that tell their origin",
        address,
    );
    let mut owners: BTreeMap<TableName, Vec<(String, Option<&str>)>> = BTreeMap::new();
    for side in sides {
        for table in side.tables {
            let owner = format!("{} of {}", table.name, side.source);
            owners
                .entry(folded(&table.target, target.folds_case))
                .or_default()
                .push((owner, table.origin.as_deref()));
            if side.uuid == target.uuid
                && folded(&table.name, target.folds_case)
                    == folded(&table.target, target.folds_case)
            {
                finding.fail(
                    format!("{} of {} would be written onto itself: source and target are the same server", table.name, side.source),
                    "Use another target, or route the table to another name.",
                );
            }
        }
    }
    for (table, owners) in owners.iter().filter(|(_, owners)| owners.len() > 1) {
        if let Some(reason) = indistinct(owners) {
            finding.fail(
                format!(
                    "[code={}] {} source tables are routed to {table}, and {reason}",
                    codes::MERGE_NOT_YET_SUPPORTED.code,
                    owners.len(),
                ),
                codes::MERGE_NOT_YET_SUPPORTED.workaround,
            );
        }
    }
    finding
}

/// Why the rows of tables with one target can't be told apart there; `None` when they can.
pub(super) fn indistinct(owners: &[(String, Option<&str>)]) -> Option<String> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (owner, origin) in owners {
        let Some(origin) = origin else {
            let all: Vec<&str> = owners.iter().map(|(owner, _)| owner.as_str()).collect();
            return Some(format!("nothing tells whose a row is: {}", all.join(", ")));
        };
        if let Some(other) = seen.insert(origin, owner) {
            return Some(format!(
                "rows of {other} and of {owner} have the same origin {origin}"
            ));
        }
    }
    None
}

fn folded(name: &TableName, folds_case: bool) -> TableName {
    if folds_case {
        TableName::new(name.schema.to_lowercase(), name.table.to_lowercase())
    } else {
        name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    fn target(folds_case: bool) -> TargetFacts {
        TargetFacts {
            folds_case,
            uuid: "t".into(),
            ..TargetFacts::default()
        }
    }

    fn severity(tables: &[SourceTable], uuid: &str, folds_case: bool) -> Severity {
        let source = SourceId::new("s").expect("valid");
        check(
            &[SourceSide {
                source: &source,
                uuid,
                tables,
            }],
            &target(folds_case),
            "h:1",
        )
        .severity()
    }

    #[test]
    fn every_table_needs_a_target_of_its_own() {
        let apart = [
            SourceTable::for_test("a", "t", ("x", "t")),
            SourceTable::for_test("a", "T", ("x", "T")),
        ];
        assert_eq!(severity(&apart, "s", false), Severity::Success);
        assert_eq!(severity(&apart, "s", true), Severity::Fail);
        let merged = [
            SourceTable::for_test("a", "t1", ("x", "t")),
            SourceTable::for_test("a", "t2", ("x", "t")),
        ];
        assert_eq!(severity(&merged, "s", false), Severity::Fail);
        let [one, two] = merged;
        let told = [one.clone().with_origin("1"), two.clone().with_origin("2")];
        assert_eq!(severity(&told, "s", false), Severity::Success);
        let same = [one.clone().with_origin("1"), two.clone().with_origin("1")];
        assert_eq!(severity(&same, "s", false), Severity::Fail);
        let half = [one.with_origin("1"), two];
        assert_eq!(severity(&half, "s", false), Severity::Fail);
    }

    #[test]
    fn a_table_is_not_written_onto_itself() {
        let same = [SourceTable::for_test("a", "t", ("a", "t"))];
        assert_eq!(severity(&same, "t", false), Severity::Fail);
        assert_eq!(severity(&same, "s", false), Severity::Success);
        let moved = [SourceTable::for_test("a", "t", ("b", "t"))];
        assert_eq!(severity(&moved, "t", false), Severity::Success);
    }
}
