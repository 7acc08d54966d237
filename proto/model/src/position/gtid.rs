//! The global id of one transaction.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::gtid_text;
use crate::error::DmError;
use crate::flavor::Flavor;

/// Who numbers a MySQL transaction: a server, and since 8.3 a tag within it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    /// The server's UUID.
    pub uuid: [u8; 16],
    /// The tag, in lower case.
    pub tag: Option<String>,
}

/// The global id of one transaction, of either flavour.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Gtid {
    /// `uuid:number` or `uuid:tag:number`.
    Mysql {
        /// Server and tag.
        sid: Sid,
        /// The number, from 1.
        gno: u64,
    },
    /// `domain-server-sequence`.
    Mariadb {
        /// Replication domain: an independent stream of numbers.
        domain: u32,
        /// The server that wrote the transaction.
        server: u32,
        /// The number within the domain.
        seq: u64,
    },
}

impl Gtid {
    /// A MySQL id. The tag is kept in lower case, as servers compare it.
    pub fn mysql(uuid: [u8; 16], tag: Option<String>, gno: u64) -> Self {
        let tag = tag
            .filter(|tag| !tag.is_empty())
            .map(|tag| tag.to_ascii_lowercase());
        Gtid::Mysql {
            sid: Sid { uuid, tag },
            gno,
        }
    }

    /// A MariaDB id.
    pub fn mariadb(domain: u32, server: u32, seq: u64) -> Self {
        Gtid::Mariadb {
            domain,
            server,
            seq,
        }
    }

    /// Which family wrote it.
    pub fn flavor(&self) -> Flavor {
        match self {
            Gtid::Mysql { .. } => Flavor::Mysql,
            Gtid::Mariadb { .. } => Flavor::Mariadb,
        }
    }

    /// Reads the text form of either flavour.
    pub fn parse(text: &str) -> Result<Self, DmError> {
        gtid_text::parse_gtid(text)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.uuid.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        match &self.tag {
            Some(tag) => write!(f, ":{tag}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gtid::Mysql { sid, gno } => write!(f, "{sid}:{gno}"),
            Gtid::Mariadb {
                domain,
                server,
                seq,
            } => write!(f, "{domain}-{server}-{seq}"),
        }
    }
}

impl TryFrom<String> for Gtid {
    type Error = DmError;

    fn try_from(text: String) -> Result<Self, DmError> {
        Gtid::parse(&text)
    }
}

impl From<Gtid> for String {
    fn from(gtid: Gtid) -> String {
        gtid.to_string()
    }
}
