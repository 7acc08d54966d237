//! Which statements are due, what they do to structures, and what has to stop.

use dm_ddl::{Context, Table};
use dm_model::{
    BinlogPosition, BlockAllowList, Flavor, Position, TableName, TransactionId,
    config::BlockAllowRule,
};

use super::{TableFault, Tracker};
use crate::sync::{
    decode::{Item, StatementText, Transaction},
    track::{Standing, TableCursors, TrackedItem},
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
        committed_ms: 0,
        items: vec![Item::Statement(StatementText {
            text: text.to_owned(),
            default_schema: "shop".to_owned(),
            ansi_quotes: false,
            no_backslash_escapes: false,
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
fn statement_format_rows_stop_the_source_and_nothing_is_skipped() {
    let mut tracker = tracker();
    for text in [
        "INSERT INTO a VALUES (1)",
        "/* x */ UPDATE a SET id = 2",
        "DELETE FROM a",
    ] {
        match tracker.track(&transaction(10, text)) {
            Err(TableFault::Source(error)) => assert_eq!(error.code, 36_014, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
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
        .set(TableName::new("shop", "b"), Standing::Stopped(at(5)));
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
