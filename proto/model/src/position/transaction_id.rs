//! The name of one upstream transaction.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BinlogPosition, Gtid};

/// How a transaction is named in a server's binlog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionId {
    /// Its global id, when the server writes one.
    pub gtid: Option<Gtid>,
    /// The position just after it.
    pub end: BinlogPosition,
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gtid {
            Some(gtid) => write!(f, "{gtid} ending at {}", self.end),
            None => write!(f, "the transaction ending at {}", self.end),
        }
    }
}
