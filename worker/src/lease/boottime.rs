//! The clock that leases are measured on.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// A moment on the boot-time clock, in milliseconds since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoottimeMs(u64);

impl BoottimeMs {
    /// A moment that every other one lies after: a lease with this deadline never ran.
    pub const NEVER: BoottimeMs = BoottimeMs(0);

    /// The moment that lies `ms` after boot.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Now. A clock that can't be read counts as the end of time, which ends every lease.
    pub fn now() -> Self {
        match clock_gettime(ClockId::CLOCK_BOOTTIME) {
            Ok(time) => Self(u64::try_from(Duration::from(time).as_millis()).unwrap_or(u64::MAX)),
            Err(_) => Self(u64::MAX),
        }
    }

    /// Milliseconds since boot.
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// This moment plus `ms`.
    pub const fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// How long until `later`; zero when that is past.
    pub const fn until(self, later: BoottimeMs) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_goes_forward() {
        let first = BoottimeMs::now();
        std::thread::sleep(Duration::from_millis(5));
        assert!(BoottimeMs::now() > first);
        assert!(first > BoottimeMs::NEVER);
    }
}
