//! How to read one column.

use crate::DecodeError;
use crate::event::inflate_column;
use crate::reader::Reader;
use crate::table_map::{ColumnMeta, column_type as t};
use crate::value::{DecimalShape, Fraction, Value, json_text, temporal};

/// The way from bytes to value, decided once per column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Int {
        bytes: u8,
    },
    UInt {
        bytes: u8,
    },
    Float,
    Double,
    Decimal(DecimalShape),
    /// Length in so many bytes, then the value.
    Bytes {
        length_bytes: u8,
    },
    Json {
        length_bytes: u8,
    },
    /// MariaDB's COMPRESSED attribute.
    Compressed {
        length_bytes: u8,
    },
    Enum {
        bytes: u8,
    },
    Set {
        bytes: u8,
    },
    Bit {
        bits: u8,
        bytes: u8,
    },
    Year,
    Date,
    OldTime,
    OldDateTime,
    OldTimestamp,
    Time(Fraction),
    DateTime(Fraction),
    Timestamp(Fraction),
    Null,
}

impl Codec {
    pub(super) fn new(column: &ColumnMeta, unsigned: bool) -> Result<Self, DecodeError> {
        let [low, high] = column.meta.to_le_bytes();
        let integer = |bytes| {
            if unsigned {
                Self::UInt { bytes }
            } else {
                Self::Int { bytes }
            }
        };
        Ok(match column.type_code {
            t::TINY => integer(1),
            t::SHORT => integer(2),
            t::INT24 => integer(3),
            t::LONG => integer(4),
            t::LONGLONG => integer(8),
            t::FLOAT => Self::Float,
            t::DOUBLE => Self::Double,
            t::NEWDECIMAL => Self::Decimal(DecimalShape::new(low, high)?),
            t::VARCHAR | t::VAR_STRING | t::STRING => Self::Bytes {
                length_bytes: if column.meta > 255 { 2 } else { 1 },
            },
            t::TINY_BLOB..=t::BLOB | t::GEOMETRY | t::VECTOR => Self::Bytes {
                length_bytes: width(low, 4)?,
            },
            t::JSON => Self::Json {
                length_bytes: width(low, 4)?,
            },
            t::ENUM => Self::Enum {
                bytes: width(low, 2)?,
            },
            t::SET => Self::Set {
                bytes: width(low, 8)?,
            },
            t::BIT => Self::bit(low, high)?,
            t::YEAR => Self::Year,
            t::DATE | t::NEWDATE => Self::Date,
            t::TIME => Self::OldTime,
            t::DATETIME => Self::OldDateTime,
            t::TIMESTAMP => Self::OldTimestamp,
            t::TIME2 => Self::Time(Fraction::new(low)?),
            t::DATETIME2 => Self::DateTime(Fraction::new(low)?),
            t::TIMESTAMP2 => Self::Timestamp(Fraction::new(low)?),
            t::NULL => Self::Null,
            t::MARIADB_VARCHAR_COMPRESSED => Self::Compressed {
                length_bytes: if column.meta > 255 { 2 } else { 1 },
            },
            t::MARIADB_BLOB_COMPRESSED => Self::Compressed {
                length_bytes: width(low, 4)?,
            },
            other => return Err(DecodeError::unsupported(format!("column type {other}"))),
        })
    }

    fn bit(odd_bits: u8, whole_bytes: u8) -> Result<Self, DecodeError> {
        let bits = u16::from(whole_bytes)
            .saturating_mul(8)
            .saturating_add(u16::from(odd_bits));
        if odd_bits > 7 || bits == 0 || bits > 64 {
            return Err(DecodeError::Malformed {
                what: "a BIT column is not 1 to 64 bits wide",
            });
        }
        Ok(Self::Bit {
            bits: bits as u8,
            bytes: bits.div_ceil(8) as u8,
        })
    }

    /// Moves behind a value.
    pub(super) fn skip(&self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        match *self {
            Self::Bytes { length_bytes }
            | Self::Json { length_bytes }
            | Self::Compressed { length_bytes } => counted(reader, length_bytes).map(drop),
            _ => self.read(reader).map(drop),
        }
    }

    #[inline]
    pub(super) fn read<'a>(&self, reader: &mut Reader<'a>) -> Result<Value<'a>, DecodeError> {
        Ok(match *self {
            Self::Int { bytes } => Value::Int(signed(reader, bytes)?),
            Self::UInt { bytes } => Value::UInt(unsigned(reader, bytes)?),
            Self::Float => Value::Float(f32::from_le_bytes(reader.array()?)),
            Self::Double => Value::Double(f64::from_le_bytes(reader.array()?)),
            Self::Decimal(shape) => Value::Decimal(shape.read(reader)?),
            Self::Bytes { length_bytes } => Value::Bytes(counted(reader, length_bytes)?),
            Self::Json { length_bytes } => Value::Json(json_text(counted(reader, length_bytes)?)?),
            Self::Compressed { length_bytes } => {
                Value::Unpacked(inflate_column(counted(reader, length_bytes)?)?)
            }
            Self::Enum { bytes } => Value::Enum(reader.uint_le(usize::from(bytes))? as u32),
            Self::Set { bytes } => Value::Set(reader.uint_le(usize::from(bytes))?),
            Self::Bit { bits, bytes } => Value::Bit {
                bits: reader.uint_be(usize::from(bytes))?,
                len: bits,
            },
            Self::Year => temporal::year(reader)?,
            Self::Date => temporal::date(reader)?,
            Self::OldTime => temporal::old_time(reader)?,
            Self::OldDateTime => temporal::old_date_time(reader)?,
            Self::OldTimestamp => temporal::old_timestamp(reader)?,
            Self::Time(fraction) => temporal::time(reader, fraction)?,
            Self::DateTime(fraction) => temporal::date_time(reader, fraction)?,
            Self::Timestamp(fraction) => temporal::timestamp(reader, fraction)?,
            Self::Null => Value::Null,
        })
    }
}

/// A width from the metadata, 1 to `max`.
fn width(declared: u8, max: u8) -> Result<u8, DecodeError> {
    if declared == 0 || declared > max {
        return Err(DecodeError::Malformed {
            what: "the width of a BLOB, JSON, ENUM or SET column is out of range",
        });
    }
    Ok(declared)
}

#[inline]
fn counted<'a>(reader: &mut Reader<'a>, length_bytes: u8) -> Result<&'a [u8], DecodeError> {
    let length = unsigned(reader, length_bytes)?;
    reader.bytes(usize::try_from(length).unwrap_or(usize::MAX))
}

/// The usual widths without a loop.
#[inline]
fn unsigned(reader: &mut Reader<'_>, bytes: u8) -> Result<u64, DecodeError> {
    match bytes {
        1 => reader.u8().map(u64::from),
        2 => reader.u16().map(u64::from),
        4 => reader.u32().map(u64::from),
        8 => reader.u64(),
        _ => reader.uint_le(usize::from(bytes)),
    }
}

/// Sign-extends by moving the sign bit to the top and back.
#[inline]
fn signed(reader: &mut Reader<'_>, bytes: u8) -> Result<i64, DecodeError> {
    let raw = unsigned(reader, bytes)? as i64;
    let shift = 64u32.saturating_sub(u32::from(bytes).saturating_mul(8)) & 63;
    Ok(raw.wrapping_shl(shift).wrapping_shr(shift))
}
