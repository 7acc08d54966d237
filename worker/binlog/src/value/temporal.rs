//! Temporal types. The old ones are decimal digits in little-endian integers; the new ones (MySQL ≥ 5.6,
//! MariaDB ≥ 10.0) are bit fields in big-endian order, offset so that they sort as bytes, with the
//! fraction behind them in as many bytes as its digits need.

use super::Value;
use crate::DecodeError;
use crate::reader::Reader;

const DECIMALS_MAX: u8 = 6;
const MICROS_MAX: u64 = 999_999;

/// Fraction digits of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction {
    decimals: u8,
}

impl Fraction {
    pub(crate) fn new(decimals: u8) -> Result<Self, DecodeError> {
        if decimals > DECIMALS_MAX {
            return Err(DecodeError::Malformed {
                what: "a temporal column has more than 6 fraction digits",
            });
        }
        Ok(Self { decimals })
    }

    fn bytes(self) -> usize {
        usize::from(self.decimals).div_ceil(2)
    }

    /// The stored fraction as microseconds: its unit is 10⁻², 10⁻⁴ or 10⁻⁶ s for 1, 2 or 3 bytes.
    fn micros(self, stored: u64) -> Result<u32, DecodeError> {
        let unit = match self.bytes() {
            1 => 10_000,
            2 => 100,
            _ => 1,
        };
        match stored.checked_mul(unit) {
            Some(micros) if micros <= MICROS_MAX => Ok(micros as u32),
            _ => Err(DecodeError::Malformed {
                what: "a fraction of a second is out of range",
            }),
        }
    }
}

/// A bit field of `value`: `width` bits from bit `from` up.
#[inline]
fn field(value: u64, from: u32, width: u32) -> u16 {
    let mask = 1u64.checked_shl(width).unwrap_or(0).wrapping_sub(1);
    (value.checked_shr(from).unwrap_or(0) & mask) as u16
}

pub(crate) fn year<'a>(reader: &mut Reader<'_>) -> Result<Value<'a>, DecodeError> {
    const BASE: u16 = 1900;
    Ok(Value::Year(match reader.u8()? {
        0 => 0,
        since => u16::from(since).saturating_add(BASE),
    }))
}

pub(crate) fn date<'a>(reader: &mut Reader<'_>) -> Result<Value<'a>, DecodeError> {
    let word = reader.uint_le(3)?;
    Ok(Value::Date {
        year: field(word, 9, 15),
        month: field(word, 5, 4) as u8,
        day: field(word, 0, 5) as u8,
    })
}

/// hhmmss as a signed three-byte number.
pub(crate) fn old_time<'a>(reader: &mut Reader<'_>) -> Result<Value<'a>, DecodeError> {
    const SIGN: u64 = 1 << 23;
    let raw = reader.uint_le(3)?;
    let negative = raw & SIGN != 0;
    let digits = if negative {
        (SIGN << 1).saturating_sub(raw)
    } else {
        raw
    };
    Ok(Value::Time {
        negative,
        hours: (digits / 10_000) as u16,
        minutes: (digits / 100 % 100) as u8,
        seconds: (digits % 100) as u8,
        micros: 0,
        decimals: 0,
    })
}

/// YYYYMMDDhhmmss.
pub(crate) fn old_date_time<'a>(reader: &mut Reader<'_>) -> Result<Value<'a>, DecodeError> {
    let digits = reader.u64()?;
    let two = |unit: u64| (digits.checked_div(unit).unwrap_or(0) % 100) as u8;
    let year = u16::try_from(digits / 10_000_000_000)
        .ok()
        .filter(|year| *year <= 9999);
    Ok(Value::DateTime {
        year: year.ok_or(DecodeError::Malformed {
            what: "the year of a DATETIME is out of range",
        })?,
        month: two(100_000_000),
        day: two(1_000_000),
        hour: two(10_000),
        minute: two(100),
        second: two(1),
        micros: 0,
        decimals: 0,
    })
}

pub(crate) fn old_timestamp<'a>(reader: &mut Reader<'_>) -> Result<Value<'a>, DecodeError> {
    Ok(Value::Timestamp {
        seconds: i64::from(reader.u32()?),
        micros: 0,
        decimals: 0,
    })
}

/// Unsigned: MariaDB ≥ 11.5 uses all 32 bits (to 2106), the others never set the top one.
pub(crate) fn timestamp<'a>(
    reader: &mut Reader<'_>,
    fraction: Fraction,
) -> Result<Value<'a>, DecodeError> {
    let seconds = reader.uint_be(4)? as i64;
    let micros = fraction.micros(reader.uint_be(fraction.bytes())?)?;
    Ok(Value::Timestamp {
        seconds,
        micros,
        decimals: fraction.decimals,
    })
}

/// Sign, 17 bits of year × 13 + month, then day, hour, minute, second.
pub(crate) fn date_time<'a>(
    reader: &mut Reader<'_>,
    fraction: Fraction,
) -> Result<Value<'a>, DecodeError> {
    const SIGN: u64 = 1 << 39;
    let word = reader.uint_be(5)?;
    if word & SIGN == 0 {
        return Err(DecodeError::Malformed {
            what: "a DATETIME is negative",
        });
    }
    let micros = fraction.micros(reader.uint_be(fraction.bytes())?)?;
    Ok(packed_date_time(word, micros, fraction.decimals))
}

/// The bit fields below the sign.
pub(super) fn packed_date_time<'a>(word: u64, micros: u32, decimals: u8) -> Value<'a> {
    let year_and_month = word >> 22 & 0x1_ffff;
    Value::DateTime {
        year: (year_and_month / 13) as u16,
        month: (year_and_month % 13) as u8,
        day: field(word, 17, 5) as u8,
        hour: field(word, 12, 5) as u8,
        minute: field(word, 6, 6) as u8,
        second: field(word, 0, 6) as u8,
        micros,
        decimals,
    }
}

/// Time and fraction are one number, offset by half its range. Taking its magnitude as a whole borrows
/// from the seconds for negative fractions by itself.
pub(crate) fn time<'a>(
    reader: &mut Reader<'_>,
    fraction: Fraction,
) -> Result<Value<'a>, DecodeError> {
    let fraction_bits = (fraction.bytes() as u32).saturating_mul(8);
    let zero = 0x80_0000u64.checked_shl(fraction_bits).unwrap_or(0);
    let stored = reader.uint_be(fraction.bytes().saturating_add(3))?;
    let magnitude = stored.abs_diff(zero);
    let whole = magnitude.checked_shr(fraction_bits).unwrap_or(0);
    let micros = fraction
        .micros(magnitude & 1u64.checked_shl(fraction_bits).unwrap_or(0).wrapping_sub(1))?;
    Ok(packed_time(stored < zero, whole, micros, fraction.decimals))
}

pub(super) fn packed_time<'a>(negative: bool, whole: u64, micros: u32, decimals: u8) -> Value<'a> {
    Value::Time {
        negative,
        hours: field(whole, 12, 10),
        minutes: field(whole, 6, 6) as u8,
        seconds: field(whole, 0, 6) as u8,
        micros,
        decimals,
    }
}
