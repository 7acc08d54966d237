//! Places at which a test lets the process end.
//!
//! `DM_FAILPOINT=name:n` ends the process at once, as kill -9 does, when it comes to that place for the n-th time. Only debug builds
//! have such places: in a release build the variable has no effect.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// The environment variable.
const VARIABLE: &str = "DM_FAILPOINT";

static ASKED: OnceLock<Option<(String, u64)>> = OnceLock::new();
static PASSED: AtomicU64 = AtomicU64::new(0);

/// Whether the process is to end at this place, now.
pub(crate) fn reached(name: &str) -> bool {
    if !cfg!(debug_assertions) {
        return false;
    }
    let asked = ASKED.get_or_init(|| parse(&std::env::var(VARIABLE).ok()?));
    let Some((place, times)) = asked else {
        return false;
    };
    place == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *times
}

/// Ends the process if it is to end at this place.
pub(crate) fn failpoint(name: &str) {
    if reached(name) {
        end(name);
    }
}

/// Ends the process without any farewell.
pub(crate) fn end(name: &str) {
    eprintln!("{VARIABLE}: ending at {name}");
    std::process::abort();
}

fn parse(text: &str) -> Option<(String, u64)> {
    let (name, times) = text.split_once(':').unwrap_or((text, "1"));
    Some((name.to_owned(), times.parse().ok()?))
}
