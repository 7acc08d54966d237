//! Any interleaving of load, stop, resume and crash applies each change once and in order.

use std::collections::BTreeSet;

use dm_model::{BinlogPosition, Position, TableName, TransactionId};
use proptest::prelude::*;

use super::{Standing, TableCursors};

fn at(n: u64) -> Position {
    Position::without_gtid(BinlogPosition::new("b.000001", n), "s")
}

fn transaction(n: u64) -> TransactionId {
    TransactionId {
        gtid: None,
        end: BinlogPosition::new("b.000001", n),
    }
}

fn table(n: usize) -> TableName {
    TableName::new("d", format!("t{n}"))
}

const TABLES: usize = 3;
const LAST: u64 = 40;

#[derive(Clone, Debug)]
enum Op {
    /// The stream deals with the next transaction.
    Next,
    Stop(usize),
    Resume,
    /// A table is copied as of a point a little ahead of the stream.
    Load(usize, u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => Just(Op::Next),
        1 => (0..TABLES).prop_map(Op::Stop),
        1 => Just(Op::Resume),
        1 => ((0..TABLES), 0..5_u64).prop_map(|(table, ahead)| Op::Load(table, ahead)),
    ]
}

/// Every transaction changes every table; `applied` is what reached the target.
struct Model {
    cursors: TableCursors,
    stream: u64,
    applied: Vec<Vec<u64>>,
}

impl Model {
    fn next(&mut self) {
        let n = self.stream + 1;
        for index in 0..TABLES {
            if self.cursors.admits(&table(index), &transaction(n)) {
                self.applied[index].push(n);
            }
        }
        self.stream = n;
        self.cursors.advance(&at(n));
    }
}

proptest! {
    #[test]
    fn every_change_is_applied_once_and_in_order(ops in prop::collection::vec(op(), 1..80)) {
        let mut model = Model { cursors: TableCursors::new(None), stream: 0, applied: vec![Vec::new(); TABLES] };
        for index in 0..TABLES {
            model.cursors.set(table(index), Standing::Unloaded);
        }
        for op in ops {
            match op {
                Op::Next if model.stream < LAST => model.next(),
                Op::Next => {}
                Op::Stop(index) => {
                    if model.cursors.get(&table(index)) != Some(&Standing::Unloaded) {
                        let stream = at(model.stream);
                        model.cursors.stop(&table(index), &stream);
                    }
                }
                Op::Resume => {
                    if let Some(back) = model.cursors.resume(&at(model.stream), &BTreeSet::new()) {
                        model.stream = back.binlog.offset;
                    }
                }
                Op::Load(index, ahead) => {
                    if model.cursors.get(&table(index)) == Some(&Standing::Unloaded) {
                        let point = model.stream.max(model.cursors.floor().map_or(0, |floor| floor.binlog.offset)) + ahead;
                        model.applied[index] = (1..=point).collect();
                        model.cursors.set(table(index), Standing::Ahead(at(point)));
                    }
                }
            }
        }
        // Faults off: everything loads, resumes and the stream runs to its end.
        for index in 0..TABLES {
            if model.cursors.get(&table(index)) == Some(&Standing::Unloaded) {
                model.applied[index] = (1..=LAST).collect();
                model.cursors.set(table(index), Standing::Ahead(at(LAST)));
            }
        }
        if let Some(back) = model.cursors.resume(&at(model.stream), &BTreeSet::new()) {
            model.stream = back.binlog.offset;
        }
        while model.stream < LAST + 6 {
            model.next();
        }
        for index in 0..TABLES {
            prop_assert_eq!(&model.applied[index], &(1..=LAST + 6).collect::<Vec<_>>());
        }
        prop_assert!(model.cursors.all_joined());
    }
}
