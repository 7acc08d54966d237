//! One value of a row, the same whether it came from a snapshot or from the binlog, and its SQL text.

use std::fmt::Write as _;

use dm_binlog::Value as Raw;
use dm_ddl::{Column, TypeKind};

use super::{native, transform::Charset};

/// A value in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    /// DECIMAL, printed.
    Number(String),
    /// Character data, transcoded.
    Text(String),
    /// A date or time, printed; TIMESTAMP in UTC.
    Time(String),
    Json(String),
    /// BINARY, BLOB, GEOMETRY and their like.
    Bytes(Vec<u8>),
}

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("its bytes are not valid {0}")]
    Charset(Charset),
    #[error("its bytes are not a stored value of its type")]
    Stored,
}

impl Value {
    /// From a decoded binlog value of `column`.
    pub(crate) fn from_binlog(
        raw: Raw<'_>,
        column: &Column,
        charset: Charset,
    ) -> Result<Self, ValueError> {
        Ok(match raw {
            Raw::Null => Self::Null,
            Raw::Int(value) => Self::Int(value),
            Raw::UInt(value) => Self::UInt(value),
            Raw::Float(value) => Self::Float(value),
            Raw::Double(value) => Self::Double(value),
            Raw::Decimal(text) => Self::Number(text),
            // A snapshot has these as text, the binlog as they are stored.
            Raw::Bytes(bytes)
                if matches!(
                    column.ty.kind,
                    TypeKind::Uuid | TypeKind::Inet4 | TypeKind::Inet6
                ) =>
            {
                Self::Text(native::text(column.ty.kind, bytes).ok_or(ValueError::Stored)?)
            }
            Raw::Bytes(bytes) => Self::from_bytes(bytes, column, charset)?,
            Raw::Unpacked(bytes) => Self::from_bytes(&bytes, column, charset)?,
            Raw::Enum(index) => Self::UInt(u64::from(index)),
            Raw::Set(bits) | Raw::Bit { bits, .. } => Self::UInt(bits),
            Raw::Year(year) => Self::UInt(u64::from(year)),
            Raw::Date { year, month, day } => Self::Time(date_text(year, month, day)),
            Raw::Time {
                negative,
                hours,
                minutes,
                seconds,
                micros,
                ..
            } => Self::Time(time_text(
                negative,
                u32::from(hours),
                minutes,
                seconds,
                micros,
            )),
            Raw::DateTime {
                year,
                month,
                day,
                hour,
                minute,
                second,
                micros,
                ..
            } => Self::Time(datetime_text(
                year, month, day, hour, minute, second, micros,
            )),
            Raw::Timestamp {
                seconds, micros, ..
            } => Self::Time(timestamp_text(seconds, micros)),
            Raw::Json(text) => Self::Json(text),
        })
    }

    /// From the bytes of a string-like column, in the column's character set.
    pub(crate) fn from_bytes(
        bytes: &[u8],
        column: &Column,
        charset: Charset,
    ) -> Result<Self, ValueError> {
        match column.ty.kind {
            // MariaDB's JSON and any JSON that travels as text.
            TypeKind::Json => Charset::Utf8
                .decode(bytes)
                .map(Self::Json)
                .ok_or(ValueError::Charset(Charset::Utf8)),
            // The binlog cuts trailing zero bytes of BINARY(n); the table has them.
            TypeKind::Binary => {
                let mut bytes = bytes.to_vec();
                let length = column.ty.length.unwrap_or(1) as usize;
                if bytes.len() < length {
                    bytes.resize(length, 0);
                }
                Ok(Self::Bytes(bytes))
            }
            TypeKind::Uuid | TypeKind::Inet4 | TypeKind::Inet6 => Charset::Utf8
                .decode(bytes)
                .map(Self::Text)
                .ok_or(ValueError::Charset(Charset::Utf8)),
            _ if charset == Charset::Binary => Ok(Self::Bytes(bytes.to_vec())),
            _ => charset
                .decode(bytes)
                .map(Self::Text)
                .ok_or(ValueError::Charset(charset)),
        }
    }

    /// Appends the literal that stores this value.
    pub(crate) fn write_literal(&self, sql: &mut String) {
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Null => write!(sql, "NULL"),
            Self::Int(value) => {
                sql.push_str(itoa::Buffer::new().format(*value));
                Ok(())
            }
            Self::UInt(value) => {
                sql.push_str(itoa::Buffer::new().format(*value));
                Ok(())
            }
            // Through f64: the text names exactly the stored float, so the target rounds nothing.
            Self::Float(value) => write!(sql, "{:e}", f64::from(*value)),
            Self::Double(value) => write!(sql, "{value:e}"),
            Self::Number(text) => {
                sql.push_str(text);
                Ok(())
            }
            Self::Text(text) | Self::Json(text) => {
                write_quoted(sql, text);
                Ok(())
            }
            Self::Time(text) => {
                for part in ["'", text, "'"] {
                    sql.push_str(part);
                }
                Ok(())
            }
            Self::Bytes(bytes) => {
                write_hex(sql, bytes);
                Ok(())
            }
        };
    }

    /// Bytes that the value takes up in a queue, for bounds.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Number(text) | Self::Text(text) | Self::Time(text) | Self::Json(text) => {
                text.len() + 24
            }
            Self::Bytes(bytes) => bytes.len() + 24,
            _ => 24,
        }
    }
}

/// A time of the TIME type.
pub(crate) fn time_text(
    negative: bool,
    hours: u32,
    minutes: u8,
    seconds: u8,
    micros: u32,
) -> String {
    let mut text = String::with_capacity(TIME_BYTES);
    if negative {
        text.push('-');
    }
    push_digits(&mut text, hours, width(hours, 2));
    push_clock(&mut text, u32::from(minutes), u32::from(seconds), micros);
    text
}

