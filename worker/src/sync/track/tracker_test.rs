//! Which statements are due, what they do to structures, and what has to stop.

use dm_ddl::{Context, Table};
use dm_model::{
    BinlogPosition, BlockAllowList, EventPlace, Flavor, Operator, OperatorAction, Position,
    TableName, TransactionId, config::BlockAllowRule,
};

use std::sync::Arc;

use super::{TableFault, Tracker};
use crate::sync::{
    decode::{Item, Mark, Part, StatementText, Transaction},
    operators::Operators,
    track::{Change, Standing, TableCursors, TrackedItem},
};

fn at(n: u64) -> Position {
    Position::without_gtid(BinlogPosition::new("b.000001", n), "s")
}

fn transaction(n: u64, text: &str) -> Transaction {
    Transaction {
        id: TransactionId {
            gtid: None,
            end: BinlogPosition::new("b.000001", n),
        },
        part: Part::default(),
        mark: Mark::default(),
        committed_ms: 0,
        items: vec![Item::Statement(StatementText {
            text: text.to_owned(),
            default_schema: "shop".to_owned(),
            ..StatementText::default()
        })],
        bytes: 100,
    }
}

/// `shop.a` and `shop.b` are known; only `shop` takes part.
fn tracker() -> Tracker {
    let rule = BlockAllowRule {
        do_dbs: vec!["shop".to_owned()],
        ..BlockAllowRule::default()
    };
    let filter = BlockAllowList::new(&rule, true).unwrap();
    let mut tracker = Tracker::new(
        false,
        filter,
        TableCursors::new(None),
        Flavor::Mysql,
        80_400,
    );
    let context = Context {
        default_schema: Some("shop"),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: dm_ddl::Flavor::Mysql,
        version: 80_400,
    };
    for name in ["a", "b"] {
        let table = Table::parse_create(
            &format!("CREATE TABLE {name} (id INT PRIMARY KEY)"),
            &context,
        )
        .unwrap();
        tracker.learn(&TableName::new("shop", name), table);
        tracker
            .cursors
            .set(TableName::new("shop", name), Standing::Joined);
    }
    tracker
}

fn columns(tracker: &Tracker, table: &str) -> usize {
    tracker
        .structure(&TableName::new("shop", table))
        .map_or(0, |table| table.columns.len())
}

#[test]
fn an_alter_moves_the_structure_and_can_be_undone() {
    let mut tracker = tracker();
    let tracked = tracker
        .track(&transaction(
            10,
            "/* by hand */ ALTER TABLE a ADD COLUMN c INT, ADD COLUMN d INT",
        ))
        .unwrap();
    assert_eq!(columns(&tracker, "a"), 3);
    let [TrackedItem::Change(change)] = tracked.items.as_slice() else {
        panic!("one change expected: {tracked:?}")
    };
    tracker.undo(change);
    assert_eq!(columns(&tracker, "a"), 1);
}

