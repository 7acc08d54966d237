//! Statements for keyed and keyless tables, what they have to find, and the same outcome as one change after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use dm_ddl::{Context, Flavor, Table};
use dm_model::{BinlogPosition, DmError, TableName, TransactionId, codes, config::OnRowMismatch};
use proptest::prelude::*;

use super::super::{Verdict, encoded::Expect};
use super::{Careful, Encoded, Options, WritePlan, encode};
use crate::sync::{
    decode::Mark,
    schedule::{Keyed, WriteSet},
    transform::{Routed, RoutedItem, RowChange, TablePlan},
    value::Value,
};

fn table(create: &str) -> Table {
    let context = Context {
        default_schema: Some("d"),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: Flavor::Mysql,
        version: 80_400,
    };
    Table::parse_create(create, &context).unwrap()
}

fn write_plan(source: &str, target: &str) -> Result<Arc<WritePlan>, DmError> {
    let plan = TablePlan::new(
        &TableName::new("d", "t"),
        TableName::new("x", "y"),
        &table(source),
    )
    .unwrap();
    WritePlan::new(plan, Some(&table(target)), None)
}

fn plan(create: &str) -> Arc<WritePlan> {
    write_plan(create, create).unwrap()
}

/// One transaction per change.
fn batch(plan: &Arc<WritePlan>, changes: Vec<RowChange>) -> Vec<Keyed> {
    let id = |n: usize| TransactionId {
        end: BinlogPosition::new("f.1".to_owned(), n as u64),
        gtid: None,
    };
    changes
        .into_iter()
        .enumerate()
        .map(|(n, change)| {
            let routed = Routed {
                id: id(n),
                mark: Mark::default(),
                committed_ms: 0,
                items: vec![RoutedItem {
                    table: plan.table.clone(),
                    rows: Arc::new(vec![change]),
                }],
                rows: 1,
                bytes: 1,
            };
            Keyed::new(routed, vec![plan.clone()], &mut WriteSet::default())
        })
        .collect()
}

fn encoded(plan: &Arc<WritePlan>, changes: Vec<RowChange>) -> Encoded {
    encode(
        &batch(plan, changes),
        &Options::default(),
        &Careful::default(),
    )
}

