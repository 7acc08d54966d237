//! Transactions of one UPDATE of an indexed column.

use anyhow::Result;

use super::race::{Settings, Workload, race};
use super::{Measured, Options};
use crate::lab::Medium;

const WORKLOAD: Workload = Workload {
    seed_rows: 100_000,
    rows_per_transaction: 1,
    transaction: "UPDATE bench.sbtest1 SET k = k + 1 WHERE id = 1 + FLOOR(RAND() * {rows});",
    rows: 200_000,
    rows_on_disk: 40_000,
};

pub(super) async fn measure(medium: Medium, options: &Options) -> Result<Measured> {
    let name = match medium {
        Medium::Memory => "apply-update",
        Medium::Disk => "apply-update-disk",
    };
    let settings = Settings {
        name,
        workload: WORKLOAD,
        medium,
    };
    race(settings, options).await
}
