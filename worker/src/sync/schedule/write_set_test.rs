//! What changes have in common.

use std::sync::Arc;

use dm_ddl::{Context, Flavor, Table};
use dm_model::TableName;

use super::{KeyPlan, RowKey, WriteSet};
use crate::sync::{
    transform::{RowChange, TablePlan},
    value::Value,
};

fn table(create: &str) -> Table {
    let context = Context {
        default_schema: Some("d"),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: Flavor::Mysql,
        version: 90_700,
    };
    Table::parse_create(create, &context).unwrap()
}

fn plan(create: &str) -> Arc<TablePlan> {
    TablePlan::new(
        &TableName::new("d", "t"),
        TableName::new("x", "y"),
        &table(create),
    )
    .unwrap()
}

fn keys(source: &str, target: &str) -> KeyPlan {
    KeyPlan::new(&plan(source), Some(&table(target)), None)
}

fn set(keys: &KeyPlan, changes: &[RowChange]) -> WriteSet {
    let mut set = WriteSet::default();
    for change in changes {
        keys.add(change, &mut set);
    }
    set.finish();
    set
}

fn insert(values: &[i64]) -> RowChange {
    RowChange::Insert(row(values))
}

fn row(values: &[i64]) -> Vec<Value> {
    values.iter().map(|value| Value::Int(*value)).collect()
}

fn meet(one: &WriteSet, other: &WriteSet) -> bool {
    one.keys
        .iter()
        .any(|hash| other.keys.contains(hash) || other.after.contains(hash))
        || one.after.iter().any(|hash| other.keys.contains(hash))
        || one.barrier
        || other.barrier
}

const PLAIN: &str = "CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT, UNIQUE KEY (b))";

#[test]
fn r16_every_unique_key_of_both_images_counts() {
    let keys = keys(PLAIN, PLAIN);
    let moved = set(
        &keys,
        &[RowChange::Update {
            before: row(&[1, 2, 3]),
            after: row(&[1, 5, 3]),
        }],
    );
    for (other, meets) in [
        (insert(&[1, 9, 0]), true),
        (insert(&[8, 2, 0]), true),
        (RowChange::Delete(row(&[8, 5, 0])), true),
        (insert(&[2, 1, 3]), false),
    ] {
        assert_eq!(
            meet(&moved, &set(&keys, std::slice::from_ref(&other))),
            meets,
            "{other:?}"
        );
    }
    let same = RowChange::Update {
        before: row(&[1, 2, 3]),
        after: row(&[1, 2, 4]),
    };
    let mut one = WriteSet::default();
    assert!(matches!(keys.add(&same, &mut one), RowKey::Same(_)));
    assert_eq!(one.keys.len(), 2);
}

#[test]
fn r16_a_key_that_cannot_be_computed_makes_the_table_serial() {
    for target in [
        "CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT, UNIQUE KEY ((b + c)))",
        "CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT, d INT DEFAULT 7, UNIQUE KEY (d, b))",
        "CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT, g INT AS (b * 2), UNIQUE KEY (g))",
    ] {
        let keys = keys("CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT)", target);
        assert!(
            meet(
                &set(&keys, &[insert(&[1, 1, 1])]),
                &set(&keys, &[insert(&[2, 2, 2])])
            ),
            "{target}"
        );
    }
    let unread = KeyPlan::new(&plan(PLAIN), None, None);
    assert!(meet(
        &set(&unread, &[insert(&[1, 1, 1])]),
        &set(&unread, &[insert(&[2, 2, 2])])
    ));
}

#[test]
fn r16_keys_of_either_side_count() {
    // The target replaced the primary key, as merged tables do.
    let keys = keys(
        "CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT)",
        "CREATE TABLE t (a INT, b INT, c INT, PRIMARY KEY (a, c), UNIQUE KEY (b))",
    );
    let one = set(&keys, &[insert(&[1, 2, 3])]);
    assert!(
        meet(&one, &set(&keys, &[insert(&[1, 7, 7])])),
        "the source's key finds rows"
    );
    assert!(
        meet(&one, &set(&keys, &[insert(&[8, 2, 8])])),
        "the target's key collides"
    );
    assert!(!meet(&one, &set(&keys, &[insert(&[8, 8, 3])])));
}

#[test]
fn r17_rows_without_a_complete_key_share_a_token() {
    let create = "CREATE TABLE t (a INT, b INT, c INT, UNIQUE KEY (a), UNIQUE KEY (b))";
    let keys = keys(create, create);
    let none = RowChange::Insert(vec![Value::Null, Value::Null, Value::Int(1)]);
    let other = RowChange::Delete(vec![Value::Null, Value::Null, Value::Int(2)]);
    let keyed = RowChange::Insert(vec![Value::Int(1), Value::Null, Value::Int(2)]);
    let short = RowChange::Insert(vec![Value::Int(1)]);
    let of = |change: &RowChange| set(&keys, std::slice::from_ref(change));
    assert!(meet(&of(&none), &of(&other)));
    assert!(
        meet(&of(&short), &of(&none)),
        "an image that lacks a key column"
    );
    assert!(!meet(&of(&keyed), &of(&none)));
    let keyless = "CREATE TABLE t (a INT, b INT, c INT)";
    let keys = self::keys(keyless, keyless);
    assert!(meet(
        &set(&keys, &[insert(&[1, 1, 1])]),
        &set(&keys, &[insert(&[2, 2, 2])])
    ));
}

#[test]
fn r18_a_foreign_key_group_is_serial() {
    let group = TableName::new("x", "parent");
    let keys = KeyPlan::new(&plan(PLAIN), Some(&table(PLAIN)), Some(&group));
    assert!(meet(
        &set(&keys, &[insert(&[1, 1, 1])]),
        &set(&keys, &[insert(&[2, 2, 2])])
    ));
}

#[test]
fn r16_a_text_that_may_equal_any_other_meets_all_of_its_table() {
    let create = "CREATE TABLE t (a VARCHAR(9) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY)";
    let keys = keys(create, create);
    let of = |text: &str| {
        set(
            &keys,
            &[RowChange::Insert(vec![Value::Text(text.to_owned())])],
        )
    };
    assert!(meet(&of("ABC"), &of("abc")));
    assert!(!meet(&of("ABC"), &of("abd")));
    let wild = of("é");
    assert!(wild.barrier);
    assert!(of("e").after.iter().any(|hash| wild.keys.contains(hash)));
}

#[test]
fn order_and_name_of_a_key_do_not_matter() {
    let keys = keys(
        "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b))",
        "CREATE TABLE t (A INT, B INT, UNIQUE KEY other (B, A), PRIMARY KEY (A, B))",
    );
    assert_eq!(set(&keys, &[insert(&[1, 2])]).keys.len(), 1);
    assert!(!meet(
        &set(&keys, &[insert(&[1, 2])]),
        &set(&keys, &[insert(&[2, 1])])
    ));
}
