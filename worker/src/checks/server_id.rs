//! The id under which we register as a replica.

use super::probe::{Probe, text_of};
use dm_model::{DmError, codes};
use mysql_async::Row;
use rand::Rng;
use std::collections::BTreeSet;

/// DM's range, so that our ids are recognised as such.
const FIRST: u32 = 429_496_729;
const COUNT: u32 = 100_000;

/// The ids in use around an upstream.
#[derive(Debug, Default)]
pub(super) struct IdsInUse {
    own: u32,
    replicas: BTreeSet<u32>,
}

impl IdsInUse {
    /// Asks the server for its own id and its replicas'. Replicas that the account may not see count as none.
    pub(super) async fn read(probe: &mut Probe) -> Self {
        let own = probe.identity.server_id;
        let mut rows: Result<Vec<Row>, DmError> = probe.rows("SHOW REPLICAS").await;
        if rows.is_err() {
            rows = probe.rows("SHOW SLAVE HOSTS").await;
        }
        let replicas = rows.unwrap_or_default();
        let replicas = replicas
            .iter()
            .filter_map(|row| text_of(row, 0)?.parse().ok())
            .collect();
        Self { own, replicas }
    }

    /// Accepts an id that the user gave, unless somebody else has it: two replicas of one id throw each
    /// other off the server, for ever.
    pub(super) fn check(&self, id: u32, address: &str) -> Result<(), DmError> {
        let holder = if id == self.own {
            "the source itself"
        } else if self.replicas.contains(&id) {
            "another replica of the source"
        } else {
            return Ok(());
        };
        Err(DmError::new(
            &codes::SERVER_ID_IN_USE,
            format!("server-id {id} is in use at {address}, by {holder}"),
        ))
    }

    /// Chooses a free one.
    pub(super) fn choose(&self, taken: &[u32], rng: &mut impl Rng) -> Result<u32, DmError> {
        let taken: BTreeSet<u32> = taken.iter().copied().collect();
        let free = |id: &u32| *id != self.own && !self.replicas.contains(id) && !taken.contains(id);
        let start = rng.random_range(0..COUNT);
        (0..COUNT)
            .map(|step| FIRST + (start + step) % COUNT)
            .find(free)
            .ok_or_else(|| {
                DmError::new(
                    &codes::SERVER_ID_IN_USE,
                    "no server-id is left between 429496729 and 429596728",
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_in_the_range_and_never_a_taken_one() {
        let in_use = IdsInUse {
            own: FIRST,
            replicas: BTreeSet::from([FIRST + 1]),
        };
        let taken: Vec<u32> = (FIRST + 2..FIRST + COUNT - 1).collect();
        for _ in 0..20 {
            assert_eq!(
                in_use
                    .choose(&taken, &mut rand::rng())
                    .expect("one is left"),
                FIRST + COUNT - 1
            );
        }
        let all: Vec<u32> = (FIRST..FIRST + COUNT).collect();
        assert_eq!(
            in_use
                .choose(&all, &mut rand::rng())
                .expect_err("none")
                .code,
            60013
        );
    }

    #[test]
    fn refuses_ids_of_others() {
        let in_use = IdsInUse {
            own: 1,
            replicas: BTreeSet::from([2]),
        };
        assert!(in_use.check(1, "h:1").is_err() && in_use.check(2, "h:1").is_err());
        in_use.check(3, "h:1").expect("free");
    }
}
