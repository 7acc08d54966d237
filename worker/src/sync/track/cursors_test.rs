//! Any interleaving of load, stop, release, join, withdrawal, DDL and crash ends as applying the whole stream once would (R4, R5, R33).

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
const LAST: u64 = 60;

#[derive(Clone, Debug)]
enum Op {
    /// The main stream takes the next transaction.
    Next,
    /// The second reader does.
    CatchUpNext,
    /// A table is copied as of a point behind or ahead of the main stream.
    Load(usize, u64),
    Stop(usize),
    Release(usize),
    /// The second reader begins with all tables that want it.
    Begin,
    /// It asks for a join point.
    Ask,
    /// The main stream is tired of holding.
    Withdraw,
    /// The worker dies; the next one has only what is durable.
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => Just(Op::Next),
        12 => Just(Op::CatchUpNext),
        3 => ((0..TABLES), 0..9_u64).prop_map(|(table, point)| Op::Load(table, point)),
        1 => (0..TABLES).prop_map(Op::Stop),
        2 => (0..TABLES).prop_map(Op::Release),
        3 => Just(Op::Begin),
        4 => Just(Op::Ask),
        1 => Just(Op::Withdraw),
        1 => Just(Op::Crash),
    ]
}

/// A row of `dm_table`.
#[derive(Clone, Debug, PartialEq)]
enum Row {
    Unloaded,
    Stopped(u64),
    /// Copied, released or catching up.
    Away(u64),
    /// The main stream owns what comes after.
    Joining(u64),
}

struct CatchUp {
    cursors: TableCursors,
    members: Vec<usize>,
    at: u64,
    point: Option<u64>,
}

/// `changes[n]` says which tables transaction `n` changes; `applied` and `rows` are durable.
struct Model {
    changes: Vec<[bool; TABLES]>,
    rows: Vec<Row>,
    applied: Vec<Vec<u64>>,
    stream: u64,
    cursors: TableCursors,
    catch_up: Option<CatchUp>,
}

impl Model {
    fn new(changes: Vec<[bool; TABLES]>) -> Self {
        let mut model = Self {
            changes,
            rows: vec![Row::Unloaded; TABLES],
            applied: vec![Vec::new(); TABLES],
            stream: 0,
            cursors: TableCursors::default(),
            catch_up: None,
        };
        model.crash();
        model
    }

    fn expected(&self, index: usize, upto: u64) -> Vec<u64> {
        (1..=upto)
            .filter(|n| self.changes[*n as usize][index])
            .collect()
    }

    fn crash(&mut self) {
        self.catch_up = None;
        self.cursors = TableCursors::new(Some(at(self.stream)));
        for (index, row) in self.rows.iter().enumerate() {
            let standing = match row {
                Row::Unloaded => Standing::Unloaded,
                Row::Stopped(cursor) | Row::Away(cursor) => Standing::Away(at(*cursor)),
                Row::Joining(point) => Standing::Ahead(at(*point)),
            };
            self.cursors.set(table(index), standing);
        }
    }

    fn next(&mut self) {
        let n = self.stream + 1;
        if n > LAST {
            return;
        }
        let changed: Vec<usize> = (0..TABLES)
            .filter(|index| self.changes[n as usize][*index])
            .collect();
        if changed
            .iter()
            .any(|index| self.cursors.holds(&table(*index), &transaction(n)))
        {
            return;
        }
        for index in changed {
            if self.cursors.admits(&table(index), &transaction(n)) {
                self.applied[index].push(n);
            } else {
                self.cursors.pass(&table(index), &transaction(n));
            }
        }
        self.stream = n;
        self.cursors.advance(&at(n));
    }

    fn begin(&mut self) {
        if self.catch_up.is_some() {
            return;
        }
        let mut members = Vec::new();
        for index in 0..TABLES {
            let Row::Away(cursor) = self.rows[index] else {
                continue;
            };
            if self.cursors.is_quiet_after(&table(index), &at(cursor)) {
                let point = self
                    .cursors
                    .join(&table(index), &at(cursor), &at(self.stream))
                    .expect("one stream");
                self.cursors.caught_up(&table(index));
                self.rows[index] = Row::Joining(point.binlog.offset);
            } else {
                members.push((index, cursor));
            }
        }
        let Some(first) = members.iter().map(|(_, cursor)| *cursor).min() else {
            return;
        };
        let mut cursors = TableCursors::only_given();
        for (index, cursor) in &members {
            cursors.set(table(*index), Standing::Ahead(at(*cursor)));
        }
        self.catch_up = Some(CatchUp {
            cursors,
            members: members.into_iter().map(|(index, _)| index).collect(),
            at: first,
            point: None,
        });
    }

    fn catch_up_next(&mut self) {
        let Some(catch_up) = &mut self.catch_up else {
            return;
        };
        if catch_up.point.is_some_and(|point| catch_up.at >= point) || catch_up.at >= LAST {
            return self.finish();
        }
        let n = catch_up.at + 1;
        for index in 0..TABLES {
            if self.changes[n as usize][index]
                && catch_up.cursors.admits(&table(index), &transaction(n))
            {
                self.applied[index].push(n);
            }
        }
        catch_up.at = n;
        for index in &catch_up.members {
            if let Row::Away(cursor) = &mut self.rows[*index] {
                *cursor = (*cursor).max(n);
            }
        }
    }

