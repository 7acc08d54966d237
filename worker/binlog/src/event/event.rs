//! The event enum.

use std::sync::Arc;

use super::{FormatDescription, GtidEvent, QueryEvent, TransactionPayload};
use crate::rows::RowsEvent;
use crate::table_map::TableMap;

/// One binlog event. Slices borrow from the buffer given to the decoder.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Server version, header lengths and checksum algorithm of the file that begins here.
    FormatDescription(FormatDescription),
    /// The file ends, or (artificial) the stream tells which file it is in.
    Rotate {
        /// Where to go on in `file`.
        position: u64,
        /// Name of the next file.
        file: String,
    },
    /// A transaction or a statement outside transactions begins.
    Gtid(GtidEvent),
    /// The set of everything before this file, in MySQL's encoding.
    PreviousGtids(&'a [u8]),
    /// MariaDB: last transaction per domain and server before this file.
    GtidList {
        /// The top four bits of the count.
        flags: u8,
        /// In the order of the event.
        entries: Vec<GtidListEntry>,
    },
    /// A statement: BEGIN, COMMIT, DDL, or DML in statement format.
    Query(QueryEvent<'a>),
    /// Commit of a transactional engine.
    Xid(u64),
    /// XA PREPARE; with `one_phase` it is the commit.
    XaPrepare {
        /// `XA COMMIT … ONE PHASE`.
        one_phase: bool,
        /// Which transaction.
        xid: Xid,
    },
    /// Structure for the rows events of this statement.
    TableMap(Arc<TableMap>),
    /// Changed rows.
    Rows(RowsEvent<'a>),
    /// The statement behind the rows that follow (MySQL).
    RowsQuery(&'a [u8]),
    /// The statement behind the rows that follow (MariaDB).
    MariadbAnnotate(&'a [u8]),
    /// A whole compressed transaction.
    TransactionPayload(TransactionPayload<'a>),
    /// The upstream is alive and has nothing new.
    Heartbeat {
        /// The file that the sender reads.
        file: String,
        /// Its position there, in version 2 only.
        position: Option<u64>,
    },
    /// The upstream lost events; what follows is incomplete.
    Incident {
        /// Its number.
        code: u16,
        /// Its text.
        message: String,
    },
    /// The server shut down in order.
    Stop,
    /// A variable of the statement that follows: 1 LAST_INSERT_ID, 2 INSERT_ID.
    IntVar {
        /// Which variable.
        kind: u8,
        /// Its value.
        value: u64,
    },
    /// Seeds of RAND() for the statement that follows.
    Rand {
        /// First seed.
        seed1: u64,
        /// Second seed.
        seed2: u64,
    },
    /// A user variable of the statement that follows.
    UserVar(UserVar<'a>),
    /// LOAD DATA in statement format; its effect is not in this binlog as rows.
    StatementLoad {
        /// Which of the LOAD events.
        type_code: u8,
    },
    /// MariaDB: older files are no longer needed for crash recovery.
    BinlogCheckpoint {
        /// The oldest file needed.
        file: String,
    },
    /// MariaDB: the file is encrypted from here on. On the wire the events arrive in plain text all the
    /// same and this event means nothing; inside a file it ends reading.
    StartEncryption {
        /// Encryption scheme.
        scheme: u8,
        /// Version of the key.
        key_version: u32,
        /// Nonce.
        nonce: [u8; 12],
    },
    /// Carries nothing for us, or is unknown and marked as ignorable.
    Ignorable {
        /// The type byte.
        type_code: u8,
    },
}

/// One entry of MariaDB's GTID_LIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GtidListEntry {
    /// Replication domain.
    pub domain: u32,
    /// Server that logged it.
    pub server: u32,
    /// Sequence number.
    pub seq: u64,
}

/// An XA transaction id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Xid {
    /// Format id, 1 unless the client says otherwise.
    pub format_id: u32,
    /// Global part.
    pub gtrid: Vec<u8>,
    /// Branch part.
    pub bqual: Vec<u8>,
}

/// A user variable, `NULL` when `value` is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserVar<'a> {
    /// Name without `@`.
    pub name: &'a [u8],
    /// Type, collation and bytes.
    pub value: Option<UserVarValue<'a>>,
}

/// Value of a user variable as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserVarValue<'a> {
    /// 0 string, 1 real, 2 integer, 4 decimal.
    pub kind: u8,
    /// Collation id.
    pub collation: u32,
    /// Bytes in the kind's encoding.
    pub bytes: &'a [u8],
    /// Integer without sign.
    pub unsigned: bool,
}
