//! A full migration of four tables against `mysqldump | mysql`.

use anyhow::Result;

use super::copy::{Dumper, Settings, race};
use super::{Measured, Options};

pub(super) async fn measure(options: &Options) -> Result<Measured> {
    let settings = Settings {
        name: "load",
        tables: 4,
        rows_each: 1_000_000,
        reference: Dumper::Mysqldump,
    };
    race(settings, options).await
}
