//! SQL values inside JSON that JSON has no type for.

use std::fmt::Write;

use super::temporal::{packed_date_time, packed_time};
use super::{DecimalShape, Value};
use crate::DecodeError;
use crate::reader::Reader;
use crate::table_map::column_type as t;

/// DECIMAL prints as a number, temporal types as strings with six fraction digits, all others as base64
/// with the type's number.
pub(super) fn push_opaque(
    out: &mut String,
    field_type: u8,
    bytes: &[u8],
) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes, "a JSON value");
    match field_type {
        t::NEWDECIMAL => {
            let shape = DecimalShape::new(reader.u8()?, reader.u8()?)?;
            out.push_str(&shape.read(&mut reader)?);
        }
        t::DATE | t::DATETIME | t::TIMESTAMP | t::TIME => {
            push_temporal(out, field_type, i64::from_le_bytes(reader.array()?))
        }
        _ => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\"base64:type{field_type}:");
            push_base64(out, bytes);
            out.push('"');
        }
    }
    Ok(())
}

/// The packed form has the bit fields above 24 bits of microseconds; a negative number is a negative TIME.
fn push_temporal(out: &mut String, field_type: u8, packed: i64) {
    let magnitude = packed.unsigned_abs();
    let micros = (magnitude & 0xff_ffff) as u32;
    let fields = magnitude >> 24;
    // Writing to a String cannot fail.
    let _ = match packed_value(field_type, packed < 0, fields, micros) {
        Value::Time {
            negative,
            hours,
            minutes,
            seconds,
            micros,
            ..
        } => {
            let sign = if negative { "-" } else { "" };
            write!(
                out,
                "\"{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}\""
            )
        }
        Value::DateTime {
            year,
            month,
            day,
            hour,
            minute,
            second,
            micros,
            ..
        } if field_type != t::DATE => {
            write!(
                out,
                "\"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}\""
            )
        }
        Value::DateTime {
            year, month, day, ..
        } => write!(out, "\"{year:04}-{month:02}-{day:02}\""),
        _ => Ok(()),
    };
}

fn packed_value<'a>(field_type: u8, negative: bool, fields: u64, micros: u32) -> Value<'a> {
    if field_type == t::TIME {
        packed_time(negative, fields, micros, 6)
    } else {
        packed_date_time(fields, micros, 6)
    }
}

/// The server breaks base64 into lines and escapes the line ends, as the text is inside a JSON string.
fn push_base64(out: &mut String, bytes: &[u8]) {
    const LINE_BYTES: usize = 57;
    for (number, line) in bytes.chunks(LINE_BYTES).enumerate() {
        if number > 0 {
            out.push_str("\\n");
        }
        push_base64_line(out, line);
    }
}

fn push_base64_line(out: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .chain([0u8; 3].iter())
            .take(3)
            .fold(0usize, |word, byte| word << 8 | usize::from(*byte));
        for position in 0..4usize {
            let shift = [18u32, 12, 6, 0].get(position).copied().unwrap_or(0);
            let letter = ALPHABET
                .get(word.checked_shr(shift).unwrap_or(0) & 63)
                .copied()
                .unwrap_or(b'=');
            out.push(if position > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
}
