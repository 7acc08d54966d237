//! Scheduler and window together, against serial application: random transactions over few keys, random batch ends, random crashes.

use std::collections::{BTreeMap, HashSet};

use dm_model::{Applied, BinlogPosition, Gtid, GtidSet, Position, TransactionId};
use proptest::prelude::*;

use super::*;
use crate::sync::schedule::Window;

const TABLES: u32 = 3;
const IDS: u64 = 5;
const LIMITS: Limits = Limits {
    rows: 6,
    bytes: usize::MAX,
    transactions: 4,
};
const IN_FLIGHT: usize = 24;

/// Random numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides.max(1)
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// A row: its primary key, a second unique key, and a value.
type Row = (u64, u64, u64);
type Tables = BTreeMap<(u32, u64), Row>;

#[derive(Clone, Debug)]
enum Change {
    Row {
        table: u32,
        before: Option<Row>,
        after: Option<Row>,
    },
    /// A statement over a whole table, which has to find it exactly so.
    Whole { table: u32, before: Vec<Row> },
}

#[derive(Clone, Debug)]
struct Upstream {
    id: TransactionId,
    changes: Vec<Change>,
}

fn has_u(tables: &Tables, table: u32, u: u64, but: Option<u64>) -> bool {
    tables
        .iter()
        .any(|((of, id), row)| *of == table && row.1 == u && Some(*id) != but)
}

/// Checks that the target is where the change found the source, then carries it out.
fn apply(tables: &mut Tables, change: &Change) {
    match change {
        Change::Row {
            table,
            before,
            after,
        } => {
            if let Some(before) = before {
                assert_eq!(
                    tables.remove(&(*table, before.0)),
                    Some(*before),
                    "the row is as upstream left it"
                );
            }
            if let Some(after) = after {
                assert!(!has_u(tables, *table, after.1, None), "unique key is free");
                assert!(
                    tables.insert((*table, after.0), *after).is_none(),
                    "primary key is free"
                );
            }
        }
        Change::Whole { table, before } => {
            let found: Vec<Row> = rows_of(tables, *table);
            assert_eq!(&found, before, "the table is as upstream left it");
            for row in found {
                tables.insert((*table, row.0), (row.0, row.1, row.2 + 1_000));
            }
        }
    }
}

fn rows_of(tables: &Tables, table: u32) -> Vec<Row> {
    tables
        .iter()
        .filter(|((of, _), _)| *of == table)
        .map(|(_, row)| *row)
        .collect()
}

#[derive(Clone, Copy, Debug)]
enum Naming {
    Files,
    Mysql,
    Mariadb,
}

fn name(naming: Naming, n: u64) -> TransactionId {
    let file = format!("b.{:06}", 1 + n / 40);
    let end = BinlogPosition::new(file, 100 + n * 7);
    let gtid = match naming {
        Naming::Files => None,
        // A server numbers them, but logs them slightly out of order.
        Naming::Mysql => Some(Gtid::mysql([7; 16], None, 1 + (n ^ 1))),
        Naming::Mariadb => Some(Gtid::mariadb(
            u32::try_from(n % 3).expect("small"),
            1,
            10 + n * 2,
        )),
    };
    TransactionId { gtid, end }
}

fn begin(naming: Naming) -> Position {
    let gtid = match naming {
        Naming::Files => None,
        _ => Some(GtidSet::default()),
    };
    Position {
        gtid,
        binlog: BinlogPosition::new("b.000001", 4),
        server: "s".to_owned(),
    }
}

