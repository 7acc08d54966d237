//! A full migration of four tables against mydumper and myloader.

use anyhow::Result;

use super::copy::{Dumper, Settings, race};
use super::{Measured, Options};

pub(super) async fn measure(options: &Options) -> Result<Measured> {
    let settings = Settings {
        name: "load-mydumper",
        tables: 4,
        rows_each: 1_000_000,
        reference: Dumper::Mydumper(4),
    };
    race(settings, options).await
}
