//! A session time zone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{DmError, codes};

/// The widest offsets that servers accept, in minutes.
const OFFSET_MINUTES_MIN: i32 = -(12 * 60 + 59);
const OFFSET_MINUTES_MAX: i32 = 14 * 60;

/// `±HH:MM` or a name of the IANA data base; whether the servers know the name is seen when they
/// are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timezone(String);

impl Timezone {
    /// Checks the text and wraps it.
    pub fn parse(text: &str) -> Result<Self, DmError> {
        let bad = |why: &str| {
            DmError::new(
                &codes::CONFIG_INVALID_TIMEZONE,
                format!("timezone {text:?} {why}"),
            )
        };
        if text.eq_ignore_ascii_case("system") || text.eq_ignore_ascii_case("local") {
            return Err(bad("differs from machine to machine"));
        }
        if text.starts_with(['+', '-']) {
            let minutes = offset_minutes(text).ok_or_else(|| bad("is not of the form +08:00"))?;
            if !(OFFSET_MINUTES_MIN..=OFFSET_MINUTES_MAX).contains(&minutes) {
                return Err(bad("is outside -12:59 to +14:00"));
            }
            return Ok(Self(text.to_owned()));
        }
        let named = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'));
        if named {
            Ok(Self(text.to_owned()))
        } else {
            Err(bad("is neither an offset nor a name"))
        }
    }

    /// The text for `SET time_zone`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn offset_minutes(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        (_, rest) => (1, rest),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let well_formed = matches!(hours.len(), 1 | 2)
        && minutes.len() == 2
        && rest.bytes().all(|b| b.is_ascii_digit() || b == b':');
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (well_formed && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

impl fmt::Display for Timezone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Timezone {
    type Error = DmError;

    fn try_from(text: String) -> Result<Self, DmError> {
        Self::parse(&text)
    }
}

impl From<Timezone> for String {
    fn from(zone: Timezone) -> String {
        zone.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_names() {
        for good in [
            "+08:00",
            "-12:59",
            "+14:00",
            "+0:30",
            "UTC",
            "Asia/Shanghai",
            "Etc/GMT+5",
        ] {
            assert_eq!(Timezone::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "SYSTEM", "local", "+14:01", "-13:00", "+8", "+08:60", "+-8:00", "", "a b", "'x",
        ] {
            assert_eq!(Timezone::parse(bad).unwrap_err().code, 20008, "{bad}");
        }
    }
}
