//! What an operator of the system wants done with one statement of a binlog.
//!
//! An operator is keyed by where its statement stands, and never consumed: a statement that is read again, by whatever worker,
//! meets the same one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{DmError, codes};
use crate::position::{BinlogPosition, Gtid, TransactionId};

/// What to do with the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorAction {
    /// Nothing reaches the target; the schema history follows the statement.
    Skip,
    /// The given statements run in its place.
    Replace,
    /// The given statements run, then it.
    Inject,
}

impl OperatorAction {
    /// Number in DM's `ErrorOp`.
    pub fn number(self) -> i32 {
        match self {
            Self::Skip => 1,
            Self::Replace => 2,
            Self::Inject => 4,
        }
    }

    /// By DM's number.
    pub fn by_number(number: i32) -> Option<Self> {
        [Self::Skip, Self::Replace, Self::Inject]
            .into_iter()
            .find(|action| action.number() == number)
    }
}

/// As dmctl's sub-commands are called.
impl fmt::Display for OperatorAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skip => "skip",
            Self::Replace => "replace",
            Self::Inject => "inject",
        })
    }
}

/// Where a statement stands: its event's start, its transaction's GTID, or both. The GTID decides when there is one: it names the
/// same transaction on every server.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventPlace {
    /// Its transaction.
    pub gtid: Option<Gtid>,
    /// The first byte of its event.
    pub start: Option<BinlogPosition>,
}

impl EventPlace {
    /// Reads what users type: `mysql-bin.000003:3270`, `(mysql-bin.000003, 3270)`, a file of a relay log
    /// (`mysql-bin|000001.000003:3270`), or a GTID (`uuid:5`, `0-1-5`).
    pub fn parse(text: &str) -> Result<Self, DmError> {
        if let Ok(gtid) = Gtid::parse(text.trim()) {
            return Ok(Self {
                gtid: Some(gtid),
                start: None,
            });
        }
        let bad = || {
            DmError::new(
                &codes::VERIFY_HANDLE_ERROR_ARGS,
                format!(
                    "{text:?} is neither a position such as mysql-bin.000003:3270 nor the GTID of one transaction"
                ),
            )
        };
        let typed = BinlogPosition::parse(text).map_err(|_| bad())?;
        let start = BinlogPosition::new(without_relay(&typed.file), typed.offset);
        if start.sequence().is_none() {
            return Err(bad());
        }
        Ok(Self {
            gtid: None,
            start: Some(start),
        })
    }

    /// Whether a statement that starts at `offset`, in this transaction, stands here.
    pub fn is_of(&self, transaction: &TransactionId, offset: u64) -> bool {
        match (&self.gtid, &transaction.gtid, &self.start) {
            (Some(own), Some(other), _) => own == other,
            (_, _, Some(start)) => start.file == transaction.end.file && start.offset == offset,
            _ => false,
        }
    }

    /// Two names of the same place.
    pub fn same(&self, other: &Self) -> bool {
        match (&self.gtid, &other.gtid) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => self.start.is_some() && self.start == other.start,
        }
    }

    /// As dmctl takes it after `-b`.
    pub fn flag(&self) -> String {
        match (&self.start, &self.gtid) {
            (Some(start), _) => format!("{}:{}", start.file, start.offset),
            (None, Some(gtid)) => gtid.to_string(),
            (None, None) => String::new(),
        }
    }
}

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.start, &self.gtid) {
            (Some(start), Some(gtid)) => write!(f, "{start}, {gtid}"),
            (Some(start), None) => write!(f, "{start}"),
            (None, Some(gtid)) => write!(f, "{gtid}"),
            (None, None) => Ok(()),
        }
    }
}

/// `base|SUFFIX.SEQ`, as DM names files of a relay log, to `base.SEQ`.
fn without_relay(file: &str) -> String {
    match file.split_once('|') {
        Some((base, rest)) => match rest.rsplit_once('.') {
            Some((_, sequence)) => format!("{base}.{sequence}"),
            None => file.to_owned(),
        },
        None => file.to_owned(),
    }
}

/// One operator of a subtask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// What to do.
    pub action: OperatorAction,
    /// Where.
    pub place: EventPlace,
    /// The statements of a replacement or an injection, in terms of the source.
    #[serde(default)]
    pub sqls: Vec<String>,
    /// Hash of the statement that it was bound to; empty when only the place was given.
    #[serde(default)]
    pub hash: String,
    /// Tables that stood there when it was bound, for people.
    #[serde(default)]
    pub tables: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(gtid: Option<&str>, end: u64) -> TransactionId {
        TransactionId {
            gtid: gtid.map(|text| Gtid::parse(text).unwrap()),
            end: BinlogPosition::new("mysql-bin.000003", end),
        }
    }

    #[test]
    fn every_form_of_a_place_is_read() {
        for text in [
            "mysql-bin.000003:3270",
            "(mysql-bin.000003, 3270)",
            "mysql-bin|000001.000003:3270",
            "(mysql-bin|000001.000003, 3270)",
        ] {
            let place = EventPlace::parse(text).unwrap();
            assert!(place.is_of(&transaction(None, 4000), 3270), "{text}");
            assert!(!place.is_of(&transaction(None, 4000), 3271), "{text}");
            assert_eq!(EventPlace::parse(&place.flag()), Ok(place));
        }
        let gtid = "3e11fa47-71ca-11e1-9e33-c80aa9429562:23";
        let place = EventPlace::parse(gtid).unwrap();
        assert!(place.is_of(&transaction(Some(gtid), 4000), 7));
        assert!(!place.is_of(&transaction(None, 4000), 7));
        assert!(EventPlace::parse("0-1-5").unwrap().gtid.is_some());
        for bad in ["", "x", "mysql-bin:4", "mysql-bin.000003", "uuid:5"] {
            assert_eq!(EventPlace::parse(bad).unwrap_err().code, 11118, "{bad}");
        }
    }

    #[test]
    fn the_gtid_decides_where_both_are_known() {
        let gtid = "3e11fa47-71ca-11e1-9e33-c80aa9429562:23";
        let place = EventPlace {
            gtid: Some(Gtid::parse(gtid).unwrap()),
            start: Some(BinlogPosition::new("old-bin.000001", 4)),
        };
        assert!(place.is_of(&transaction(Some(gtid), 4000), 3270));
        let other = "3e11fa47-71ca-11e1-9e33-c80aa9429562:24";
        assert!(!place.is_of(&transaction(Some(other), 4000), 4));
    }
}
