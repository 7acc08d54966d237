//! The tools' own sequences of statements, and what goes wrong with them.

use dm_ddl::{Context, Table};
use dm_model::{
    BinlogPosition, BlockAllowList, Flavor, OnlineDdl, TableName, TransactionId,
    config::BlockAllowRule,
};

use super::super::{TableCursors, TableFault, TrackedItem, Tracker};
use crate::sync::{
    decode::{Item, StatementText, Transaction},
    track::{Change, Standing},
};

/// `shop.t (id, note)` is known; gh-ost and pt-osc are recognised.
fn tracker() -> Tracker {
    let rule = BlockAllowRule {
        do_dbs: vec!["shop".to_owned()],
        ..BlockAllowRule::default()
    };
    let mut tracker = Tracker::new(
        false,
        BlockAllowList::new(&rule, true).unwrap(),
        TableCursors::new(None),
        Flavor::Mysql,
        80_400,
    );
    tracker.online = OnlineDdl::new(&[], &[]).unwrap();
    let context = Context {
        default_schema: Some("shop"),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: dm_ddl::Flavor::Mysql,
        version: 80_400,
    };
    let create = "CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(20))";
    let name = TableName::new("shop", "t");
    tracker.learn(&name, Table::parse_create(create, &context).unwrap());
    tracker.cursors.set(name, Standing::Joined);
    tracker
}

fn run(tracker: &mut Tracker, text: &str) -> Result<Option<Change>, TableFault> {
    let transaction = Transaction {
        id: TransactionId {
            gtid: None,
            end: BinlogPosition::new("b.000001", 10),
        },
        committed_ms: 0,
        items: vec![Item::Statement(StatementText {
            text: text.to_owned(),
            default_schema: "shop".to_owned(),
            ..StatementText::default()
        })],
        bytes: 100,
    };
    let tracked = tracker.track(&transaction)?;
    Ok(tracked.items.into_iter().find_map(|item| match item {
        TrackedItem::Change(change) => Some(change),
        TrackedItem::Rows { .. } => None,
    }))
}

