//! A set of transactions, of either flavour.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::gtid::{Gtid, Sid};
use super::gtid_text;
use super::intervals::Intervals;
use crate::error::{DmError, codes};
use crate::flavor::Flavor;

/// A set of transactions.
///
/// MySQL: exact ranges per server and tag. MariaDB: the last id per domain, which stands for
/// itself and everything before it in the domain. An empty set has no flavour of its own: what is
/// added first decides.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GtidSet {
    mysql: BTreeMap<Sid, Intervals>,
    /// Domain to (server, sequence).
    mariadb: BTreeMap<u32, (u32, u64)>,
}

impl GtidSet {
    /// The set without members; reads well where the flavour matters to the reader.
    pub fn empty(_flavor: Flavor) -> Self {
        Self::default()
    }

    /// Reads the text of either flavour: white space and line ends are allowed anywhere between
    /// elements, letters may have either case.
    pub fn parse(text: &str) -> Result<Self, DmError> {
        gtid_text::parse_set(text)
    }

    /// Reads a text that must be of the given flavour.
    pub fn parse_for(flavor: Flavor, text: &str) -> Result<Self, DmError> {
        let set = Self::parse(text)?;
        if !set.is_empty() && set.flavor() != flavor {
            return Err(DmError::new(
                &codes::PARSE_GTID,
                format!("{text:?} is not a GTID set of {flavor}"),
            ));
        }
        Ok(set)
    }

    /// The family that wrote its members; MySQL when there are none.
    pub fn flavor(&self) -> Flavor {
        if self.mariadb.is_empty() {
            Flavor::Mysql
        } else {
            Flavor::Mariadb
        }
    }

    /// True when it has no members.
    pub fn is_empty(&self) -> bool {
        self.mysql.is_empty() && self.mariadb.is_empty()
    }

    /// Membership; logarithmic in the number of servers and of ranges.
    pub fn contains(&self, gtid: &Gtid) -> bool {
        match gtid {
            Gtid::Mysql { sid, gno } => self.mysql.get(sid).is_some_and(|i| i.contains(*gno)),
            Gtid::Mariadb { domain, seq, .. } => self
                .mariadb
                .get(domain)
                .is_some_and(|&(_, last)| *seq <= last),
        }
    }

    /// Adds one transaction. A MariaDB sequence number below the domain's last changes nothing.
    pub fn add(&mut self, gtid: &Gtid) {
        match gtid {
            Gtid::Mysql { sid, gno } => self.add_range(sid, *gno, *gno),
            Gtid::Mariadb {
                domain,
                server,
                seq,
            } => self.raise_domain(*domain, *server, *seq),
        }
    }

    /// Adds `first..=last` of one server and tag.
    pub(super) fn add_range(&mut self, sid: &Sid, first: u64, last: u64) {
        if let Some(intervals) = self.mysql.get_mut(sid) {
            intervals.add(first, last);
        } else {
            let mut intervals = Intervals::default();
            intervals.add(first, last);
            self.mysql.insert(sid.clone(), intervals);
        }
    }

    fn raise_domain(&mut self, domain: u32, server: u32, seq: u64) {
        let last = self.mariadb.entry(domain).or_insert((server, seq));
        if seq > last.1 {
            *last = (server, seq);
        }
    }

    /// Members of either.
    #[must_use]
    pub fn union(&self, other: &GtidSet) -> GtidSet {
        let mut all = self.clone();
        for (sid, intervals) in &other.mysql {
            all.mysql.entry(sid.clone()).or_default().union(intervals);
        }
        for (&domain, &(server, seq)) in &other.mariadb {
            all.raise_domain(domain, server, seq);
        }
        all
    }