#[test]
fn a_statement_that_a_snapshot_already_has_is_not_due() {
    let mut tracker = tracker();
    tracker
        .cursors
        .set(TableName::new("shop", "a"), Standing::Ahead(at(50)));
    assert!(
        tracker
            .track(&transaction(50, "ALTER TABLE a ADD COLUMN c INT"))
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(columns(&tracker, "a"), 1);
    assert_eq!(
        tracker
            .track(&transaction(51, "ALTER TABLE a ADD COLUMN c INT"))
            .unwrap()
            .items
            .len(),
        1
    );
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let mut tracker = tracker();
    for text in [
        "CREATE TABLE other.t (a INT)",
        "CREATE VIEW v AS SELECT 1",
        "GRANT SELECT ON *.* TO x",
        "DROP DATABASE other",
        "FLUSH TABLES",
    ] {
        assert!(
            tracker
                .track(&transaction(10, text))
                .unwrap()
                .items
                .is_empty(),
            "{text}"
        );
    }
}

#[test]
fn statement_format_rows_stop_their_table_and_nothing_is_skipped() {
    let mut tracker = tracker();
    for text in [
        "INSERT INTO a VALUES (1)",
        "/* x */ UPDATE a SET id = 2",
        "DELETE FROM a",
        "DELETE FROM a WHERE id = 1",
        "LOAD DATA INFILE 'x' INTO TABLE a",
    ] {
        match tracker.track(&transaction(10, text)) {
            Err(TableFault::Tables(tables, error)) => {
                assert_eq!(error.code, 36_014, "{text}");
                assert_eq!(tables, [TableName::new("shop", "a")], "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    // The text does not say which tables these change.
    for text in [
        "UPDATE a, b SET a.id = b.id",
        "UPDATE a JOIN b SET b.id = 1",
        "DELETE a FROM a JOIN b USING (id)",
        "CALL refresh()",
    ] {
        assert!(
            matches!(
                tracker.track(&transaction(10, text)),
                Err(TableFault::Source(_))
            ),
            "{text}"
        );
    }
    // Nobody's business.
    let other = tracker.track(&transaction(10, "INSERT INTO other.a VALUES (1)"));
    assert!(other.unwrap().items.is_empty());
}

#[test]
fn a_statement_that_cannot_be_followed_stops_its_tables_only() {
    let mut tracker = tracker();
    match tracker.track(&transaction(10, "ALTER TABLE a DROP COLUMN missing")) {
        Err(TableFault::Tables(tables, error)) => {
            assert_eq!(tables, [TableName::new("shop", "a")]);
            assert_eq!(error.code, 44_006);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(columns(&tracker, "a"), 1);
}

#[test]
fn r24_tables_at_different_points_are_not_changed_by_one_statement() {
    let mut tracker = tracker();
    tracker
        .cursors
        .set(TableName::new("shop", "b"), Standing::Away(at(5)));
    match tracker.track(&transaction(10, "RENAME TABLE a TO old, b TO a")) {
        Err(TableFault::Tables(tables, _)) => {
            assert!(tables.contains(&TableName::new("shop", "a")))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_swap_is_one_change_of_all_its_tables() {
    let mut tracker = tracker();
    tracker
        .track(&transaction(9, "ALTER TABLE b ADD COLUMN x INT"))
        .unwrap();
    let tracked = tracker
        .track(&transaction(10, "RENAME TABLE a TO tmp, b TO a, tmp TO b"))
        .unwrap();
    assert_eq!(tracked.items.len(), 1);
    assert_eq!((columns(&tracker, "a"), columns(&tracker, "b")), (2, 1));
}

/// With this operator at the statement that starts at offset 0 of the transaction that ends at 10.
fn decided(action: OperatorAction, sqls: &[&str], hash: &str) -> Tracker {
    let mut tracker = tracker();
    tracker.operators = Arc::new(Operators::new(vec![Operator {
        action,
        place: EventPlace {
            gtid: None,
            start: Some(BinlogPosition::new("b.000001", 0)),
        },
        sqls: sqls.iter().map(|sql| (*sql).to_owned()).collect(),
        hash: hash.to_owned(),
        tables: String::new(),
    }]));
    tracker
}

fn change(tracker: &mut Tracker, text: &str) -> Option<Change> {
    let tracked = tracker.track(&transaction(10, text)).unwrap();
    match tracked.items.into_iter().next() {
        Some(TrackedItem::Change(change)) => Some(*change),
        _ => None,
    }
}

fn runs(change: &Change) -> Vec<&str> {
    change
        .run
        .iter()
        .map(|statement| statement.text())
        .collect()
}

#[test]
fn a_skipped_statement_is_followed_and_not_run() {
    let mut tracker = decided(OperatorAction::Skip, &[], "");
    let skipped = change(&mut tracker, "ALTER TABLE a ADD COLUMN x INT").unwrap();
    assert!(skipped.run.is_empty());
    assert_eq!(columns(&tracker, "a"), 2);
    // Also what can't be followed at all is passed.
    for text in [
        "ALTER TABEL a",
        "UPDATE a, b SET a.id = 1",
        "INSERT INTO a VALUES (1)",
    ] {
        let passed = change(&mut tracker, text);
        assert!(passed.is_none_or(|change| change.run.is_empty()), "{text}");
    }
}

#[test]
fn a_replacement_runs_while_the_history_keeps_the_sources_shape() {
    let given = "ALTER TABLE shop.a ADD COLUMN x BIGINT";
    let mut tracker = decided(
        OperatorAction::Replace,
        &[given, "ALTER TABLE shop.a COMMENT 'c'"],
        "",
    );
    let original = "ALTER TABLE a ADD COLUMN x INT, ADD COLUMN y INT";
    let replaced = change(&mut tracker, original).unwrap();
    assert_eq!(runs(&replaced), [given, "ALTER TABLE shop.a COMMENT 'c'"]);
    assert_eq!(columns(&tracker, "a"), 3);
    tracker.undo(&replaced);
    assert_eq!(columns(&tracker, "a"), 1);
    // What we cannot follow is followed by what was given.
    let replaced = change(&mut tracker, "ALTER TABLE a DO_SOMETHING_NEW 'unheard of").unwrap();
    assert_eq!(replaced.tables, [TableName::new("shop", "a")]);
    assert_eq!(columns(&tracker, "a"), 2);
}

#[test]
fn an_injection_runs_first_and_leaves_the_history_to_the_source() {
    let given = "ALTER TABLE shop.a ADD COLUMN x INT";
    let mut tracker = decided(OperatorAction::Inject, &[given], "");
    let original = "ALTER TABLE a ADD COLUMN y INT";
    let injected = change(&mut tracker, original).unwrap();
    assert_eq!(runs(&injected), [given, original]);
    assert_eq!(columns(&tracker, "a"), 2);
    // A statement that only makes sense after it.
    tracker.undo(&injected);
    let original = "ALTER TABLE a DROP COLUMN x";
    let injected = change(&mut tracker, original).unwrap();
    assert_eq!(runs(&injected), [given, original]);
    assert_eq!(columns(&tracker, "a"), 1);
}

#[test]
fn a_given_statement_keeps_to_the_tables_of_the_task() {
    let mut tracker = decided(OperatorAction::Replace, &["DROP TABLE other.t"], "");
    match tracker.track(&transaction(10, "ALTER TABLE a ADD COLUMN x INT")) {
        Err(TableFault::Tables(tables, error)) => {
            assert_eq!(tables, [TableName::new("shop", "a")]);
            assert_eq!(error.code, 36_064);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(columns(&tracker, "a"), 1);
    // Another table of the task waits for it as well.
    let mut tracker = decided(
        OperatorAction::Replace,
        &["ALTER TABLE shop.b ADD COLUMN x INT"],
        "",
    );
    let replaced = change(&mut tracker, "ALTER TABLE a ADD COLUMN x INT").unwrap();
    assert_eq!(replaced.tables.len(), 2);
}

#[test]
fn r29_an_operator_that_was_bound_to_another_statement_stops_the_table() {
    let mut tracker = decided(OperatorAction::Skip, &[], "0123456789abcdef");
    match tracker.track(&transaction(10, "ALTER TABLE a ADD COLUMN x INT")) {
        Err(TableFault::Tables(tables, error)) => {
            assert_eq!(tables, [TableName::new("shop", "a")]);
            assert_eq!(error.code, 60_080);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(columns(&tracker, "a"), 1);
}
