//! GTID_TAGGED (42), the first event in MySQL's self-describing encoding: a version, the size of the
//! message, the last field that a reader must know, then pairs of field id and value in variable-length
//! integers.

use super::{GtidEvent, GtidFamily, MysqlGtid};
use crate::DecodeError;
use crate::reader::{Reader, text};

/// Tags are at most 32 characters.
const TAG_BYTES_MAX: usize = 32;

impl GtidEvent {
    pub(crate) fn read_tagged(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        const ENCODING_VERSION: u64 = 1;
        let total = reader.remaining();
        let version = varlen(&mut reader)?;
        if version != ENCODING_VERSION {
            return Err(DecodeError::unsupported(format!(
                "version {version} of the tagged GTID event"
            )));
        }
        let size = varlen(&mut reader)?;
        if usize::try_from(size).is_ok_and(|size| size > total) {
            return Err(DecodeError::Truncated {
                what: "the tagged GTID event",
            });
        }
        let last_required = varlen(&mut reader)?;
        let mut gtid = MysqlGtid::default();
        while !reader.is_empty() {
            let field = varlen(&mut reader)?;
            if !read_field(field, &mut reader, &mut gtid)? {
                if field <= last_required {
                    return Err(DecodeError::unsupported(format!(
                        "field {field} of the tagged GTID event"
                    )));
                }
                // Unknown fields have no length; all that follow are newer still.
                break;
            }
        }
        if gtid.original_commit_timestamp_us.is_none() {
            gtid.original_commit_timestamp_us = gtid.immediate_commit_timestamp_us;
        }
        if gtid.original_server_version.is_none() {
            gtid.original_server_version = gtid.immediate_server_version;
        }
        Ok(Self {
            family: GtidFamily::Mysql(gtid),
            anonymous: false,
        })
    }
}

/// Reads one field; false if its id is unknown.
fn read_field(
    field: u64,
    reader: &mut Reader<'_>,
    gtid: &mut MysqlGtid,
) -> Result<bool, DecodeError> {
    match field {
        0 => gtid.flags = narrow(varlen(reader)?)?,
        // Each byte of the uuid is a variable-length integer of its own.
        1 => {
            for byte in &mut gtid.sid {
                *byte = narrow(varlen(reader)?)?;
            }
        }
        2 => gtid.gno = signed(reader)?,
        3 => gtid.tag = Some(tag(reader)?).filter(|tag| !tag.is_empty()),
        4 => gtid.last_committed = signed(reader)?,
        5 => gtid.sequence_number = signed(reader)?,
        6 => gtid.immediate_commit_timestamp_us = Some(varlen(reader)?),
        7 => gtid.original_commit_timestamp_us = Some(varlen(reader)?),
        8 => gtid.transaction_length = Some(varlen(reader)?),
        9 => gtid.immediate_server_version = Some(narrow(varlen(reader)?)?),
        10 => gtid.original_server_version = Some(narrow(varlen(reader)?)?),
        11 => drop(varlen(reader)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn tag(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let length = usize::try_from(varlen(reader)?).unwrap_or(usize::MAX);
    if length > TAG_BYTES_MAX {
        return Err(DecodeError::Malformed {
            what: "a GTID tag is longer than 32 bytes",
        });
    }
    Ok(text(reader.bytes(length)?))
}

fn narrow<T: TryFrom<u64>>(value: u64) -> Result<T, DecodeError> {
    T::try_from(value).map_err(|_| DecodeError::Malformed {
        what: "a field of the tagged GTID event is out of range",
    })
}

/// Signed integers fold the sign into the lowest bit; the numbers read here are never negative.
fn signed(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let value = varlen(reader)?;
    if value & 1 != 0 {
        return Err(DecodeError::Malformed {
            what: "a number of the tagged GTID event is negative",
        });
    }
    Ok(value >> 1)
}

/// As many ones as the first byte has at its low end, so many bytes follow it; the value stands above the
/// ones and a zero bit, little-endian.
fn varlen(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let first = reader.u8()?;
    let following = first.trailing_ones();
    if following == u8::BITS {
        return reader.u64();
    }
    let high = reader.uint_le(following as usize)?;
    let kept_bits = 7u32.saturating_sub(following);
    let low = u64::from(first)
        .checked_shr(following.saturating_add(1))
        .unwrap_or(0);
    Ok(high.checked_shl(kept_bits).unwrap_or(0) | low)
}