/// What a source does, and what it ends with.
fn workload(dice: &mut Dice, naming: Naming, count: u64) -> (Vec<Upstream>, Tables) {
    let mut tables = Tables::new();
    let mut all = Vec::new();
    for n in 0..count {
        let mut changes = Vec::new();
        for _ in 0..dice.roll(4) {
            let table = u32::try_from(dice.roll(u64::from(TABLES))).expect("small");
            let change = if dice.one_in(25) {
                Change::Whole {
                    table,
                    before: rows_of(&tables, table),
                }
            } else {
                let before = rows_of(&tables, table)
                    .get(usize::try_from(dice.roll(IDS * 2)).expect("small"))
                    .copied();
                let after = (dice.roll(IDS), dice.roll(IDS), n);
                let keep = !dice.one_in(3) || before.is_none();
                let but = before.map(|row| row.0);
                let free = (but == Some(after.0) || !tables.contains_key(&(table, after.0)))
                    && !has_u(&tables, table, after.1, but);
                if keep && !free {
                    continue;
                }
                Change::Row {
                    table,
                    before,
                    after: keep.then_some(after),
                }
            };
            // A statement over a table stands alone in its transaction, as a DDL does.
            let alone = matches!(change, Change::Whole { .. });
            if alone && !changes.is_empty() {
                continue;
            }
            apply(&mut tables, &change);
            changes.push(change);
            if alone {
                break;
            }
        }
        all.push(Upstream {
            id: name(naming, n),
            changes,
        });
    }
    (all, tables)
}

fn footprint(transaction: &Upstream) -> Footprint {
    let mut footprint = Footprint::default();
    for change in &transaction.changes {
        let table = match change {
            Change::Row {
                table,
                before,
                after,
            } => {
                for row in [before, after].into_iter().flatten() {
                    let hash = |key: u64, value: u64| {
                        KeyHash(u128::from(*table) << 64 | u128::from(key << 32 | value))
                    };
                    footprint.keys.extend([hash(1, row.0), hash(2, row.1)]);
                }
                table
            }
            Change::Whole { table, .. } => {
                footprint.needs = Needs::ItsTables;
                table
            }
        };
        if !footprint.tables.contains(&TableId(*table)) {
            footprint.tables.push(TableId(*table));
        }
    }
    footprint
}

/// A target with its lane rows.
#[derive(Default)]
struct Target {
    tables: Tables,
    lanes: BTreeMap<usize, Applied>,
    commits: usize,
}

impl Target {
    fn commit(&mut self, all: &[Upstream], batch: &Sent) {
        for seq in &batch.seqs {
            let transaction = all
                .iter()
                .find(|one| Some(&one.id) == batch.ids.get(seq))
                .expect("known");
            for change in &transaction.changes {
                apply(&mut self.tables, change);
            }
        }
        self.lanes.insert(batch.lane, batch.progress.clone());
        self.commits += 1;
    }
}

struct Sent {
    lane: usize,
    seqs: Vec<Seq>,
    ids: BTreeMap<Seq, TransactionId>,
    progress: Applied,
    committed: bool,
    alone: bool,
}

/// The lane of those that run by themselves.
const ALONE: usize = 900;

