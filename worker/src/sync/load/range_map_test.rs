//! A table copied from several snapshots ends as the source is, whatever moved meanwhile (R7, R21).

use std::collections::BTreeMap;
use std::sync::Arc;

use dm_ddl::{Context, Flavor, Table};
use dm_model::{BinlogPosition, Position, TableName, TransactionId};
use proptest::prelude::*;

use super::{super::key_value::KeyValue, CopiedRange, Judged, RangeMap, SnapshotAt, gaps};
use crate::sync::{
    transform::{RowChange, TablePlan},
    value::Value,
};

fn at(n: u64) -> Position {
    Position::without_gtid(BinlogPosition::new("b.000001", n), "s")
}

fn id(n: u64) -> TransactionId {
    TransactionId {
        gtid: None,
        end: BinlogPosition::new("b.000001", n),
    }
}

fn plan() -> Arc<TablePlan> {
    let context = Context {
        default_schema: Some("d"),
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: Flavor::Mysql,
        version: 80_400,
    };
    let table = Table::parse_create("CREATE TABLE t (id INT PRIMARY KEY, v INT)", &context)
        .expect("a table");
    TablePlan::new(&TableName::new("d", "t"), TableName::new("d", "t"), &table).expect("a plan")
}

fn row(id: i64, v: i64) -> Vec<Value> {
    vec![Value::Int(id), Value::Int(v)]
}

fn key(id: i64) -> Option<Vec<KeyValue>> {
    Some(vec![KeyValue::Int(i128::from(id))])
}

fn snapshot(low: u64, high: Option<u64>) -> SnapshotAt {
    SnapshotAt {
        low: at(low),
        high: high.map(at),
    }
}

#[derive(Clone, Debug)]
enum Op {
    Put(i64),
    Delete(i64),
    Move(i64, i64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..12_i64).prop_map(Op::Put),
        2 => (0..12_i64).prop_map(Op::Delete),
        3 => ((0..12_i64), (0..12_i64)).prop_map(|(from, to)| Op::Move(from, to)),
    ]
}

/// Runs the operations; returns the table after each and the row changes of each.
fn history(ops: &[Op]) -> (Vec<BTreeMap<i64, i64>>, Vec<Vec<RowChange>>) {
    let mut table = BTreeMap::new();
    let (mut tables, mut changes) = (vec![table.clone()], vec![vec![]]);
    for (n, op) in ops.iter().enumerate() {
        let v = n as i64 + 100;
        let mut done = Vec::new();
        match op {
            Op::Put(id) => match table.insert(*id, v) {
                None => done.push(RowChange::Insert(row(*id, v))),
                Some(old) => done.push(RowChange::Update {
                    before: row(*id, old),
                    after: row(*id, v),
                }),
            },
            Op::Delete(id) => {
                if let Some(old) = table.remove(id) {
                    done.push(RowChange::Delete(row(*id, old)));
                }
            }
            Op::Move(from, to) => {
                if !table.contains_key(to)
                    && let Some(old) = table.remove(from)
                {
                    table.insert(*to, v);
                    done.push(RowChange::Update {
                        before: row(*from, old),
                        after: row(*to, v),
                    });
                }
            }
        }
        tables.push(table.clone());
        changes.push(done);
    }
    (tables, changes)
}

