//! Transaction ids: MySQL's events 33 and 34, MariaDB's 162. The tagged form is in [`super::gtid_tagged`].

use super::Xid;
use crate::DecodeError;
use crate::reader::Reader;

/// The start of a transaction, or of a statement outside transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GtidEvent {
    /// The id in its family's form.
    pub family: GtidFamily,
    /// MySQL's event without an id (`gtid_mode` OFF or permissive).
    pub anonymous: bool,
}

/// Id and attributes per flavour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GtidFamily {
    /// MySQL.
    Mysql(MysqlGtid),
    /// MariaDB.
    Mariadb(MariadbGtid),
}

/// MySQL's id and the attributes of the transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MysqlGtid {
    /// Bit 0: the transaction may contain statements.
    pub flags: u8,
    /// Uuid of the server that executed it first.
    pub sid: [u8; 16],
    /// Number.
    pub gno: u64,
    /// Tag (MySQL ≥ 8.3).
    pub tag: Option<String>,
    /// Logical clock of parallel replication.
    pub last_committed: u64,
    /// Logical clock of parallel replication.
    pub sequence_number: u64,
    /// Commit time on the server that executed it first.
    pub original_commit_timestamp_us: Option<u64>,
    /// Commit time on the server whose binlog this is.
    pub immediate_commit_timestamp_us: Option<u64>,
    /// Bytes of the whole transaction, this event included.
    pub transaction_length: Option<u64>,
    /// Version of the server whose binlog this is, as 80046.
    pub immediate_server_version: Option<u32>,
    /// Version of the server that executed it first.
    pub original_server_version: Option<u32>,
}

/// MariaDB's id and the attributes of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MariadbGtid {
    /// Replication domain.
    pub domain: u32,
    /// Server that logged it (from the event header).
    pub server: u32,
    /// Sequence number.
    pub seq: u64,
    /// All flags as stored.
    pub flags: u8,
    /// One event group without COMMIT: ends by itself.
    pub standalone: bool,
    /// DDL.
    pub ddl: bool,
    /// Only transactional engines took part.
    pub transactional: bool,
    /// Set for group commits.
    pub commit_id: Option<u64>,
    /// The group is an XA PREPARE.
    pub prepared_xa: bool,
    /// The group is the XA COMMIT or ROLLBACK of an earlier PREPARE.
    pub completed_xa: bool,
    /// With either of the two.
    pub xid: Option<Xid>,
    /// Second flags byte: START, COMMIT and ROLLBACK ALTER and others.
    pub flags_extra: u8,
    /// First half of a two-phase ALTER; changes nothing yet.
    pub start_alter: bool,
    /// Second half; the ALTER takes effect here.
    pub commit_alter: bool,
    /// Second half; the ALTER failed.
    pub rollback_alter: bool,
    /// Sequence number of the START ALTER that the second half ends.
    pub start_alter_seq: Option<u64>,
    /// Connection at the source.
    pub thread_id: Option<u32>,
}

impl GtidEvent {
    /// Everything after the number was appended over the versions; old files simply end earlier.
    pub(crate) fn read_mysql(mut reader: Reader<'_>, anonymous: bool) -> Result<Self, DecodeError> {
        const LOGICAL_CLOCK: u8 = 2;
        let mut gtid = MysqlGtid {
            flags: reader.u8()?,
            sid: reader.array()?,
            gno: reader.u64()?,
            ..MysqlGtid::default()
        };
        if reader.is_empty() || reader.u8()? != LOGICAL_CLOCK {
            return Ok(Self {
                family: GtidFamily::Mysql(gtid),
                anonymous,
            });
        }
        gtid.last_committed = reader.u64()?;
        gtid.sequence_number = reader.u64()?;
        if !reader.is_empty() {
            read_commit_timestamps(&mut reader, &mut gtid)?;
        }
        if !reader.is_empty() {
            gtid.transaction_length = Some(reader.packed()?);
        }
        if !reader.is_empty() {
            read_server_versions(&mut reader, &mut gtid)?;
        }
        Ok(Self {
            family: GtidFamily::Mysql(gtid),
            anonymous,
        })
    }

