//! Transactions of one INSERT.

use anyhow::Result;

use super::race::{Settings, Workload, race};
use super::{Measured, Options};
use crate::lab::Medium;

pub(super) const WORKLOAD: Workload = Workload {
    seed_rows: 10_000,
    rows_per_transaction: 1,
    transaction: "INSERT INTO bench.sbtest1 (k, c, pad) VALUES (FLOOR(RAND() * {rows}), {c}, {pad});",
    rows: 200_000,
    rows_on_disk: 40_000,
};

pub(super) async fn measure(medium: Medium, options: &Options) -> Result<Measured> {
    let name = match medium {
        Medium::Memory => "apply-insert",
        Medium::Disk => "apply-insert-disk",
    };
    let settings = Settings {
        name,
        workload: WORKLOAD,
        medium,
    };
    race(settings, options).await
}
