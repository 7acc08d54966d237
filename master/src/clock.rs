//! The leader's clocks.

use nix::time::{ClockId, clock_gettime};

/// Milliseconds since boot, suspended time included: a lease must also run out while the machine sleeps.
pub fn now_ms() -> u64 {
    // The clock exists on every Linux since 2.6.39.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or(0);
        seconds * 1_000 + nanoseconds / 1_000_000
    })
}

/// Milliseconds since 1970. Only for comparing requests that came seconds apart, never for leases.
pub fn wall_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
