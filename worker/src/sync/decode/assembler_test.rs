//! Binlogs of five real servers (the decoder's golden files), put together whole and in parts.

use std::path::Path;

use bytes::Bytes;
use dm_binlog::InnerEvents;
use dm_model::{BinlogPosition, Flavor, GtidSet, Position};

use super::{Assembler, Step, Transaction, count_rows};
use crate::sync::{decode::Item, upstream::RawEvent};

const SERVERS: [(&str, Flavor, u32); 5] = [
    ("mysql97", Flavor::Mysql, 90_704),
    ("mysql56", Flavor::Mysql, 50_624),
    ("mariadb105", Flavor::Mariadb, 100_500),
    ("mariadb1011", Flavor::Mariadb, 101_100),
    ("mariadb118", Flavor::Mariadb, 110_800),
];
const WHOLE: usize = 1 << 30;

fn read(server: &(&str, Flavor, u32), part_bytes: usize) -> Vec<Transaction> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("binlog/tests/fixtures")
        .join(server.0)
        .join("binlog.000001");
    let file = std::fs::read(file).unwrap();
    let at = Position {
        gtid: Some(GtidSet::default()),
        binlog: BinlogPosition::new("binlog.000001", 4),
        server: String::new(),
    };
    let mut assembler = Assembler::new(server.1, server.2, at, part_bytes);
    let mut transactions = Vec::new();
    let mut end = 4;
    for event in InnerEvents::new(&file[4..]) {
        let event = event.unwrap();
        end += event.len() as u64;
        let bytes = Bytes::copy_from_slice(event);
        assembler.push(&RawEvent { bytes }).unwrap();
        while let Some(step) = assembler.next().unwrap() {
            if let Step::Transaction(transaction) = step {
                assert_eq!(transaction.id.end.offset, end, "{}", server.0);
                transactions.push(*transaction);
            }
        }
    }
    assert!(!assembler.is_inside());
    transactions
}

fn rows(transactions: &[Transaction]) -> u64 {
    transactions
        .iter()
        .map(|transaction| count_rows(&transaction.items).unwrap())
        .sum()
}

#[test]
fn r14_parts_add_up_to_their_transaction() {
    for server in &SERVERS {
        let whole = read(server, WHOLE);
        assert!(whole.iter().all(|transaction| transaction.part.is_whole()));
        let mut parts = read(server, 1).into_iter().peekable();
        let mut split = 0;
        for transaction in &whole {
            let mut mine = Vec::new();
            let mut first_row = 0;
            loop {
                let part = parts.next().unwrap();
                assert_eq!(part.part.first_row, first_row);
                assert_eq!(part.part.begin, transaction.part.begin);
                first_row += count_rows(&part.items).unwrap();
                let last = part.part.last;
                mine.push(part);
                if last {
                    break;
                }
            }
            split += mine.len() - 1;
            let last = mine.last().unwrap();
            assert_eq!(last.id, transaction.id);
            assert_eq!(last.part.digest, transaction.part.digest);
            assert_eq!(rows(&mine), count_rows(&transaction.items).unwrap());
        }
        assert_eq!(parts.next().map(|part| part.id), None);
        assert!(split > 5, "{}: only {split} splits", server.0);
    }
}

#[test]
fn r03_rows_of_an_xa_transaction_stand_at_its_commit() {
    for server in &SERVERS {
        let transactions = read(server, WHOLE);
        let waits: Vec<usize> = (0..transactions.len())
            .filter(|index| !transactions[*index].mark.undecided.is_empty())
            .collect();
        // MySQL 5.6 logs XA transactions as plain ones.
        if server.0 == "mysql56" {
            assert!(waits.is_empty());
            continue;
        }
        let [prepare] = waits[..] else {
            panic!("{}: undecided after {waits:?}", server.0)
        };
        let listed = &transactions[prepare].mark.undecided[0];
        assert_eq!(listed.xid, "X'676f6c64656e',X'6272616e6368',3");
        assert_eq!(listed.tables.len(), 1);
        assert!(!listed.before.covers(&transactions[prepare].id));
        assert!(listed.before.covers(&transactions[prepare - 1].id));
        assert!(transactions[prepare].items.is_empty());
        let commit = &transactions[prepare + 1];
        assert!(matches!(commit.items[..], [Item::Rows(_)]), "{}", server.0);
    }
}

#[test]
fn r02_the_digest_tells_transactions_apart() {
    for server in &SERVERS {
        let transactions = read(server, WHOLE);
        let mut seen = std::collections::BTreeMap::new();
        for transaction in transactions.iter().filter(|one| !one.items.is_empty()) {
            if let Some(other) = seen.insert(transaction.part.digest.data, &transaction.id) {
                println!("{}: {other} and {} are alike", server.0, transaction.id);
            }
        }
        // Only what is literally the same twice may be alike.
        assert!(
            seen.len() + 3
                >= transactions
                    .iter()
                    .filter(|one| !one.items.is_empty())
                    .count()
        );
        let again = read(server, WHOLE);
        for (one, other) in transactions.iter().zip(&again) {
            assert_eq!(one.part.digest, other.part.digest);
        }
    }
}
