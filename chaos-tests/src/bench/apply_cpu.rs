//! CPU that the worker spends on a row of apply-insert.

use anyhow::Result;

use super::apply_insert::WORKLOAD;
use super::race::{Settings, alone};
use super::{Measured, Options};
use crate::lab::Medium;

pub(super) async fn measure(options: &Options) -> Result<Measured> {
    let settings = Settings {
        name: "apply-cpu",
        workload: WORKLOAD,
        medium: Medium::Memory,
    };
    let spent = alone(settings, options).await?;
    Ok(Measured {
        name: settings.name,
        unit: "µs",
        values: spent
            .iter()
            .map(|spent| spent.cpu_us_per_row("worker"))
            .collect(),
    })
}
