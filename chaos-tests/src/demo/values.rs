//! SQL literals for rows of every type, from a seeded generator.

use std::fmt::Write;

use rand::Rng;
use rand::rngs::StdRng;

const WORDS: [&str; 16] = [
    "amber",
    "birch",
    "copper",
    "dusk",
    "ember",
    "fjord",
    "grün",
    "harbour",
    "île",
    "juniper",
    "käse",
    "лес",
    "金",
    "quote''d",
    "back\\\\slash",
    "🦀🎁",
];

/// Words that every character set of the data set can hold.
const LATIN: [&str; 6] = ["café", "Straße", "niño", "plain", "Ångström", "£ sign"];

pub(super) fn words(rng: &mut StdRng, count: usize) -> String {
    let picked: Vec<&str> = (0..count).map(|_| pick(rng, &WORDS)).collect();
    format!("'{}'", picked.join(" "))
}

pub(super) fn latin(rng: &mut StdRng) -> String {
    format!("'{} {}'", pick(rng, &LATIN), rng.random_range(0..100))
}

pub(super) fn pick<'a>(rng: &mut StdRng, from: &[&'a str]) -> &'a str {
    from.get(rng.random_range(0..from.len()))
        .copied()
        .unwrap_or_default()
}

pub(super) fn hex(rng: &mut StdRng, bytes: usize) -> String {
    let mut text = String::from("x'");
    for _ in 0..bytes {
        let _ = write!(text, "{:02x}", rng.random::<u8>());
    }
    text + "'"
}

/// One literal in five is NULL.
pub(super) fn or_null(rng: &mut StdRng, literal: String) -> String {
    if rng.random_ratio(1, 5) {
        "NULL".to_owned()
    } else {
        literal
    }
}

pub(super) fn date(rng: &mut StdRng) -> String {
    format!("'{}'", plain_date(rng))
}

fn plain_date(rng: &mut StdRng) -> String {
    format!(
        "{}-{:02}-{:02}",
        rng.random_range(1990..2037),
        rng.random_range(1..=12),
        rng.random_range(1..=28)
    )
}

pub(super) fn datetime(rng: &mut StdRng, digits: usize) -> String {
    let (hour, minute, second) = (
        rng.random_range(4..24),
        rng.random_range(0..60),
        rng.random_range(0..60),
    );
    let fraction = fraction(rng, digits);
    format!(
        "'{} {hour:02}:{minute:02}:{second:02}{fraction}'",
        plain_date(rng)
    )
}

pub(super) fn time(rng: &mut StdRng, digits: usize) -> String {
    let sign = if rng.random() { "-" } else { "" };
    let (hour, minute, second) = (
        rng.random_range(0..838),
        rng.random_range(0..60),
        rng.random_range(0..60),
    );
    format!(
        "'{sign}{hour:02}:{minute:02}:{second:02}{}'",
        fraction(rng, digits)
    )
}

fn fraction(rng: &mut StdRng, digits: usize) -> String {
    match digits {
        0 => String::new(),
        digits => format!(
            ".{:0digits$}",
            rng.random_range(0..10_u64.pow(u32::try_from(digits).unwrap_or(6)))
        ),
    }
}

/// A decimal with that many digits before and after the point.
pub(super) fn decimal(rng: &mut StdRng, whole: usize, fraction: usize) -> String {
    let mut text = if rng.random() {
        "-".to_owned()
    } else {
        String::new()
    };
    for _ in 0..whole {
        let _ = write!(text, "{}", rng.random_range(0..10));
    }
    if fraction > 0 {
        text.push('.');
    }
    for _ in 0..fraction {
        let _ = write!(text, "{}", rng.random_range(0..10));
    }
    text
}

pub(super) fn json(rng: &mut StdRng) -> String {
    let (number, float) = (
        rng.random_range(-1_000_000..1_000_000),
        rng.random::<f64>() * 1e6,
    );
    format!(
        r#"'{{"color": "{}", "n": {number}, "f": {float:.3}, "deep": {{"list": [1, null, true, "ü🦀"]}}, "": []}}'"#,
        pick(rng, &["red", "blue", "say \\\\\"hi\\\\\"", "日本"])
    )
}