/// Applies as the target does: what is exact must be exact.
fn apply(target: &mut BTreeMap<i64, i64>, judged: Judged) -> Result<(), TestCaseError> {
    let pair = |row: &[Value]| match row {
        [Value::Int(id), Value::Int(v)] => (*id, *v),
        other => panic!("not a row: {other:?}"),
    };
    match judged {
        Judged::Exactly(RowChange::Insert(row)) => {
            let (id, v) = pair(&row);
            prop_assert_eq!(target.insert(id, v), None);
        }
        Judged::Exactly(RowChange::Delete(row)) => {
            let (id, v) = pair(&row);
            prop_assert_eq!(target.remove(&id), Some(v));
        }
        Judged::Exactly(RowChange::Update { before, after }) => {
            let ((old, v), (new, w)) = (pair(&before), pair(&after));
            prop_assert_eq!(target.remove(&old), Some(v));
            prop_assert_eq!(target.insert(new, w), None);
        }
        Judged::Idempotent { remove, put } => {
            target.remove(&pair(&remove).0);
            if let Some(put) = put {
                let (id, v) = pair(&put);
                target.insert(id, v);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn r07_r21_a_table_of_several_snapshots_ends_as_the_source(
        ops in prop::collection::vec(op(), 1..60),
        cuts in prop::collection::btree_set(0..12_i64, 0..4),
        opened in prop::collection::vec((0..60_usize, 0..6_usize, 0..6_usize), 5),
    ) {
        let (tables, changes) = history(&ops);
        let last = ops.len();
        let plan = plan();
        let mut bounds: Vec<Option<i64>> = cuts.iter().copied().map(Some).collect();
        bounds.push(None);
        let (mut ranges, mut target, mut after) = (Vec::new(), BTreeMap::new(), None);
        for (upto, (seen, back, ahead)) in bounds.into_iter().zip(opened) {
            // The snapshot is at `seen`; without a lock only a window around it is known.
            let seen = seen.min(last);
            let (low, high) = (seen.saturating_sub(back), (seen + ahead).min(last));
            let high = (low < high).then_some(high as u64);
            let inside = |id: &i64| after.is_none_or(|after| *id > after) && upto.is_none_or(|upto| *id <= upto);
            target.extend(tables[seen].iter().filter(|(id, _)| inside(id)).map(|(id, v)| (*id, *v)));
            ranges.push(CopiedRange { after: after.and_then(key), upto: upto.and_then(key), snapshot: snapshot(low as u64, high) });
            after = upto;
        }
        let map = RangeMap::new(ranges);
        for (n, done) in changes.iter().enumerate().skip(1) {
            for change in done {
                for judged in map.judge(change, &plan, &id(n as u64)) {
                    apply(&mut target, judged)?;
                }
            }
        }
        prop_assert_eq!(&target, &tables[last]);
    }

    #[test]
    fn gaps_and_finished_ranges_cover_every_key_once(cuts in prop::collection::btree_set(0..30_i64, 0..8), finished in any::<[bool; 9]>()) {
        let mut bounds: Vec<Option<i64>> = cuts.iter().copied().map(Some).collect();
        bounds.push(None);
        let (mut done, mut after) = (Vec::new(), None);
        for (upto, finished) in bounds.into_iter().zip(finished) {
            if finished {
                done.push(CopiedRange { after: after.and_then(key), upto: upto.and_then(key), snapshot: snapshot(0, None) });
            }
            after = upto;
        }
        let open: Vec<CopiedRange> = gaps(&done)
            .into_iter()
            .map(|(after, upto)| CopiedRange { after, upto, snapshot: snapshot(1, None) })
            .collect();
        for id in -1..31 {
            let key = key(id).expect("a key");
            let covered = done.iter().chain(&open).filter(|range| range.contains(&key)).count();
            prop_assert_eq!(covered, 1, "key {}", id);
        }
    }
}

#[test]
fn r07_a_row_that_moves_into_an_older_range_is_inserted_there() {
    let plan = plan();
    let map = RangeMap::new(vec![
        CopiedRange {
            after: None,
            upto: key(5),
            snapshot: snapshot(10, None),
        },
        CopiedRange {
            after: key(5),
            upto: None,
            snapshot: snapshot(20, None),
        },
    ]);
    let moved = RowChange::Update {
        before: row(7, 1),
        after: row(3, 2),
    };
    assert_eq!(
        map.judge(&moved, &plan, &id(15)),
        [Judged::Exactly(RowChange::Insert(row(3, 2)))]
    );
    assert_eq!(map.judge(&moved, &plan, &id(9)), []);
    assert_eq!(map.low(), Some(&at(10)));
    assert_eq!(map.high(), Some(&at(20)));
}