fn carefully(plan: &Arc<WritePlan>, changes: Vec<RowChange>, repair: bool) -> Encoded {
    let mut careful = Careful::default();
    careful.tables.insert(plan.source().clone());
    let options = Options {
        is_mariadb: false,
        repair,
    };
    encode(&batch(plan, changes), &options, &careful)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn ints(values: &[i64]) -> Vec<Value> {
    values.iter().map(|value| Value::Int(*value)).collect()
}

fn insert(values: &[i64]) -> RowChange {
    RowChange::Insert(ints(values))
}

fn delete(values: &[i64]) -> RowChange {
    RowChange::Delete(ints(values))
}

fn update(before: &[i64], after: &[i64]) -> RowChange {
    RowChange::Update {
        before: ints(before),
        after: ints(after),
    }
}

const PAIR: &str = "CREATE TABLE t (a INT PRIMARY KEY, b INT)";

#[test]
fn rows_of_a_kind_become_one_statement() {
    let plan = plan("CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(9), c INT AS (a + 1))");
    let row = |n: i64, value: &str| vec![Value::Int(n), text(value), Value::Null];
    let mut changes: Vec<RowChange> = (1..=3).map(|n| RowChange::Insert(row(n, "it's"))).collect();
    changes.push(RowChange::Delete(row(7, "x")));
    changes.push(RowChange::Delete(row(8, "x")));
    for n in [4, 5] {
        changes.push(RowChange::Update {
            before: row(n, "x"),
            after: row(n, "y"),
        });
    }
    let encoded = encoded(&plan, changes);
    assert_eq!(
        encoded.texts(),
        [
            "DELETE FROM `x`.`y` WHERE `a` IN (7,8)",
            "INSERT INTO `x`.`y`(`a`,`b`) VALUES (4,'y'),(5,'y') ON DUPLICATE KEY UPDATE `a`=VALUES(`a`),`b`=VALUES(`b`)",
            "INSERT INTO `x`.`y`(`a`,`b`) VALUES (1,'it''s'),(2,'it''s'),(3,'it''s')",
        ]
    );
    let expects: Vec<Expect> = encoded.statements.iter().map(|one| one.expect).collect();
    assert_eq!(
        expects,
        [Expect::Rows(2), Expect::Upserted(2), Expect::Rows(3)]
    );
}

#[test]
fn changes_of_a_key_become_one() {
    let encoded = encoded(
        &plan(PAIR),
        vec![
            insert(&[1, 1]),
            update(&[1, 1], &[1, 2]),
            update(&[2, 1], &[2, 5]),
            update(&[2, 5], &[2, 6]),
            insert(&[3, 1]),
            delete(&[3, 1]),
            delete(&[4, 1]),
            insert(&[4, 9]),
            update(&[5, 1], &[5, 2]),
            delete(&[5, 2]),
        ],
    );
    assert_eq!(
        encoded.texts(),
        [
            "DELETE FROM `x`.`y` WHERE `a` IN (5)",
            "DELETE FROM `x`.`y` WHERE `a` IN (3)",
            "INSERT INTO `x`.`y`(`a`,`b`) VALUES (2,6),(4,9) ON DUPLICATE KEY UPDATE `a`=VALUES(`a`),`b`=VALUES(`b`)",
            "INSERT INTO `x`.`y`(`a`,`b`) VALUES (1,2)",
        ]
    );
    assert_eq!(encoded.statements[1].expect, Expect::Rows(0));
}

#[test]
fn a_key_that_moves_keeps_its_place() {
    let plan = plan("CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a))");
    let encoded = encoded(
        &plan,
        vec![
            insert(&[1, 1]),
            update(&[1, 1], &[3, 1]),
            delete(&[3, 1]),
            delete(&[4, 1]),
        ],
    );
    assert_eq!(
        encoded.texts(),
        [
            "INSERT INTO `x`.`y`(`a`,`b`) VALUES (1,1)",
            "UPDATE `x`.`y` SET `a`=3,`b`=1 WHERE `b`=1 AND `a`=1",
            "DELETE FROM `x`.`y` WHERE (`b`=1 AND `a`=3) OR (`b`=1 AND `a`=4)",
        ]
    );
}

#[test]
fn r17_keyless_rows_are_matched_bytewise_and_null_safe_one_by_one() {
    let plan = plan(
        "CREATE TABLE t (a VARCHAR(9) COLLATE utf8mb4_general_ci, b FLOAT, e ENUM('x','y'), j JSON)",
    );
    let row = vec![
        text("Ab"),
        Value::Null,
        Value::UInt(2),
        Value::Json("{}".to_owned()),
    ];
    let changes = vec![RowChange::Delete(row.clone()), RowChange::Delete(row)];
    let statement = "DELETE FROM `x`.`y` WHERE CAST(CONVERT(`a` USING utf8mb4) AS BINARY) = x'4162' AND `b` IS NULL AND CAST(`e` AS UNSIGNED) = 2 \
                     AND `j` = CAST('{}' AS JSON) LIMIT 1";
    assert_eq!(
        encoded(&plan, changes.clone()).texts(),
        [statement, statement]
    );
    let options = Options {
        is_mariadb: true,
        repair: false,
    };
    let encoded = encode(&batch(&plan, changes), &options, &Careful::default());
    assert!(
        encoded.texts()[0]
            .ends_with("CAST(CONVERT(`j` USING utf8mb4) AS BINARY) = x'7b7d' LIMIT 1")
    );
}

#[test]
fn an_upsert_that_could_merge_two_rows_is_not_used() {
    let changes = || vec![update(&[1, 1], &[1, 2]), update(&[2, 1], &[2, 2])];
    for (source, target) in [
        // The target's unique key is not one upstream.
        (
            PAIR,
            "CREATE TABLE t (a INT PRIMARY KEY, b INT, UNIQUE KEY (b))",
        ),
        // The key that finds rows is none at the target.
        (PAIR, "CREATE TABLE t (a INT, b INT, KEY (a))"),
    ] {
        let encoded = encoded(&write_plan(source, target).unwrap(), changes());
        assert!(
            encoded
                .texts()
                .iter()
                .all(|text| text.starts_with("UPDATE")),
            "{target}"
        );
    }
    let texts = "CREATE TABLE t (a VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, b INT)";
    let other = "CREATE TABLE t (a VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, b INT)";
    assert!(plan(texts).shape.upserts);
    assert!(!write_plan(texts, other).unwrap().shape.upserts);
}

#[test]
fn an_update_that_ends_where_it_began_is_looked_for_by_itself() {
    let encoded = encoded(
        &plan(PAIR),
        vec![
            update(&[1, 1], &[1, 2]),
            update(&[1, 2], &[1, 1]),
            update(&[2, 1], &[2, 2]),
        ],
    );
    assert_eq!(
        encoded.texts()[0],
        "UPDATE `x`.`y` SET `a`=1,`b`=1 WHERE `a`=1"
    );
    assert!(encoded.texts()[1].starts_with("INSERT"));
}

#[test]
fn a_row_made_anew_gets_the_defaults_of_the_targets_own_columns() {
    let target = "CREATE TABLE t (a INT PRIMARY KEY, b INT, own INT DEFAULT 7)";
    let encoded = encoded(
        &write_plan(PAIR, target).unwrap(),
        vec![delete(&[1, 1]), insert(&[1, 2])],
    );
    assert_eq!(
        encoded.texts(),
        [
            "DELETE FROM `x`.`y` WHERE `a` IN (1)",
            "INSERT INTO `x`.`y`(`a`,`b`) VALUES (1,2)"
        ]
    );
}

#[test]
fn columns_that_one_side_lacks() {
    let error = |target: &str| write_plan(PAIR, target).unwrap_err();
    let missing = error("CREATE TABLE t (a INT PRIMARY KEY)");
    assert!(
        missing.is(&codes::TARGET_STRUCTURE_DIFFERS) && missing.message.contains("[b]"),
        "{missing}"
    );
    let unfilled = error("CREATE TABLE t (a INT PRIMARY KEY, b INT, own INT NOT NULL)");
    assert!(unfilled.message.contains("[own]"), "{unfilled}");
    let computed =
        write_plan(PAIR, "CREATE TABLE t (a INT PRIMARY KEY, b INT AS (a + 1))").unwrap();
    assert_eq!(
        encoded(&computed, vec![insert(&[1, 2])]).texts(),
        ["INSERT INTO `x`.`y`(`a`) VALUES (1)"]
    );
}

#[test]
fn labels_become_text_where_the_target_has_no_enum() {
    let plan = write_plan(
        "CREATE TABLE t (a INT PRIMARY KEY, e ENUM('2','it''s'), s SET('x','y','z'))",
        "CREATE TABLE t (a INT PRIMARY KEY, e VARCHAR(9), s TEXT)",
    )
    .unwrap();
    let row = |e, s| RowChange::Insert(vec![Value::Int(1), Value::UInt(e), Value::UInt(s)]);
    assert_eq!(
        encoded(&plan, vec![row(2, 5)]).texts(),
        ["INSERT INTO `x`.`y`(`a`,`e`,`s`) VALUES (1,'it''s','x,z')"]
    );
    assert!(encoded(&plan, vec![row(0, 0)]).texts()[0].ends_with("(1,'','')"));
}

fn verdict(encoded: &Encoded, found: &[u64], careful: &Careful, mode: OnRowMismatch) -> Verdict {
    encoded.judge(found, careful, mode)
}

#[test]
fn a_count_over_many_rows_that_is_off_is_looked_at_row_by_row() {
    let plan = plan(PAIR);
    let changes = || vec![update(&[1, 1], &[1, 2]), update(&[2, 1], &[2, 2])];
    let together = encoded(&plan, changes());
    let none = Careful::default();
    assert!(
        matches!(verdict(&together, &[4], &none, OnRowMismatch::Count), Verdict::Commit(missed) if missed.is_empty())
    );
    // One of the rows was missing.
    let Verdict::Again(careful) = verdict(&together, &[3], &none, OnRowMismatch::Count) else {
        panic!("an upsert made a row that should have been there");
    };
    let singly = encode(&batch(&plan, changes()), &Options::default(), &careful);
    assert_eq!(singly.texts().len(), 2);
    let Verdict::Commit(missed) = verdict(&singly, &[1, 0], &careful, OnRowMismatch::Count) else {
        panic!("counted");
    };
    assert_eq!((missed.len(), missed[0].transaction), (1, 1));
    assert!(missed[0].what.contains("WHERE `a`=2"), "{}", missed[0].what);
    let stopped = verdict(&singly, &[1, 0], &careful, OnRowMismatch::Strict);
    assert!(
        matches!(stopped, Verdict::Stop(table, error) if table.table == "t" && error.is(&codes::ROW_MISMATCH))
    );
}

#[test]
fn repair_writes_the_after_image_and_counts() {
    let plan = plan(PAIR);
    let changes = || vec![update(&[1, 1], &[1, 2]), insert(&[2, 2]), delete(&[3, 3])];
    let singly = carefully(&plan, changes(), true);
    assert_eq!(
        singly.texts()[1],
        "REPLACE INTO `x`.`y`(`a`,`b`) VALUES (2,2)"
    );
    let mut careful = Careful::default();
    careful.tables.insert(plan.source().clone());
    let Verdict::Again(careful) = verdict(&singly, &[0, 2, 0], &careful, OnRowMismatch::Repair)
    else {
        panic!("nothing is repaired yet");
    };
    let options = Options {
        is_mariadb: false,
        repair: true,
    };
    let repaired = encode(&batch(&plan, changes()), &options, &careful);
    assert_eq!(
        repaired.texts(),
        [
            "DELETE FROM `x`.`y` WHERE `a`=1",
            "REPLACE INTO `x`.`y`(`a`,`b`) VALUES (1,2)",
            "REPLACE INTO `x`.`y`(`a`,`b`) VALUES (2,2)",
            "DELETE FROM `x`.`y` WHERE `a`=3",
        ]
    );
    let Verdict::Commit(missed) =
        verdict(&repaired, &[0, 1, 2, 0], &careful, OnRowMismatch::Repair)
    else {
        panic!("repaired");
    };
    assert_eq!(missed.len(), 3);
}

#[test]
fn a_refused_statement_over_many_rows_is_tried_row_by_row() {
    let plan = plan(PAIR);
    let changes = || vec![insert(&[1, 1]), insert(&[2, 2])];
    let refused = || {
        DmError::new(&codes::DB_EXECUTE_FAILED, "no")
            .with_cause("Error 1062 (23000): Duplicate entry")
    };
    let together = encoded(&plan, changes());
    let Some(Verdict::Again(careful)) =
        together.refused(0, refused(), &Careful::default(), OnRowMismatch::Count)
    else {
        panic!("tried again");
    };
    let singly = encode(&batch(&plan, changes()), &Options::default(), &careful);
    let Some(Verdict::Stop(table, error)) =
        singly.refused(1, refused(), &careful, OnRowMismatch::Count)
    else {
        panic!("stopped");
    };
    assert!(
        table.table == "t" && error.to_string().contains("(2,2)"),
        "{error}"
    );
    let Some(Verdict::Again(careful)) =
        singly.refused(1, refused(), &careful, OnRowMismatch::Repair)
    else {
        panic!("repaired");
    };
    assert_eq!(careful.repaired.len(), 1);
}

/// A table in memory with a primary key `a` and perhaps a unique key over `b`, which knows the statements that we write.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    rows: BTreeMap<i64, (i64, i64)>,
    b_is_unique: bool,
}