/// A date.
pub(crate) fn date_text(year: u16, month: u8, day: u8) -> String {
    let mut text = String::with_capacity(TIME_BYTES);
    push_date(&mut text, u32::from(year), u32::from(month), u32::from(day));
    text
}

/// A date with time.
pub(crate) fn datetime_text(
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    micros: u32,
) -> String {
    let mut text = String::with_capacity(TIME_BYTES);
    push_date(&mut text, u32::from(year), u32::from(month), u32::from(day));
    text.push(' ');
    push_digits(&mut text, u32::from(hour), 2);
    push_clock(&mut text, u32::from(minute), u32::from(second), micros);
    text
}

/// Room for every date and time.
const TIME_BYTES: usize = 26;

fn push_date(text: &mut String, year: u32, month: u32, day: u32) {
    push_digits(text, year, width(year, 4));
    text.push('-');
    push_digits(text, month, 2);
    text.push('-');
    push_digits(text, day, 2);
}

/// `:mm:ss`, and `.ffffff` unless that is zero.
fn push_clock(text: &mut String, minutes: u32, seconds: u32, micros: u32) {
    text.push(':');
    push_digits(text, minutes, 2);
    text.push(':');
    push_digits(text, seconds, 2);
    if micros != 0 {
        text.push('.');
        push_digits(text, micros, 6);
    }
}

/// Digits of a number, at least so many: what is out of range is for the server to refuse.
fn width(number: u32, least: u32) -> u32 {
    number
        .checked_ilog10()
        .map_or(least, |digits| least.max(digits + 1))
}

/// The last `width` decimal digits of a number: formatting machinery would cost several times as much, for every row.
fn push_digits(text: &mut String, number: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_u32.pow(place.min(9)) % 10;
        text.push(char::from(b'0' + digit as u8));
    }
}

/// Seconds since 1970 in UTC; the zero timestamp is MySQL's zero date.
fn timestamp_text(seconds: i64, micros: u32) -> String {
    if seconds == 0 && micros == 0 {
        return "0000-00-00 00:00:00".to_owned();
    }
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let part = |number: i64| u32::try_from(number).unwrap_or(0);
    let mut text = String::with_capacity(TIME_BYTES);
    push_date(&mut text, part(year), part(month), part(day));
    text.push(' ');
    push_digits(&mut text, part(second / 3_600), 2);
    push_clock(&mut text, part(second / 60 % 60), part(second % 60), micros);
    text
}

/// Days since 1970-01-01 to a date of the proleptic Gregorian calendar. Years are counted from March so that the leap day is last.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A quoted string literal.
pub(crate) fn quote_text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    write_quoted(&mut quoted, text);
    quoted
}

/// A quoted identifier.
pub(crate) fn quote_name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Appends a binary string literal.
pub(crate) fn write_hex(sql: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    sql.reserve(bytes.len() * 2 + 3);
    sql.push_str("x'");
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            sql.push(DIGITS[usize::from(digit)]);
        }
    }
    sql.push('\'');
}

/// Appends a quoted string literal. Sessions of ours never run under NO_BACKSLASH_ESCAPES.
pub(crate) fn write_quoted(sql: &mut String, text: &str) {
    sql.reserve(text.len() + 2);
    sql.push('\'');
    let mut rest = text;
    while let Some(at) = memchr::memchr3(b'\'', b'\\', 0, rest.as_bytes()) {
        // What is found is ASCII, so both ends of it are ends of characters.
        let (plain, special) = rest.split_at(at);
        sql.push_str(plain);
        let (special, after) = special.split_at(1);
        sql.push_str(match special {
            "'" => "''",
            "\\" => "\\\\",
            _ => "\\0",
        });
        rest = after;
    }
    sql.push_str(rest);
    sql.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_printed_in_utc() {
        assert_eq!(timestamp_text(0, 0), "0000-00-00 00:00:00");
        assert_eq!(timestamp_text(1, 0), "1970-01-01 00:00:01");
        assert_eq!(timestamp_text(951_782_399, 5), "2000-02-28 23:59:59.000005");
        assert_eq!(timestamp_text(951_782_400, 0), "2000-02-29 00:00:00");
        assert_eq!(timestamp_text(2_147_483_647, 0), "2038-01-19 03:14:07");
        assert_eq!(timestamp_text(4_294_967_295, 0), "2106-02-07 06:28:15");
    }

    #[test]
    fn dates_and_times_keep_their_width() {
        assert_eq!(date_text(9, 0, 31), "0009-00-31");
        assert_eq!(
            datetime_text(2024, 2, 31, 1, 2, 3, 40),
            "2024-02-31 01:02:03.000040"
        );
        assert_eq!(time_text(true, 838, 59, 59, 0), "-838:59:59");
        assert_eq!(time_text(false, 0, 0, 0, 999_999), "00:00:00.999999");
        assert_eq!(time_text(false, 99, 0, 0, 1), "99:00:00.000001");
        assert_eq!(date_text(12_345, 1, 1), "12345-01-01");
    }

    #[test]
    fn literals_keep_every_character() {
        assert_eq!(quote_text("a'b\\c\0d"), "'a''b\\\\c\\0d'");
        let mut sql = String::new();
        Value::Float(1.175_494_4e-38).write_literal(&mut sql);
        assert_eq!(
            sql.parse::<f64>().map(|value| value as f32),
            Ok(1.175_494_4e-38)
        );
    }
}