/// Runs all; returns what goes to the target.
fn sent(tracker: &mut Tracker, texts: &[&str]) -> Vec<String> {
    let mut sent = Vec::new();
    for text in texts {
        let change = run(tracker, text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        let statements = change.into_iter().flat_map(|change| change.run);
        sent.extend(statements.map(|statement| statement.text().to_owned()));
    }
    sent
}

fn columns(tracker: &Tracker, table: &str) -> Option<Vec<String>> {
    let structure = tracker.structure(&TableName::new("shop", table))?;
    Some(
        structure
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
    )
}

/// The statement stops `t`, and leaves everything as it was.
fn stops(tracker: &mut Tracker, text: &str, why: &str) {
    let before = format!("{:?}", tracker.tables());
    match run(tracker, text) {
        Err(TableFault::Tables(tables, error)) => {
            assert_eq!(tables, [TableName::new("shop", "t")], "{text}");
            assert!(error.message.contains(why), "{text}: {error}");
        }
        other => panic!("{text}: {other:?}"),
    }
    assert_eq!(format!("{:?}", tracker.tables()), before);
}

const GHOST: &[&str] = &[
    "create /* gh-ost */ table `shop`.`_t_ghc` (id bigint auto_increment, hint varchar(64), primary key (id))",
    "create /* gh-ost */ table `shop`.`_t_gho` like `shop`.`t`",
    "alter /* gh-ost */ table `shop`.`_t_gho` add column n int, add index (n)",
];
const GHOST_SWAP: &[&str] = &[
    "create /* gh-ost */ table `shop`.`_t_del` (id int auto_increment primary key) comment='ghost-cut-over-sentry'",
    "drop /* gh-ost */ table if exists `shop`.`_t_del`",
    "rename /* gh-ost */ table `shop`.`t` to `shop`.`_t_del`, `shop`.`_t_gho` to `shop`.`t`",
    "drop /* gh-ost */ table if exists `shop`.`_t_ghc`",
    "drop /* gh-ost */ table if exists `shop`.`_t_del`",
];

#[test]
fn gh_ost_is_the_alter_that_it_means() {
    let mut tracker = tracker();
    assert_eq!(sent(&mut tracker, GHOST), Vec::<String>::new());
    assert_eq!(columns(&tracker, "t").unwrap(), ["id", "note"]);
    let alter = sent(&mut tracker, GHOST_SWAP);
    let [alter] = alter.as_slice() else {
        panic!("{alter:?}")
    };
    assert!(
        alter.contains("`shop`.`t`") && alter.contains("add column n int"),
        "{alter}"
    );
    assert_eq!(columns(&tracker, "t").unwrap(), ["id", "note", "n"]);
    assert_eq!(tracker.tables(), [TableName::new("shop", "t")]);
}

#[test]
fn gh_ost_that_swaps_in_two_steps_and_one_that_takes_the_first_back() {
    let mut tracker = tracker();
    sent(&mut tracker, GHOST);
    let nothing = sent(
        &mut tracker,
        &["rename table t to _t_del", "rename table _t_del to t"],
    );
    assert_eq!(nothing, Vec::<String>::new());
    assert_eq!(columns(&tracker, "t").unwrap(), ["id", "note"]);
    let alter = sent(
        &mut tracker,
        &[
            "rename table t to _t_del",
            "rename table _t_gho to t",
            "drop table _t_del",
        ],
    );
    assert_eq!(alter.len(), 1, "{alter:?}");
    assert_eq!(columns(&tracker, "t").unwrap(), ["id", "note", "n"]);
    assert_eq!(tracker.tables(), [TableName::new("shop", "t")]);
}

#[test]
fn pt_osc_is_the_alter_that_it_means() {
    let mut tracker = tracker();
    let alters = sent(
        &mut tracker,
        &[
            "CREATE TABLE `shop`.`_t_new` (\n  `id` int NOT NULL,\n  `note` varchar(20) DEFAULT NULL,\n  PRIMARY KEY (`id`)\n)",
            "ALTER TABLE `shop`.`_t_new` ADD COLUMN a INT, DROP COLUMN note",
            "ALTER TABLE `shop`.`_t_new` MODIFY a BIGINT",
            "CREATE DEFINER=`root`@`%` TRIGGER `pt_osc_shop_t_del` AFTER DELETE ON `shop`.`t` FOR EACH ROW DELETE IGNORE FROM `shop`.`_t_new` WHERE `id` <=> OLD.`id`",
            "ANALYZE TABLE `shop`.`_t_new`",
            "RENAME TABLE `shop`.`t` TO `shop`.`_t_old`, `shop`.`_t_new` TO `shop`.`t`",
            "DROP TABLE IF EXISTS `shop`.`_t_old`",
            "DROP TRIGGER IF EXISTS `shop`.`pt_osc_shop_t_del`",
        ],
    );
    assert_eq!(
        alters,
        [
            "ALTER TABLE `shop`.`t` ADD COLUMN a INT, DROP COLUMN note",
            "ALTER TABLE `shop`.`t` MODIFY a BIGINT"
        ]
    );
    assert_eq!(columns(&tracker, "t").unwrap(), ["id", "a"]);
}

#[test]
fn an_abandoned_migration_leaves_nothing_behind() {
    let mut tracker = tracker();
    sent(&mut tracker, GHOST);
    assert_eq!(
        sent(&mut tracker, &["drop table _t_gho, _t_ghc"]),
        Vec::<String>::new()
    );
    assert_eq!(tracker.tables(), [TableName::new("shop", "t")]);
    // The next one begins anew.
    sent(&mut tracker, GHOST);
    sent(&mut tracker, &["drop table if exists _t_gho"]);
    sent(&mut tracker, GHOST);
    assert_eq!(sent(&mut tracker, GHOST_SWAP).len(), 1);
}

#[test]
fn a_migration_that_began_before_the_task_stops_its_table() {
    let mut tracker = tracker();
    let late = ["alter table _t_gho add column n int"];
    assert_eq!(sent(&mut tracker, &late), Vec::<String>::new());
    stops(&mut tracker, GHOST_SWAP[2], "began before this task");
}

#[test]
fn two_migrations_at_once_stop_the_table() {
    let mut tracker = tracker();
    sent(&mut tracker, GHOST);
    sent(
        &mut tracker,
        &[
            "create table _t_new like t",
            "alter table _t_new add column other int",
        ],
    );
    assert_eq!(
        sent(&mut tracker, &["rename table t to _t_old, _t_new to t"]).len(),
        1
    );
    stops(
        &mut tracker,
        GHOST_SWAP[2],
        "is not what its own statements make",
    );
}

#[test]
fn a_table_that_comes_back_from_the_trash_stops() {
    let mut tracker = tracker();
    sent(&mut tracker, GHOST);
    sent(&mut tracker, GHOST_SWAP.get(..3).unwrap());
    // `_t_gho` goes first: it is the new one, moved away by hand.
    stops(&mut tracker, "rename table _t_del to t", "takes the place");
    stops(&mut tracker, "rename table t to _t_gho", "no step");
}

#[test]
fn a_real_table_that_is_dropped_while_it_is_moved_away_is_dropped() {
    let mut tracker = tracker();
    sent(&mut tracker, &["rename table t to _t_old"]);
    let dropped = sent(&mut tracker, &["drop table _t_old"]);
    assert_eq!(dropped, ["DROP TABLE `shop`.`t`"]);
    assert!(tracker.tables().is_empty());
}

#[test]
fn names_alone_make_no_shadow() {
    let mut tracker = tracker();
    // There is no `x`, so these are tables like any other.
    let created = sent(
        &mut tracker,
        &[
            "CREATE TABLE _x_new (id INT PRIMARY KEY)",
            "ALTER TABLE _x_new ADD n INT",
            "RENAME TABLE _x_new TO _x_old",
        ],
    );
    assert_eq!(created.len(), 3, "{created:?}");
}

#[test]
fn a_swap_that_the_target_refuses_is_put_back() {
    let mut tracker = tracker();
    sent(&mut tracker, GHOST);
    let before = format!("{tracker:?}");
    let change = run(&mut tracker, GHOST_SWAP[2]).unwrap().unwrap();
    assert_eq!(change.tables, [TableName::new("shop", "t")]);
    tracker.undo(&change);
    assert_eq!(format!("{tracker:?}"), before);
}