/// One owner, until it crashes or everything is in. Returns whether all is in.
fn own(
    dice: &mut Dice,
    all: &[Upstream],
    target: &mut Target,
    lanes: usize,
    naming: Naming,
    crash: bool,
) -> bool {
    let base = target
        .lanes
        .values()
        .fold(Applied::from(begin(naming)), |union, row| union.union(row));
    // The fold: the first row has everything, the others nothing.
    target.lanes = BTreeMap::from([(0, base.clone())]);
    let mut window = Window::new(base.clone());
    let mut scheduler = Scheduler::new(lanes);
    let mut stream = all
        .iter()
        .filter(|transaction| !base.at.covers(&transaction.id))
        .collect::<VecDeque<_>>();
    let mut sent: Vec<Sent> = Vec::new();
    let (mut alone_runs, mut idle) = (false, 0);
    let mut named: BTreeMap<Seq, TransactionId> = BTreeMap::new();
    let send = |window: &Window,
                named: &BTreeMap<Seq, TransactionId>,
                lane: usize,
                seqs: Vec<Seq>,
                alone: bool| Sent {
        lane,
        ids: seqs
            .iter()
            .map(|seq| (*seq, named.get(seq).expect("pushed").clone()))
            .collect(),
        progress: window.snapshot(&seqs),
        committed: false,
        alone,
        seqs,
    };
    loop {
        if crash && dice.one_in(60) {
            return false;
        }
        let full = !scheduler.has_room(&LIMITS) || window.len() >= IN_FLIGHT;
        if !full
            && dice.one_in(2)
            && let Some(next) = stream.pop_front()
        {
            let seen = window.has(&next.id);
            let seq = window.push(next.id.clone());
            named.insert(seq, next.id.clone());
            if seen || next.changes.is_empty() {
                window.done(&[seq]);
            } else {
                let rows = next.changes.len();
                scheduler.push(seq, footprint(next), Size { rows, bytes: 0 });
            }
        }
        if let Some(batch) =
            scheduler.next_batch(&LIMITS, full || stream.is_empty() || dice.one_in(4))
        {
            assert!(batch.seqs.is_sorted() && !batch.seqs.is_empty());
            sent.push(send(&window, &named, batch.lane, batch.seqs, false));
        }
        if !alone_runs && let Some(seq) = scheduler.next_alone() {
            alone_runs = true;
            sent.push(send(&window, &named, ALONE, vec![seq], true));
        }
        if sent.is_empty() {
            if stream.is_empty() && window.is_empty() {
                return true;
            }
            idle += 1;
            assert!(idle < 10_000, "nothing is on its way and nothing may come");
            continue;
        }
        let index = usize::try_from(dice.roll(sent.len() as u64)).expect("small");
        let Some(batch) = sent.get_mut(index) else {
            continue;
        };
        if !batch.committed {
            target.commit(all, batch);
            batch.committed = true;
            // The answer may be late, or never come.
            if dice.one_in(3) {
                continue;
            }
        }
        let batch = sent.swap_remove(index);
        if batch.alone {
            alone_runs = false;
            batch
                .seqs
                .iter()
                .for_each(|seq| scheduler.finished_alone(*seq));
        } else {
            assert_eq!(scheduler.committed(batch.lane), batch.seqs);
        }
        window.done(&batch.seqs);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Serial application, whatever the batches, the lanes and the crashes were; each transaction once, and whole.
    #[test]
    fn r14_any_lanes_and_crashes_equal_serial_application(seed in any::<u64>(), naming in 0..3_u8) {
        let naming = [Naming::Files, Naming::Mysql, Naming::Mariadb][usize::from(naming)];
        let mut dice = Dice(seed);
        let (all, expected) = workload(&mut dice, naming, 120);
        let mut target = Target::default();
        for life in 0.. {
            let lanes = [1, 2, 4, 16][usize::try_from(dice.roll(4)).expect("small")];
            if own(&mut dice, &all, &mut target, lanes, naming, life < 5) {
                break;
            }
        }
        prop_assert_eq!(target.tables, expected);
    }
}

fn keyed(keys: &[u128]) -> Footprint {
    Footprint {
        keys: keys.iter().map(|key| KeyHash(*key)).collect(),
        tables: vec![TableId(0)],
        ..Footprint::default()
    }
}

const ROW: Size = Size { rows: 1, bytes: 1 };
const SMALL: Limits = Limits {
    rows: 2,
    bytes: 1_000,
    transactions: 1_000,
};

#[test]
fn disjoint_transactions_run_at_the_same_time() {
    let mut scheduler = Scheduler::new(3);
    for seq in 0..6 {
        assert!(scheduler.has_room(&SMALL));
        scheduler.push(seq, keyed(&[u128::from(seq)]), ROW);
        if seq % 2 == 1 {
            let batch = scheduler.next_batch(&SMALL, false).expect("a full one");
            assert_eq!(batch.seqs, [seq - 1, seq]);
        }
    }
    assert_eq!(scheduler.busy(), 3);
    // All lanes are busy: one open batch fills, and no more is taken.
    scheduler.push(6, keyed(&[6]), ROW);
    scheduler.push(7, keyed(&[7]), ROW);
    assert_eq!(scheduler.next_batch(&SMALL, true), None);
    assert!(!scheduler.has_room(&SMALL));
    assert_eq!(scheduler.committed(1), [2, 3]);
    let batch = scheduler.next_batch(&SMALL, false).expect("a lane is free");
    assert_eq!((batch.lane, batch.seqs), (1, vec![6, 7]));
}

#[test]
fn r15_predecessors_are_in_the_batch_or_earlier_on_its_lane() {
    let mut scheduler = Scheduler::new(4);
    let one = Limits { rows: 1, ..SMALL };
    scheduler.push(0, keyed(&[1]), ROW);
    let first = scheduler.next_batch(&one, true).expect("free");
    scheduler.push(1, keyed(&[2]), ROW);
    let second = scheduler.next_batch(&one, true).expect("free");
    assert_ne!(first.lane, second.lane);
    // Follows both: it may share a batch with neither of their lanes while the other is unfinished.
    scheduler.push(2, keyed(&[1, 2]), ROW);
    // Follows the one that waits.
    scheduler.push(3, keyed(&[2]), ROW);
    // Overtakes them.
    scheduler.push(4, keyed(&[3]), ROW);
    let third = scheduler.next_batch(&one, true).expect("free");
    assert_eq!(third.seqs, [4]);
    assert_eq!(scheduler.next_batch(&one, true), None);
    scheduler.committed(first.lane);
    // Behind the second one's batch on its lane, but not sent before it is through.
    assert_eq!(scheduler.next_batch(&one, true), None);
    scheduler.committed(second.lane);
    let last = scheduler.next_batch(&one, true).expect("free");
    assert_eq!((last.lane, last.seqs), (second.lane, vec![2, 3]));
}

#[test]
fn a_ddl_waits_for_its_tables_and_they_for_it() {
    let mut scheduler = Scheduler::new(2);
    let on = |table: u32, key: u128| Footprint {
        tables: vec![TableId(table)],
        ..keyed(&[key])
    };
    scheduler.push(0, on(1, 1), ROW);
    let before = scheduler.next_batch(&SMALL, true).expect("free");
    let ddl = Footprint {
        tables: vec![TableId(1)],
        needs: Needs::ItsTables,
        ..Footprint::default()
    };
    scheduler.push(1, ddl, ROW);
    scheduler.push(2, on(1, 9), ROW);
    scheduler.push(3, on(2, 3), ROW);
    assert_eq!(scheduler.next_alone(), None);
    let other = scheduler.next_batch(&SMALL, true).expect("free");
    assert_eq!(other.seqs, [3]);
    scheduler.committed(before.lane);
    assert_eq!(scheduler.next_alone(), Some(1));
    assert_eq!(scheduler.next_batch(&SMALL, true), None);
    scheduler.finished_alone(1);
    assert_eq!(scheduler.next_batch(&SMALL, true).expect("free").seqs, [2]);
}

#[test]
fn what_needs_everything_runs_with_nothing() {
    let mut scheduler = Scheduler::new(2);
    scheduler.push(0, keyed(&[1]), ROW);
    let everything = Footprint {
        needs: Needs::Everything,
        ..Footprint::default()
    };
    scheduler.push(1, everything, ROW);
    scheduler.push(2, keyed(&[2]), ROW);
    let first = scheduler.next_batch(&SMALL, true).expect("free");
    assert_eq!(first.seqs, [0]);
    assert_eq!(
        (scheduler.next_alone(), scheduler.next_batch(&SMALL, true)),
        (None, None)
    );
    scheduler.committed(first.lane);
    assert_eq!(scheduler.next_alone(), Some(1));
    assert_eq!(scheduler.next_batch(&SMALL, true), None);
    scheduler.finished_alone(1);
    assert_eq!(scheduler.next_batch(&SMALL, true).expect("free").seqs, [2]);
}

#[test]
fn all_before_are_finished_and_those_after_go_on() {
    let mut scheduler = Scheduler::new(2);
    scheduler.push(0, keyed(&[1]), ROW);
    let first = scheduler.next_batch(&SMALL, true).expect("free");
    let careful = Footprint {
        after_all: true,
        ..keyed(&[2])
    };
    scheduler.push(1, careful, ROW);
    let reader = Footprint {
        after: vec![KeyHash(2)],
        ..keyed(&[3])
    };
    scheduler.push(2, reader.clone(), ROW);
    scheduler.push(3, keyed(&[4]), ROW);
    assert_eq!(scheduler.next_batch(&SMALL, true).expect("free").seqs, [3]);
    scheduler.committed(first.lane);
    let both = scheduler.next_batch(&SMALL, true).expect("free");
    assert_eq!(both.seqs, [1, 2]);
    // What only reads a key holds nobody back.
    scheduler.push(
        4,
        Footprint {
            after: vec![KeyHash(3)],
            ..keyed(&[5])
        },
        ROW,
    );
    let seen: HashSet<Seq> = both.seqs.into_iter().collect();
    assert!(!seen.contains(&4));
}