impl Model {
    /// Rows that a statement counts, or `None` for a duplicate.
    fn run(&mut self, sql: &str) -> Option<u64> {
        let numbers = |text: &str| -> Vec<i64> {
            text.split(|c: char| !c.is_ascii_digit())
                .filter_map(|part| part.parse().ok())
                .collect()
        };
        if let Some((_, keys)) = sql.split_once("DELETE FROM `x`.`y` WHERE ") {
            let found = numbers(keys)
                .iter()
                .filter(|key| self.rows.remove(key).is_some())
                .count();
            return Some(found as u64);
        }
        if let Some((_, rest)) = sql.split_once("UPDATE `x`.`y` SET ") {
            let [a, b, c, key] = numbers(rest)[..] else {
                panic!("{sql}")
            };
            if self.rows.remove(&key).is_none() {
                return Some(0);
            }
            return self.put(a, (b, c)).then_some(1);
        }
        let (rows, upsert) = match sql.split_once(" ON DUPLICATE") {
            Some((rows, _)) => (rows, true),
            None => (sql, false),
        };
        let (_, rows) = rows.split_once("VALUES ").unwrap();
        let mut count = 0;
        for row in numbers(rows).chunks(3) {
            let [a, b, c] = *row else { panic!("{sql}") };
            let old = if upsert { self.rows.remove(&a) } else { None };
            count += match old {
                Some(old) if old != (b, c) => 2,
                _ => 1,
            };
            if !self.put(a, (b, c)) {
                return None;
            }
        }
        Some(count)
    }