    pub(crate) fn read_mariadb(mut reader: Reader<'_>, server: u32) -> Result<Self, DecodeError> {
        const STANDALONE: u8 = 1;
        const GROUP_COMMIT_ID: u8 = 2;
        const TRANSACTIONAL: u8 = 4;
        const DDL: u8 = 32;
        const PREPARED_XA: u8 = 64;
        const COMPLETED_XA: u8 = 128;
        let seq = reader.u64()?;
        let domain = reader.u32()?;
        let flags = reader.u8()?;
        let has = |flag: u8| flags & flag != 0;
        let commit_id = if has(GROUP_COMMIT_ID) {
            Some(reader.u64()?)
        } else {
            None
        };
        let xid = if has(PREPARED_XA) || has(COMPLETED_XA) {
            Some(read_short_xid(&mut reader)?)
        } else {
            None
        };
        let extra = MariadbExtra::read(&mut reader)?;
        let family = GtidFamily::Mariadb(MariadbGtid {
            domain,
            server,
            seq,
            flags,
            standalone: has(STANDALONE),
            ddl: has(DDL),
            transactional: has(TRANSACTIONAL),
            commit_id,
            prepared_xa: has(PREPARED_XA),
            completed_xa: has(COMPLETED_XA),
            xid,
            flags_extra: extra.flags,
            start_alter: extra.flags & MariadbExtra::START_ALTER != 0,
            commit_alter: extra.flags & MariadbExtra::COMMIT_ALTER != 0,
            rollback_alter: extra.flags & MariadbExtra::ROLLBACK_ALTER != 0,
            start_alter_seq: extra.start_alter_seq,
            thread_id: extra.thread_id,
        });
        Ok(Self {
            family,
            anonymous: false,
        })
    }
}

/// Seven bytes; the top bit says that the original time follows, else both are equal.
fn read_commit_timestamps(
    reader: &mut Reader<'_>,
    gtid: &mut MysqlGtid,
) -> Result<(), DecodeError> {
    const ORIGINAL_FOLLOWS: u64 = 1 << 55;
    let word = reader.uint_le(7)?;
    let immediate = word & !ORIGINAL_FOLLOWS;
    gtid.immediate_commit_timestamp_us = Some(immediate);
    gtid.original_commit_timestamp_us = Some(if word & ORIGINAL_FOLLOWS != 0 {
        reader.uint_le(7)?
    } else {
        immediate
    });
    Ok(())
}

fn read_server_versions(reader: &mut Reader<'_>, gtid: &mut MysqlGtid) -> Result<(), DecodeError> {
    const ORIGINAL_FOLLOWS: u32 = 1 << 31;
    let word = reader.u32()?;
    let immediate = word & !ORIGINAL_FOLLOWS;
    gtid.immediate_server_version = Some(immediate);
    gtid.original_server_version = Some(if word & ORIGINAL_FOLLOWS != 0 {
        reader.u32()?
    } else {
        immediate
    });
    Ok(())
}

fn read_short_xid(reader: &mut Reader<'_>) -> Result<Xid, DecodeError> {
    let format_id = reader.u32()?;
    let gtrid_bytes = usize::from(reader.u8()?);
    let bqual_bytes = usize::from(reader.u8()?);
    Xid::read_parts(reader, format_id, gtrid_bytes, bqual_bytes)
}

/// What newer MariaDB versions append. Older ones pad with zeros, which read as "no flags".
#[derive(Default)]
struct MariadbExtra {
    flags: u8,
    start_alter_seq: Option<u64>,
    thread_id: Option<u32>,
}

impl MariadbExtra {
    const MULTI_ENGINE: u8 = 1;
    const START_ALTER: u8 = 2;
    const COMMIT_ALTER: u8 = 4;
    const ROLLBACK_ALTER: u8 = 8;
    const THREAD_ID: u8 = 16;

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.is_empty() {
            return Ok(Self::default());
        }
        let mut extra = Self {
            flags: reader.u8()?,
            ..Self::default()
        };
        if extra.flags & Self::MULTI_ENGINE != 0 {
            reader.skip(1)?;
        }
        if extra.flags & (Self::COMMIT_ALTER | Self::ROLLBACK_ALTER) != 0 {
            extra.start_alter_seq = Some(reader.u64()?);
        }
        if extra.flags & Self::THREAD_ID != 0 {
            extra.thread_id = Some(reader.u32()?);
        }
        Ok(extra)
    }
}
