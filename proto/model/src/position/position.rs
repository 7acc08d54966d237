//! A point between two transactions of one source.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BinlogPosition, GtidSet, TransactionId};

/// Everything up to here: GTID set, and file and offset as seen on one server.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// All transactions before this point; `None` when the source runs without GTIDs.
    pub gtid: Option<GtidSet>,
    /// The same point in the files of `server`.
    pub binlog: BinlogPosition,
    /// The server that `binlog` belongs to: its UUID, or its server id where it has none.
    pub server: String,
}

impl Position {
    /// A position of a source without GTIDs.
    pub fn without_gtid(binlog: BinlogPosition, server: impl Into<String>) -> Self {
        Self {
            gtid: None,
            binlog,
            server: server.into(),
        }
    }

    /// True when the transaction is before this point.
    ///
    /// File and offset decide only where one side has no GTID.
    pub fn covers(&self, transaction: &TransactionId) -> bool {
        match (&self.gtid, &transaction.gtid) {
            (Some(set), Some(gtid)) => set.contains(gtid),
            _ => transaction.end <= self.binlog,
        }
    }

    /// Moves behind the transaction.
    pub fn advance(&mut self, transaction: &TransactionId) {
        if let (Some(set), Some(gtid)) = (&mut self.gtid, &transaction.gtid) {
            set.add(gtid);
        }
        self.binlog.clone_from(&transaction.end);
    }

    /// True when everything before `goal` is before this point too.
    pub fn reaches(&self, goal: &Position) -> bool {
        match (&self.gtid, &goal.gtid) {
            (Some(mine), Some(theirs)) => mine.is_superset(theirs),
            _ => goal.binlog <= self.binlog,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gtid {
            Some(set) => write!(f, "{} [{set}]", self.binlog),
            None => write!(f, "{}", self.binlog),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Gtid;

    fn transaction(gno: u64, offset: u64) -> TransactionId {
        TransactionId {
            gtid: Some(Gtid::mysql([7; 16], None, gno)),
            end: BinlogPosition::new("bin.000001", offset),
        }
    }

    #[test]
    fn with_gtids_membership_decides_and_offsets_are_a_hint() {
        let mut position = Position {
            gtid: Some(GtidSet::default()),
            ..Position::default()
        };
        position.advance(&transaction(2, 900));
        assert!(position.covers(&transaction(2, 5000)));
        assert!(!position.covers(&transaction(1, 10)));
        assert_eq!(position.binlog.offset, 900);
    }

    #[test]
    fn without_gtids_the_end_decides() {
        let position = Position::without_gtid(BinlogPosition::new("bin.000001", 100), "1");
        let anonymous = |offset| TransactionId {
            gtid: None,
            end: BinlogPosition::new("bin.000001", offset),
        };
        assert!(position.covers(&anonymous(100)));
        assert!(!position.covers(&anonymous(101)));
    }

    #[test]
    fn reaching_is_containment() {
        let at = |text: &str, offset| Position {
            gtid: Some(GtidSet::parse(text).unwrap()),
            binlog: BinlogPosition::new("bin.000001", offset),
            server: String::new(),
        };
        let uuid = "00000000-0000-0000-0000-000000000001";
        let goal = at(&format!("{uuid}:1-5"), 500);
        assert!(at(&format!("{uuid}:1-6"), 4).reaches(&goal));
        assert!(!at(&format!("{uuid}:1-4:6-9"), 9000).reaches(&goal));
    }

    #[test]
    fn serde_keeps_everything() {
        let position = Position {
            gtid: Some(GtidSet::parse("0-1-5").unwrap()),
            binlog: BinlogPosition::new("bin.000001", 4),
            server: "1".into(),
        };
        let text = serde_json::to_string(&position).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), position);
    }
}
