use dm_model::{BinlogPosition, GtidSet};

use super::*;

fn at(offset: u64) -> TransactionId {
    TransactionId {
        gtid: None,
        end: BinlogPosition::new("b.000001", offset),
    }
}

fn window(count: u64) -> Window {
    let base = Position::without_gtid(BinlogPosition::new("b.000001", 4), "s");
    let mut window = Window::new(base.into());
    for n in 1..=count {
        window.push(at(n * 100));
    }
    window
}

#[test]
fn r14_a_snapshot_is_what_was_acknowledged_and_the_batch() {
    let mut window = window(6);
    window.done(&[2]);
    let applied = window.snapshot(&[4]);
    let members: Vec<u64> = (1..=6).filter(|n| applied.covers(&at(n * 100))).collect();
    assert_eq!(members, [3, 5]);
    assert_eq!(applied.at.binlog.offset, 4);
    // The first two make the rest contiguous.
    let applied = window.snapshot(&[0, 1]);
    assert_eq!(
        (applied.at.binlog.offset, applied.beyond.is_empty()),
        (300, true)
    );
    assert_eq!(window.low().binlog.offset, 4);
    window.done(&[1]);
    window.done(&[0]);
    assert_eq!((window.low().binlog.offset, window.len()), (300, 3));
}

#[test]
fn runs_are_one_range() {
    let mut window = window(9);
    window.done(&[1, 2, 3, 6, 7]);
    assert_eq!(
        window.snapshot(&[]).beyond.to_string(),
        "b.000001:101-400:601-800"
    );

    let base = Position {
        gtid: Some(GtidSet::default()),
        ..Position::default()
    };
    let mut window = Window::new(base.into());
    // Two domains, with gaps in their numbers.
    for (domain, seq) in [(0, 3), (1, 5), (0, 6), (1, 9), (0, 7), (1, 20)] {
        window.push(TransactionId {
            gtid: Some(Gtid::mariadb(domain, 1, seq)),
            end: BinlogPosition::new("b.000001", seq),
        });
    }
    window.done(&[2, 3, 4, 5]);
    assert_eq!(window.snapshot(&[]).beyond.to_string(), "0:4-7,1:6-20");
}

#[test]
fn r14_what_an_earlier_owner_had_beyond_stays_until_it_is_reached() {
    let mut first = window(6);
    first.done(&[2, 4]);
    let recovered = first.snapshot(&[]);
    let mut second = Window::new(recovered);
    for n in 1..=6 {
        let id = at(n * 100);
        let has = second.has(&id);
        assert_eq!(has, n == 3 || n == 5);
        let seq = second.push(id);
        if has {
            second.done(&[seq]);
        }
        // Also before it is read again.
        assert!(second.snapshot(&[]).covers(&at(500)));
    }
    second.done(&[0, 1]);
    assert_eq!(second.low().binlog.offset, 300);
    assert_eq!(second.snapshot(&[]).beyond.to_string(), "b.000001:401-500");
    second.done(&[3, 5]);
    assert_eq!(second.snapshot(&[]), Applied::from(second.newest().clone()));
}

#[test]
#[should_panic(expected = "committed once")]
fn a_transaction_is_done_once() {
    let mut window = window(2);
    window.done(&[1]);
    window.done(&[1]);
}
