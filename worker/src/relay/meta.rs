//! `relay.meta`: a durable transaction end of a sub-directory, where recovery begins to scan.

use std::{fs, io, io::Write, path::Path};

use serde::{Deserialize, Serialize};

/// DM's name.
const NAME: &str = "relay.meta";
const NEW_NAME: &str = "relay.meta.new";

/// What it says, with DM's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Meta {
    pub(super) binlog_name: String,
    pub(super) binlog_pos: u64,
    pub(super) binlog_gtid: String,
}

impl Meta {
    /// `None`: there is none, or it cannot be read; then the newest file is scanned from its begin.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        toml::from_str(&fs::read_to_string(folder.join(NAME)).ok()?).ok()
    }

    /// Replaces it atomically and durably. What it names has to be durable before.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let new = folder.join(NEW_NAME);
        let mut file = fs::File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(new, folder.join(NAME))?;
        fs::File::open(folder)?.sync_all()
    }
}
