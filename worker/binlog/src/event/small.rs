//! Events of a few fields.

use super::{Event, GtidListEntry, UserVar, UserVarValue, Xid};
use crate::DecodeError;
use crate::reader::{Reader, text};

/// Gtrid and bqual together, by the XA standard.
const XID_BYTES_MAX: usize = 128;

pub(crate) fn rotate(mut reader: Reader<'_>) -> Result<Event<'_>, DecodeError> {
    Ok(Event::Rotate {
        position: reader.u64()?,
        file: text(reader.take_rest()),
    })
}

pub(crate) fn gtid_list(mut reader: Reader<'_>) -> Result<Event<'_>, DecodeError> {
    let word = reader.u32()?;
    let flags = (word >> 28) as u8;
    let mut entries = Vec::new();
    for _ in 0..(word & 0x0fff_ffff) {
        entries.push(GtidListEntry {
            domain: reader.u32()?,
            server: reader.u32()?,
            seq: reader.u64()?,
        });
    }
    Ok(Event::GtidList { flags, entries })
}

/// The length byte is the length modulo 256 and of no use: the statement fills the event.
pub(crate) fn rows_query(mut reader: Reader<'_>) -> Result<Event<'_>, DecodeError> {
    reader.skip(1)?;
    Ok(Event::RowsQuery(reader.take_rest()))
}

pub(crate) fn binlog_checkpoint(mut reader: Reader<'_>) -> Result<Event<'_>, DecodeError> {
    let length = reader.u32()? as usize;
    Ok(Event::BinlogCheckpoint {
        file: text(reader.bytes(length)?),
    })
}

pub(crate) fn start_encryption(mut reader: Reader<'_>) -> Result<Event<'_>, DecodeError> {
    Ok(Event::StartEncryption {
        scheme: reader.u8()?,
        key_version: reader.u32()?,
        nonce: reader.array()?,
    })
}

/// Tag, length, value; unknown tags are skipped by their length.
pub(crate) fn heartbeat_v2(mut reader: Reader<'_>) -> Result<Event<'_>, DecodeError> {
    const END: u64 = 0;
    const FILE: u64 = 1;
    const POSITION: u64 = 2;
    let (mut file, mut position) = (String::new(), None);
    while !reader.is_empty() {
        let tag = reader.packed()?;
        if tag == END {
            break;
        }
        let value = reader.packed_bytes()?;
        match tag {
            FILE => file = text(value),
            POSITION => position = Some(Reader::new(value, "the HEARTBEAT event").packed()?),
            _ => {}
        }
    }
    Ok(Event::Heartbeat { file, position })
}

pub(crate) fn incident(mut reader: Reader<'_>) -> Result<Event<'_>, DecodeError> {
    let code = reader.u16()?;
    // Some servers write no message at all.
    let message = if reader.is_empty() {
        String::new()
    } else {
        text(reader.short_bytes()?)
    };
    Ok(Event::Incident { code, message })
}

pub(crate) fn int_var(mut reader: Reader<'_>) -> Result<Event<'_>, DecodeError> {
    Ok(Event::IntVar {
        kind: reader.u8()?,
        value: reader.u64()?,
    })
}

pub(crate) fn rand(mut reader: Reader<'_>) -> Result<Event<'_>, DecodeError> {
    Ok(Event::Rand {
        seed1: reader.u64()?,
        seed2: reader.u64()?,
    })
}

impl<'a> UserVar<'a> {
    pub(crate) fn read(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        const UNSIGNED: u8 = 1;
        let name_bytes = reader.u32()? as usize;
        let name = reader.bytes(name_bytes)?;
        if reader.u8()? != 0 {
            return Ok(Self { name, value: None });
        }
        let kind = reader.u8()?;
        let collation = reader.u32()?;
        let value_bytes = reader.u32()? as usize;
        let bytes = reader.bytes(value_bytes)?;
        let unsigned = !reader.is_empty() && reader.u8()? & UNSIGNED != 0;
        Ok(Self {
            name,
            value: Some(UserVarValue {
                kind,
                collation,
                bytes,
                unsigned,
            }),
        })
    }
}

impl Xid {
    /// The body of XA_PREPARE: the one-phase flag and the id with 32-bit lengths.
    pub(crate) fn read_prepare(mut reader: Reader<'_>) -> Result<(bool, Self), DecodeError> {
        let one_phase = reader.u8()? != 0;
        let format_id = reader.u32()?;
        let gtrid_bytes = reader.u32()? as usize;
        let bqual_bytes = reader.u32()? as usize;
        Ok((
            one_phase,
            Self::read_parts(&mut reader, format_id, gtrid_bytes, bqual_bytes)?,
        ))
    }

    pub(crate) fn read_parts(
        reader: &mut Reader<'_>,
        format_id: u32,
        gtrid_bytes: usize,
        bqual_bytes: usize,
    ) -> Result<Self, DecodeError> {
        if gtrid_bytes.saturating_add(bqual_bytes) > XID_BYTES_MAX {
            return Err(DecodeError::Malformed {
                what: "an XA transaction id is longer than 128 bytes",
            });
        }
        let gtrid = reader.bytes(gtrid_bytes)?.to_vec();
        let bqual = reader.bytes(bqual_bytes)?.to_vec();
        Ok(Self {
            format_id,
            gtrid,
            bqual,
        })
    }
}
