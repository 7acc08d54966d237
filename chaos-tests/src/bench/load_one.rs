//! A full migration of one large table against mydumper and myloader.

use anyhow::Result;

use super::copy::{Dumper, Settings, race};
use super::{Measured, Options};

pub(super) async fn measure(options: &Options) -> Result<Measured> {
    let settings = Settings {
        name: "load-one",
        tables: 1,
        rows_each: 4_000_000,
        reference: Dumper::Mydumper(4),
    };
    race(settings, options).await
}
