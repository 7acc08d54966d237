//! Statements for keyed and keyless tables.

use std::sync::Arc;

use dm_ddl::{Context, Flavor, Table};
use dm_model::TableName;

use super::{Encoder, TablePlan};
use crate::sync::{transform::RowChange, value::Value};

fn plan(create: &str) -> Arc<TablePlan> {
    let context = Context {
        default_schema: Some("d"),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: Flavor::Mysql,
        version: 80_400,
    };
    let structure = Table::parse_create(create, &context).unwrap();
    TablePlan::new(
        &TableName::new("d", "t"),
        TableName::new("x", "y"),
        &structure,
    )
    .unwrap()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[test]
fn runs_of_inserts_become_one_statement() {
    let plan = plan("CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(9), c INT AS (a + 1))");
    let mut encoder = Encoder::new(false);
    for n in 1..=3 {
        encoder.change(
            &plan,
            &RowChange::Insert(vec![Value::Int(n), text("it's"), Value::Null]),
        );
    }
    encoder.change(
        &plan,
        &RowChange::Delete(vec![Value::Int(2), text("it's"), Value::Null]),
    );
    assert_eq!(
        encoder.statements,
        [
            "INSERT INTO `x`.`y` (`a`, `b`) VALUES (1,'it''s'), (2,'it''s'), (3,'it''s')",
            "DELETE FROM `x`.`y` WHERE `a` = 2 LIMIT 1"
        ]
    );
    assert_eq!(
        encoder
            .expects
            .iter()
            .map(|expect| expect.rows)
            .collect::<Vec<_>>(),
        [3, 1]
    );
}

#[test]
fn r17_keyless_rows_are_matched_bytewise_and_null_safe() {
    let plan = plan(
        "CREATE TABLE t (a VARCHAR(9) COLLATE utf8mb4_general_ci, b FLOAT, e ENUM('x','y'), j JSON)",
    );
    let mut encoder = Encoder::new(false);
    let row = vec![
        text("Ab"),
        Value::Null,
        Value::UInt(2),
        Value::Json("{}".to_owned()),
    ];
    encoder.change(&plan, &RowChange::Delete(row.clone()));
    assert_eq!(
        encoder.statements,
        [
            "DELETE FROM `x`.`y` WHERE CAST(CONVERT(`a` USING utf8mb4) AS BINARY) = x'4162' AND `b` IS NULL AND CAST(`e` AS UNSIGNED) = 2 \
          AND `j` = CAST('{}' AS JSON) LIMIT 1"
        ]
    );
    let mut encoder = Encoder::new(true);
    encoder.change(&plan, &RowChange::Delete(row));
    assert!(
        encoder.statements[0]
            .ends_with("CAST(CONVERT(`j` USING utf8mb4) AS BINARY) = x'7b7d' LIMIT 1")
    );
}

#[test]
fn a_key_change_finds_the_old_key() {
    let plan = plan("CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a))");
    let mut encoder = Encoder::new(false);
    encoder.change(
        &plan,
        &RowChange::Update {
            before: vec![Value::Int(1), Value::Int(2)],
            after: vec![Value::Int(3), Value::Int(2)],
        },
    );
    assert_eq!(
        encoder.statements,
        ["UPDATE `x`.`y` SET `a` = 3, `b` = 2 WHERE `b` = 2 AND `a` = 1 LIMIT 1"]
    );
}
