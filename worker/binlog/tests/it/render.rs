//! Values as the golden files' SELECT prints them: strings in hex, BIT, ENUM and SET as numbers.

use std::fmt::Write;

use dm_binlog::Value;

/// One field of a tab-separated line.
pub(crate) fn render(value: &Value<'_>) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => format!("{:e}", f64::from(*number)),
        Value::Double(number) => format!("{number:e}"),
        Value::Decimal(text) => text.clone(),
        Value::Bytes(bytes) => hex(bytes),
        Value::Unpacked(bytes) => hex(bytes),
        Value::Enum(index) => index.to_string(),
        Value::Set(bits) | Value::Bit { bits, .. } => bits.to_string(),
        Value::Year(year) => format!("{year:04}"),
        Value::Date { year, month, day } => format!("{year:04}-{month:02}-{day:02}"),
        Value::Time {
            negative,
            hours,
            minutes,
            seconds,
            micros,
            decimals,
        } => {
            let sign = if *negative { "-" } else { "" };
            format!(
                "{sign}{hours:02}:{minutes:02}:{seconds:02}{}",
                fraction(*micros, *decimals)
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
            decimals,
        } => {
            let fraction = fraction(*micros, *decimals);
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}")
        }
        Value::Timestamp {
            seconds,
            micros,
            decimals,
        } => timestamp(*seconds, *micros, *decimals),
        Value::Json(text) => hex(text.as_bytes()),
    }
}

/// Equal texts, or equal numbers where servers print numbers in several ways.
pub(crate) fn same(found: &str, expected: &str) -> bool {
    found == expected
        || (found.contains('e') && found.parse::<f64>().ok() == expected.parse::<f64>().ok())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02X}").unwrap();
        text
    })
}

fn fraction(micros: u32, decimals: u8) -> String {
    if decimals == 0 {
        String::new()
    } else {
        format!(".{micros:06}")[..=usize::from(decimals)].to_owned()
    }
}

fn timestamp(seconds: i64, micros: u32, decimals: u8) -> String {
    let fraction = fraction(micros, decimals);
    if seconds == 0 && micros == 0 {
        return format!("0000-00-00 00:00:00{fraction}");
    }
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut left) = (1970, days);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + i64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!(
        "{year:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02}{fraction}",
        month + 1,
        left + 1
    )
}
