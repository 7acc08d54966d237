//! Durations as Go spells them (`10m`, `1h30m`, `500ms`, `1.5s`), because DM's flags take them so.

use std::time::Duration;

/// Units in seconds; longer names first, so that `ms` is not read as `m`.
const UNITS: [(&str, f64); 7] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// Longest duration taken; longer ones are surely typing errors and would overflow sums.
const SECONDS_MAX: f64 = 100.0 * 365.0 * 86400.0;

/// Reads a positive duration.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a positive duration such as 10m, 1h30m or 500ms");
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let (unit, factor) = UNITS
            .iter()
            .find(|(unit, _)| tail.starts_with(unit))
            .ok_or_else(wrong)?;
        seconds += number * factor;
        rest = tail.strip_prefix(unit).unwrap_or_default();
    }
    if seconds > 0.0 && seconds <= SECONDS_MAX {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_spellings() {
        let cases = [
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1.5s", 1500),
            ("2s", 2000),
        ];
        for (text, ms) in cases {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "0s", "10", "m", "-1s", "1x", "1.2.3s", "999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