    fn ask(&mut self) {
        let Some(catch_up) = &mut self.catch_up else {
            return;
        };
        let behind = catch_up
            .members
            .iter()
            .any(|index| matches!(self.rows[*index], Row::Away(cursor) if cursor > catch_up.at));
        if catch_up.point.is_some() || behind || catch_up.at + 9 < self.stream {
            return;
        }
        for index in &catch_up.members {
            let point = self
                .cursors
                .join(&table(*index), &at(catch_up.at), &at(self.stream));
            catch_up.point = point.map(|point| point.binlog.offset);
        }
    }

    fn finish(&mut self) {
        if let Some(catch_up) = self.catch_up.take_if(|catch_up| catch_up.point.is_some()) {
            for index in catch_up.members {
                self.rows[index] = Row::Joining(catch_up.at);
                self.cursors.caught_up(&table(index));
            }
        }
    }

    fn withdraw(&mut self) {
        if let Some(catch_up) = &mut self.catch_up
            && catch_up.point.take().is_some()
        {
            for index in &catch_up.members {
                self.cursors.withdraw(&table(*index), at(catch_up.at));
            }
        }
    }

    fn stop(&mut self, index: usize) {
        if matches!(self.rows[index], Row::Joining(_)) {
            let cursor = self.cursors.stop(&table(index), &at(self.stream));
            self.rows[index] = Row::Stopped(cursor.binlog.offset);
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Next => self.next(),
            Op::CatchUpNext => self.catch_up_next(),
            Op::Load(index, ahead) => {
                if self.rows[*index] == Row::Unloaded {
                    let point = (self.stream + ahead).saturating_sub(4).min(LAST);
                    self.applied[*index] = self.expected(*index, point);
                    self.rows[*index] = Row::Away(point);
                    self.cursors.set(table(*index), Standing::Away(at(point)));
                }
            }
            Op::Stop(index) => self.stop(*index),
            Op::Release(index) => {
                if let Row::Stopped(cursor) = self.rows[*index] {
                    self.rows[*index] = Row::Away(cursor);
                }
            }
            Op::Begin => self.begin(),
            Op::Ask => self.ask(),
            Op::Withdraw => self.withdraw(),
            Op::Crash => self.crash(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn r05_every_change_is_applied_once_and_in_order(
        changes in prop::collection::vec(any::<[bool; TABLES]>(), LAST as usize + 1),
        ops in prop::collection::vec(op(), 1..200),
    ) {
        let mut model = Model::new(changes);
        for op in ops {
            model.step(&op);
        }
        // Faults off: everything loads, is released, catches up and joins; the stream runs to its end.
        for index in 0..TABLES {
            model.step(&Op::Load(index, 4));
        }
        for _ in 0..10 * LAST {
            for index in 0..TABLES {
                model.step(&Op::Release(index));
            }
            for op in [Op::Begin, Op::CatchUpNext, Op::Ask, Op::Next] {
                model.step(&op);
            }
        }
        prop_assert_eq!(model.stream, LAST);
        model.cursors.advance(&at(LAST));
        for index in 0..TABLES {
            prop_assert_eq!(&model.applied[index], &model.expected(index, LAST));
            prop_assert_eq!(model.cursors.get(&table(index)), Some(&Standing::Joined));
        }
    }
}

#[test]
fn r05_changes_after_the_join_point_are_held_until_catch_up_has_ended() {
    let mut cursors = TableCursors::new(Some(at(0)));
    cursors.set(table(0), Standing::Away(at(3)));
    assert_eq!(cursors.join(&table(0), &at(3), &at(7)), Some(at(7)));
    assert!(!cursors.admits(&table(0), &transaction(7)));
    assert!(!cursors.holds(&table(0), &transaction(7)));
    assert!(cursors.holds(&table(0), &transaction(8)));
    cursors.caught_up(&table(0));
    assert!(!cursors.holds(&table(0), &transaction(8)));
    assert!(cursors.admits(&table(0), &transaction(8)));
}

#[test]
fn r33_a_withdrawn_join_leaves_the_table_to_its_second_reader() {
    let mut cursors = TableCursors::new(Some(at(0)));
    cursors.set(table(0), Standing::Away(at(3)));
    cursors.join(&table(0), &at(3), &at(7));
    cursors.withdraw(&table(0), at(3));
    assert!(!cursors.admits(&table(0), &transaction(8)));
    assert!(!cursors.holds(&table(0), &transaction(8)));
    // What came after 3 was not noted one by one.
    assert!(!cursors.is_quiet_after(&table(0), &at(3)));
}

#[test]
fn a_second_reader_knows_only_its_own_tables() {
    let mut cursors = TableCursors::only_given();
    cursors.set(table(0), Standing::Ahead(at(3)));
    assert!(cursors.admits(&table(0), &transaction(4)));
    assert!(!cursors.admits(&table(0), &transaction(3)));
    assert!(!cursors.admits(&table(1), &transaction(4)));
    assert!(cursors.advance(&at(9)).is_empty());
}
