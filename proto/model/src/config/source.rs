//! `source.yaml`: one upstream server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::db::DbConfig;
use super::{FilterRule, Parsed, check, compat, duration, reader};
use crate::error::DmError;
use crate::flavor::Flavor;
use crate::ids::SourceId;
use crate::keys;

/// One upstream server and how it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SourceConfig {
    /// Its name in the cluster.
    pub source_id: SourceId,
    /// False: its tasks do not run.
    #[serde(default = "yes")]
    pub enable: bool,
    /// Positions are GTID sets.
    #[serde(default)]
    pub enable_gtid: bool,
    /// Keep a relay log.
    #[serde(default)]
    pub enable_relay: bool,
    /// Where the relay log starts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub relay_binlog_name: String,
    /// Where the relay log starts, as a GTID set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub relay_binlog_gtid: String,
    /// Folder of the relay log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub relay_dir: String,
    /// The server's family; found out when the source is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavor: Option<Flavor>,
    /// Our number among the server's replicas; 0: chosen when the source is created.
    #[serde(default)]
    pub server_id: u32,
    /// Names that differ in letter case are different; found out when the source is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_sensitive: Option<bool>,
    /// How to reach it.
    pub from: DbConfig,
    /// When relay logs are deleted.
    #[serde(default)]
    pub purge: PurgeConfig,
    /// When tasks in error are tried again.
    #[serde(default)]
    pub checker: CheckerConfig,
    /// Binlog event filters for all tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<FilterRule>,
}

/// When relay logs are deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct PurgeConfig {
    /// Seconds between two looks; 0 is never.
    pub interval: u64,
    /// Age in hours from which a file may go; 0 is off.
    pub expires: u64,
    /// Free space in GB below which files go.
    pub remain_space: u64,
}

impl Default for PurgeConfig {
    fn default() -> Self {
        Self {
            interval: 3600,
            expires: 0,
            remain_space: 15,
        }
    }
}

/// When tasks in error are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct CheckerConfig {
    /// Try again at all.
    pub check_enable: bool,
    /// After this long without an error the wait shrinks.
    #[serde(with = "duration")]
    pub backoff_rollback: Duration,
    /// Longest wait between two tries.
    #[serde(with = "duration")]
    pub backoff_max: Duration,
}

/// Shortest wait between two tries.
pub(super) const BACKOFF_MIN: Duration = Duration::from_secs(1);

impl Default for CheckerConfig {
    fn default() -> Self {
        Self {
            check_enable: true,
            backoff_rollback: Duration::from_secs(300),
            backoff_max: Duration::from_secs(300),
        }
    }
}

impl SourceConfig {
    /// Reads and checks a file's text.
    pub fn parse(yaml: &str) -> Result<Parsed<Self>, DmError> {
        let Parsed { mut value, notices } = reader::read(yaml, "source", keys::SOURCE)?;
        compat::normalise_source(&mut value);
        check::required_source_keys(&value)?;
        let value: Self = reader::into_struct(value, "source")?;
        check::source(&value)?;
        Ok(Parsed { value, notices })
    }

    /// Writes it in the form that [`Self::parse`] reads.
    pub fn to_yaml(&self) -> Result<String, DmError> {
        reader::to_yaml(self)
    }

    /// As [`Self::to_yaml`], without secrets.
    pub fn redacted_yaml(&self) -> Result<String, DmError> {
        let mut copy = self.clone();
        copy.from.redact();
        copy.to_yaml()
    }

    /// Whether rules distinguish upper and lower case: as the file says, else as its server does.
    pub fn is_case_sensitive(&self) -> bool {
        self.case_sensitive.unwrap_or_default()
    }

    /// The family, once it is known; MySQL until then.
    pub fn flavor(&self) -> Flavor {
        self.flavor.unwrap_or_default()
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
#[path = "source_test.rs"]
mod tests;
