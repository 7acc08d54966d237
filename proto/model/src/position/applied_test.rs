use super::*;
use crate::position::{BinlogPosition, Gtid, GtidSet};

fn end(offset: u64) -> BinlogPosition {
    BinlogPosition::new("bin.000001", offset)
}

fn plain(offset: u64) -> TransactionId {
    TransactionId {
        gtid: None,
        end: end(offset),
    }
}

fn mysql(gno: u64) -> TransactionId {
    TransactionId {
        gtid: Some(Gtid::mysql([7; 16], None, gno)),
        end: end(gno * 100),
    }
}

fn mariadb(domain: u32, seq: u64) -> TransactionId {
    TransactionId {
        gtid: Some(Gtid::mariadb(domain, 1, seq)),
        end: end(seq * 100),
    }
}

fn with(at: Position, members: &[TransactionId]) -> Applied {
    let mut applied = Applied::from(at);
    for id in members {
        let place = Place::of(id, applied.at.gtid.is_some());
        applied
            .beyond
            .add(&place.numbering, place.number, place.number);
    }
    applied
}

fn at_gtid(text: &str) -> Position {
    Position {
        gtid: Some(GtidSet::parse(text).unwrap()),
        binlog: end(4),
        server: "s".into(),
    }
}

#[test]
fn beyond_the_point_only_members_are_in() {
    let applied = with(
        Position::without_gtid(end(100), "s"),
        &[plain(300), plain(500)],
    );
    let found: Vec<bool> = [100, 200, 300, 400, 500, 600]
        .map(|offset| applied.covers(&plain(offset)))
        .to_vec();
    assert_eq!(found, [true, false, true, false, true, false]);

    let applied = with(at_gtid("0-1-4,1-1-9"), &[mariadb(0, 6)]);
    assert!(applied.covers(&mariadb(0, 6)) && applied.covers(&mariadb(1, 6)));
    assert!(!applied.covers(&mariadb(0, 5)) && !applied.covers(&mariadb(1, 10)));

    let uuid = "07070707-0707-0707-0707-070707070707";
    let applied = with(at_gtid(&format!("{uuid}:1-4")), &[mysql(6)]);
    assert!(applied.covers(&mysql(6)) && !applied.covers(&mysql(5)));
}

#[test]
fn r14_the_union_has_what_either_has() {
    let uuid = "07070707-0707-0707-0707-070707070707";
    let first = with(at_gtid(&format!("{uuid}:1-4")), &[mysql(6), mysql(9)]);
    let second = with(at_gtid(&format!("{uuid}:1-6")), &[mysql(8)]);
    for union in [first.union(&second), second.union(&first)] {
        let members: Vec<u64> = (1..=10).filter(|gno| union.covers(&mysql(*gno))).collect();
        assert_eq!(members, [1, 2, 3, 4, 5, 6, 8, 9]);
        // What lies before the point is not written twice.
        assert_eq!(union.beyond.to_string(), format!("{uuid}:8-9"));
    }
}

#[test]
fn r14_numbers_that_were_logged_out_of_order_are_not_lost() {
    let uuid = "07070707-0707-0707-0707-070707070707";
    // The stream is 2, 1, 4, 3: the point after 4 does not have 3.
    let first = with(at_gtid(&format!("{uuid}:1-2")), &[mysql(4), mysql(3)]);
    let second = with(at_gtid(&format!("{uuid}:1-2:4")), &[]);
    let union = first.union(&second);
    assert!(union.covers(&mysql(3)), "{union}");
    assert_eq!(union.beyond.to_string(), format!("{uuid}:3"));
}

#[test]
fn serde_is_the_positions_with_a_field_more() {
    let position = Position::without_gtid(end(100), "s");
    let text = serde_json::to_string(&position).unwrap();
    let plainly: Applied = serde_json::from_str(&text).unwrap();
    assert_eq!(plainly, Applied::from(position.clone()));
    assert_eq!(serde_json::to_string(&plainly).unwrap(), text);

    for applied in [
        with(position, &[plain(300), plain(500)]),
        with(
            at_gtid("07070707-0707-0707-0707-070707070707:1-4"),
            &[mysql(6)],
        ),
        with(at_gtid("0-1-5"), &[mariadb(0, 7), mariadb(3, 7)]),
    ] {
        let text = serde_json::to_string(&applied).unwrap();
        assert_eq!(
            serde_json::from_str::<Applied>(&text).unwrap(),
            applied,
            "{text}"
        );
    }
    assert!(
        serde_json::from_str::<Applied>(&text.replace('}', ",\"beyond\":{\"x\":\"?\"}}")).is_err()
    );
}
