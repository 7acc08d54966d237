//! Settings of the whole cluster.

use dm_proto::v1;
use serde::{Deserialize, Serialize};

use super::{Event, Refusal, State};

/// How long a worker may go on without hearing from the leader, unless set otherwise.
pub const LEASE_TTL_MS_DEFAULT: u64 = 5_000;
/// Below this, scheduling jitter of a busy machine looks like a dead worker.
pub const LEASE_TTL_MS_MIN: u64 = 200;
/// Above this, take-over takes longer than anybody waits for.
pub const LEASE_TTL_MS_MAX: u64 = 600_000;

/// Settings of the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// TTL of leases granted from now on.
    pub lease_ttl_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            lease_ttl_ms: LEASE_TTL_MS_DEFAULT,
        }
    }
}

pub(super) fn check_ttl(ttl_ms: u64) -> Result<(), Refusal> {
    if (LEASE_TTL_MS_MIN..=LEASE_TTL_MS_MAX).contains(&ttl_ms) {
        return Ok(());
    }
    Err(Refusal::Invalid(format!(
        "lease-ttl {ttl_ms} ms is not within {LEASE_TTL_MS_MIN}..={LEASE_TTL_MS_MAX} ms"
    )))
}

impl State {
    pub(super) fn apply_settings(
        &mut self,
        command: &v1::Settings,
        events: &mut Vec<Event>,
    ) -> Result<Vec<String>, Refusal> {
        check_ttl(command.lease_ttl_ms)?;
        self.settings.lease_ttl_ms = command.lease_ttl_ms;
        events.push(Event::SettingsChanged);
        Ok(Vec::new())
    }
}
