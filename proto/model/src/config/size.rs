//! Sizes as these files spell them: `64`, `64MiB`, `500m`.

/// Suffixes and their factors, longest first. `m` and `M` are binary here, as in DM.
const UNITS: &[(&str, u64)] = &[
    ("tib", 1 << 40),
    ("gib", 1 << 30),
    ("mib", 1 << 20),
    ("kib", 1 << 10),
    ("tb", 1 << 40),
    ("gb", 1 << 30),
    ("mb", 1 << 20),
    ("kb", 1 << 10),
    ("t", 1 << 40),
    ("g", 1 << 30),
    ("m", 1 << 20),
    ("k", 1 << 10),
    ("b", 1),
];

/// Reads a size in bytes; a number without a unit counts `unitless` bytes each.
pub(super) fn parse_size(text: &str, unitless: u64) -> Result<u64, String> {
    let bad = || format!("{text:?} is not a size such as 64, 64MiB or 1.5GB");
    let lower = text.trim().to_ascii_lowercase();
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, *factor)))
        .unwrap_or((lower.as_str(), unitless));
    let number = number.trim();
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if number.is_empty() || !plain {
        return Err(bad());
    }
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).ok_or_else(bad);
    }
    let value: f64 = number.parse().map_err(|_| bad())?;
    let bytes = value * factor as f64;
    if bytes >= u64::MAX as f64 {
        return Err(bad());
    }
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units() {
        assert_eq!(parse_size("64", 1 << 20), Ok(64 << 20));
        assert_eq!(parse_size("64MiB", 1), Ok(64 << 20));
        assert_eq!(parse_size("1.5 GB", 1), Ok(3 << 29));
        assert_eq!(parse_size("500m", 1), Ok(500 << 20));
        for bad in ["", "x", "-1", "1e3", "99999999999999999999", "1.2.3", "m"] {
            assert!(parse_size(bad, 1).is_err(), "{bad}");
        }
    }
}