    fn put(&mut self, a: i64, (b, c): (i64, i64)) -> bool {
        let taken = |(other, _): &(i64, i64)| self.b_is_unique && *other == b;
        if self.rows.contains_key(&a) || self.rows.values().any(taken) {
            return false;
        }
        self.rows.insert(a, (b, c));
        true
    }

    /// Changes that upstream may make from here: each is legal when it is made.
    fn change(&mut self, choice: (u8, i64, i64, i64)) -> Option<RowChange> {
        let (kind, a, b, c) = choice;
        let mut next = self.clone();
        let made = match (kind % 4, self.rows.get(&a).copied()) {
            (0, None) => next.put(a, (b, c)).then(|| insert(&[a, b, c])),
            (1, Some((old_b, old_c))) => {
                next.rows.remove(&a);
                Some(delete(&[a, old_b, old_c]))
            }
            // Everything but the primary key may change, the second unique key included.
            (2, Some((old_b, old_c))) => {
                let b = if c % 2 == 0 { old_b } else { b };
                next.rows.remove(&a);
                next.put(a, (b, c))
                    .then(|| update(&[a, old_b, old_c], &[a, b, c]))
            }
            // The primary key moves.
            (3, Some((old_b, old_c))) => {
                next.rows.remove(&a);
                next.put(b, (old_b, c))
                    .then(|| update(&[a, old_b, old_c], &[b, old_b, c]))
            }
            _ => None,
        };
        if made.is_some() {
            *self = next;
        }
        made
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What a batch comes to is what its changes come to one after the other, and every count is as expected, so nothing
    /// is reported that did not happen.
    #[test]
    fn a_folded_batch_equals_its_changes_in_order(
        before in proptest::collection::btree_map(0i64..6, 0i64..100, 0..6),
        choices in proptest::collection::vec((any::<u8>(), 0i64..6, 0i64..6, 0i64..4), 0..40),
        second in any::<bool>(),
    ) {
        let create = if second {
            "CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT, UNIQUE KEY (b))"
        } else {
            "CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT)"
        };
        let mut source = Model { b_is_unique: second, ..Model::default() };
        for (n, (a, c)) in before.into_iter().enumerate() {
            source.rows.insert(a, (n as i64, c));
        }
        let mut target = source.clone();
        let changes: Vec<RowChange> = choices.into_iter().filter_map(|choice| source.change(choice)).collect();
        let encoded = encoded(&plan(create), changes);
        for (statement, text) in encoded.statements.iter().zip(encoded.texts()) {
            let found = target.run(text);
            prop_assert!(found.is_some(), "duplicate in {text}");
            let verdict = match statement.expect {
                Expect::Rows(rows) => found == Some(rows),
                Expect::Upserted(rows) => found == Some(rows * 2),
            };
            prop_assert!(verdict, "{text} finds {found:?}");
        }
        prop_assert_eq!(target, source);
    }
}
