//! Transactions of one UPDATE, nine of ten on the same 1,000 rows.

use anyhow::Result;

use super::race::{Settings, Workload, race};
use super::{Measured, Options};
use crate::lab::Medium;

const WORKLOAD: Workload = Workload {
    seed_rows: 100_000,
    rows_per_transaction: 1,
    transaction: "SET v1 = IF(RAND() < 0.9, FLOOR(RAND() * 1000), FLOOR(RAND() * {rows})); \
        UPDATE bench.sbtest1 SET k = k + 1 WHERE id = 1 + v1;",
    rows: 200_000,
    rows_on_disk: 40_000,
};

pub(super) async fn measure(medium: Medium, options: &Options) -> Result<Measured> {
    let name = match medium {
        Medium::Memory => "apply-hot",
        Medium::Disk => "apply-hot-disk",
    };
    let settings = Settings {
        name,
        workload: WORKLOAD,
        medium,
    };
    race(settings, options).await
}