    /// Members of this that are not in `other`. MariaDB: the domains in which this is further.
    #[must_use]
    pub fn subtract(&self, other: &GtidSet) -> GtidSet {
        let mut rest = GtidSet::default();
        for (sid, intervals) in &self.mysql {
            let left = match other.mysql.get(sid) {
                Some(taken) => intervals.subtract(taken),
                None => intervals.clone(),
            };
            if !left.is_empty() {
                rest.mysql.insert(sid.clone(), left);
            }
        }
        for (&domain, &(server, seq)) in &self.mariadb {
            let covered = other.mariadb.get(&domain).is_some_and(|&(_, s)| seq <= s);
            if !covered {
                rest.mariadb.insert(domain, (server, seq));
            }
        }
        rest
    }

    /// True when every member of `other` is a member of this.
    pub fn is_superset(&self, other: &GtidSet) -> bool {
        let mysql = other.mysql.iter().all(|(sid, intervals)| {
            self.mysql
                .get(sid)
                .is_some_and(|mine| mine.is_superset(intervals))
        });
        let mariadb = other.mariadb.iter().all(|(domain, &(_, seq))| {
            self.mariadb
                .get(domain)
                .is_some_and(|&(_, mine)| seq <= mine)
        });
        mysql && mariadb
    }

    /// Number of members; MariaDB counts the sequence numbers up to the last of each domain.
    pub fn count(&self) -> u64 {
        let mysql = self.mysql.values().map(Intervals::count);
        let mariadb = self.mariadb.values().map(|&(_, seq)| seq);
        mysql
            .chain(mariadb)
            .fold(0, |sum: u64, n| sum.saturating_add(n))
    }

    /// The numbers of one server and tag of MySQL, by its text.
    pub(super) fn numbers_of(&self, sid: &str) -> Option<&Intervals> {
        self.mysql
            .iter()
            .find(|(known, _)| known.to_string() == sid)
            .map(|(_, numbers)| numbers)
    }

    /// The largest number of one server and tag.
    pub fn last_of(&self, sid: &Sid) -> Option<u64> {
        self.mysql.get(sid).and_then(Intervals::last)
    }

    /// MariaDB's last id of one domain.
    pub fn last_of_domain(&self, domain: u32) -> Option<Gtid> {
        self.mariadb
            .get(&domain)
            .map(|&(server, seq)| Gtid::mariadb(domain, server, seq))
    }

    /// One text per server and tag, `uuid:1-15` or `uuid:tag:1`, as a replication client sends
    /// them. MariaDB: one `domain-server-sequence` per domain.
    pub fn elements(&self) -> Vec<String> {
        let mysql = self
            .mysql
            .iter()
            .map(|(sid, intervals)| format!("{sid}:{intervals}"));
        let mariadb = self
            .mariadb
            .iter()
            .map(|(domain, (server, seq))| format!("{domain}-{server}-{seq}"));
        mysql.chain(mariadb).collect()
    }
}

/// As MySQL prints it: the tags of a server follow its untagged ranges within one element.
impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut previous: Option<&[u8; 16]> = None;
        for (sid, intervals) in &self.mysql {
            match (&sid.tag, previous) {
                (Some(tag), Some(uuid)) if *uuid == sid.uuid => write!(f, ":{tag}:{intervals}")?,
                (_, Some(_)) => write!(f, ",{sid}:{intervals}")?,
                (_, None) => write!(f, "{sid}:{intervals}")?,
            }
            previous = Some(&sid.uuid);
        }
        let mut comma = previous.is_some();
        for (domain, (server, seq)) in &self.mariadb {
            let separator = if comma { "," } else { "" };
            write!(f, "{separator}{domain}-{server}-{seq}")?;
            comma = true;
        }
        Ok(())
    }
}

impl TryFrom<String> for GtidSet {
    type Error = DmError;

    fn try_from(text: String) -> Result<Self, DmError> {
        GtidSet::parse(&text)
    }
}

impl From<GtidSet> for String {
    fn from(set: GtidSet) -> String {
        set.to_string()
    }
}

#[cfg(test)]
#[path = "gtid_set_test.rs"]
mod tests;
