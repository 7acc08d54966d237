//! The leader's clock for leases.

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
