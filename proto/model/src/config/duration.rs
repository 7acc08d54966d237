//! Durations as these files spell them: `1h30m`, `500ms`, `60s`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Bound against nonsense; longer than any interval that makes sense here.
const DURATION_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Units by length of their spelling, so that `ms` is tried before `m`.
const UNITS: &[(&str, f64)] = &[
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// Reads a sequence of numbers with units. A plain `0` needs no unit. The error says what is wrong.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a duration such as 30s, 5m or 1h30m");
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(bad());
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(bad)?;
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(bad)?;
        let number: f64 = number.parse().map_err(|_| bad())?;
        let (tail, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| Some((tail.strip_prefix(unit)?, factor)))
            .ok_or_else(bad)?;
        nanos += number * factor;
        rest = tail;
    }
    let duration = Duration::try_from_secs_f64(nanos / 1e9).map_err(|_| bad())?;
    if duration > DURATION_MAX {
        return Err(format!("{text:?} is longer than 100 years"));
    }
    Ok(duration)
}

/// Writes a duration so that [`parse_duration`] reads the same one.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let nanos = duration.subsec_nanos();
    let mut text = String::new();
    for (length, unit) in [(3600, "h"), (60, "m"), (1, "s")] {
        let count = match unit {
            "h" => seconds / length,
            _ => seconds / length % 60,
        };
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if nanos > 0 {
        match nanos % 1_000_000 {
            0 => text.push_str(&format!("{}ms", nanos / 1_000_000)),
            _ => text.push_str(&format!("{nanos}ns")),
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

pub(super) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_duration(*duration))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_and_sums() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("10ms"), Ok(Duration::from_millis(10)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        for bad in ["", "5", "s", "-1s", "1x", "1.2.3s", "9999999999h", "٣s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn format_is_read_back() {
        for duration in [
            Duration::ZERO,
            Duration::from_millis(1),
            Duration::from_secs(3661),
            Duration::from_millis(90_500),
            Duration::from_nanos(1_000_001),
        ] {
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        assert_eq!(format_duration(Duration::from_secs(300)), "5m");
    }
}
