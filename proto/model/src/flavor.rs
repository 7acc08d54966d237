//! Which family of server a source is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{DmError, codes};

/// The family of an upstream server: decides GTID form and binlog dialect.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Flavor {
    /// MySQL and its derivatives with `uuid:n` GTIDs.
    #[default]
    Mysql,
    /// MariaDB with `domain-server-sequence` GTIDs.
    Mariadb,
}

impl Flavor {
    /// The spelling used in configuration files.
    pub fn as_str(self) -> &'static str {
        match self {
            Flavor::Mysql => "mysql",
            Flavor::Mariadb => "mariadb",
        }
    }

    /// Reads the configuration spelling.
    pub fn parse(text: &str) -> Result<Self, DmError> {
        match text.to_ascii_lowercase().as_str() {
            "mysql" => Ok(Flavor::Mysql),
            "mariadb" => Ok(Flavor::Mariadb),
            _ => Err(DmError::new(
                &codes::NOT_SUPPORTED_FLAVOR,
                format!("flavor {text:?} is not known; use mysql or mariadb"),
            )),
        }
    }
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
