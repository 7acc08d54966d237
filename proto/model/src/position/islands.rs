//! Transactions beyond a point, as ranges.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::intervals::Intervals;
use super::{Gtid, Position, TransactionId};
use crate::error::{DmError, codes};

/// What numbers a transaction: a server (and tag) of MySQL, a domain of MariaDB, or a binlog file.
///
/// Kept as its text (`uuid`, `uuid:tag`, `7`, `binlog.000003`), which never means two things within one source.
pub type Numbering = String;

/// Where a transaction stands among those that the same numbering counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Who counts.
    pub numbering: Numbering,
    /// MySQL's gno, MariaDB's sequence number, or the end offset in the file.
    pub number: u64,
}

impl Place {
    /// Its place in a stream whose positions do (or do not) have GTIDs.
    pub fn of(id: &TransactionId, by_gtid: bool) -> Self {
        match id.gtid.as_ref().filter(|_| by_gtid) {
            Some(Gtid::Mysql { sid, gno }) => Self {
                numbering: sid.to_string(),
                number: *gno,
            },
            Some(Gtid::Mariadb { domain, seq, .. }) => Self {
                numbering: domain.to_string(),
                number: *seq,
            },
            None => Self {
                numbering: id.end.file.clone(),
                number: id.end.offset,
            },
        }
    }
}

/// A set of transactions: ranges of numbers per numbering.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
pub struct Islands(BTreeMap<Numbering, Intervals>);

impl Islands {
    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Membership.
    pub fn contains(&self, place: &Place) -> bool {
        self.0
            .get(&place.numbering)
            .is_some_and(|numbers| numbers.contains(place.number))
    }

    /// Adds the numbers `first..=last` of one numbering.
    pub fn add(&mut self, numbering: &str, first: u64, last: u64) {
        if let Some(numbers) = self.0.get_mut(numbering) {
            numbers.add(first, last);
        } else {
            let mut numbers = Intervals::default();
            numbers.add(first, last);
            self.0.insert(numbering.to_owned(), numbers);
        }
    }

    /// Adds all members of another set.
    pub fn union(&mut self, other: &Self) {
        for (numbering, numbers) in &other.0 {
            self.0.entry(numbering.clone()).or_default().union(numbers);
        }
    }

    /// How many ranges it takes to write the set.
    pub fn ranges(&self) -> usize {
        self.0.values().map(Intervals::ranges).sum()
    }

    /// Leaves out what lies before the point. MySQL may log its numbers out of order, so there the sets decide; elsewhere ranges that
    /// lie before it as a whole are left out.
    pub fn forget_before(&mut self, at: &Position) {
        let covered = |numbering: &str, number: u64| {
            place_id(numbering, number, at.gtid.is_some()).is_some_and(|id| at.covers(&id))
        };
        self.0.retain(|numbering, numbers| {
            match at.gtid.as_ref().and_then(|set| set.numbers_of(numbering)) {
                Some(before) => *numbers = numbers.subtract(before),
                None => numbers.retain(|last| !covered(numbering, last)),
            }
            !numbers.is_empty()
        });
    }
}

/// A transaction at this place, for asking a position about it.
fn place_id(numbering: &str, number: u64, by_gtid: bool) -> Option<TransactionId> {
    if !by_gtid {
        return Some(TransactionId {
            gtid: None,
            end: super::BinlogPosition::new(numbering, number),
        });
    }
    let gtid = match numbering.parse::<u32>() {
        Ok(domain) => Gtid::mariadb(domain, 0, number),
        Err(_) => Gtid::parse(&format!("{numbering}:{number}")).ok()?,
    };
    Some(TransactionId {
        gtid: Some(gtid),
        end: super::BinlogPosition::default(),
    })
}

/// `uuid:5-7:9,0:12`.
impl fmt::Display for Islands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (numbering, numbers)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{numbering}:{numbers}")?;
        }
        Ok(())
    }
}

impl From<Islands> for BTreeMap<String, String> {
    fn from(islands: Islands) -> Self {
        islands
            .0
            .into_iter()
            .map(|(numbering, numbers)| (numbering, numbers.to_string()))
            .collect()
    }
}

impl TryFrom<BTreeMap<String, String>> for Islands {
    type Error = DmError;

    fn try_from(texts: BTreeMap<String, String>) -> Result<Self, DmError> {
        texts
            .into_iter()
            .map(|(numbering, text)| {
                let numbers = Intervals::parse(&text).ok_or_else(|| {
                    DmError::new(
                        &codes::PARSE_GTID,
                        format!("{text:?} is not a list of ranges such as 5-7:9"),
                    )
                })?;
                Ok((numbering, numbers))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}
