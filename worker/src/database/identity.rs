//! Who a server is.

use super::{Role, classify};
use dm_model::{DmError, Flavor};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

/// Text by which TiDB is known, whatever version number it claims.
const TIDB_MARK: &str = "-TiDB-";
/// TiDB's servers are one; the address says which cluster it is.
const TIDB_UUID: &str = "tidb";

/// What kind of server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// MySQL, Percona, Aurora …
    Mysql,
    /// MariaDB.
    Mariadb,
    /// TiDB.
    Tidb,
}

impl ServerKind {
    /// Reads a version text.
    pub fn of_version(version: &str) -> Self {
        if version.contains(TIDB_MARK) {
            Self::Tidb
        } else if version.to_ascii_lowercase().contains("mariadb") {
            Self::Mariadb
        } else {
            Self::Mysql
        }
    }
}

/// A server as it names itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerIdentity {
    /// `version()`.
    pub version: String,
    /// Its kind.
    pub kind: ServerKind,
    /// Major, minor and patch, as 80046; of TiDB the MySQL version that it claims.
    pub number: u32,
    /// `@@server_uuid`; for MariaDB, which has none, server id, host name and port; for TiDB a constant.
    pub uuid: String,
    /// `@@server_id`; 0 where there is none.
    pub server_id: u32,
}

impl ServerIdentity {
    /// Asks the server.
    pub async fn read(conn: &mut Conn, role: Role) -> Result<Self, DmError> {
        let failed = |error: mysql_async::Error| classify(&error, role.scope());
        let version: String = conn
            .query_first("SELECT VERSION()")
            .await
            .map_err(failed)?
            .unwrap_or_default();
        let kind = ServerKind::of_version(&version);
        let server_id: u32 = match kind {
            ServerKind::Tidb => 0,
            _ => conn
                .query_first("SELECT @@GLOBAL.server_id")
                .await
                .map_err(failed)?
                .unwrap_or_default(),
        };
        let uuid: String = match kind {
            ServerKind::Tidb => TIDB_UUID.to_owned(),
            ServerKind::Mysql => conn
                .query_first("SELECT @@GLOBAL.server_uuid")
                .await
                .map_err(failed)?
                .unwrap_or_default(),
            ServerKind::Mariadb => {
                let row: Option<(String, u32)> = conn
                    .query_first("SELECT @@GLOBAL.hostname, @@GLOBAL.port")
                    .await
                    .map_err(failed)?;
                let (host, port) = row.unwrap_or_default();
                format!("{server_id}-{host}-{port}")
            }
        };
        Ok(Self {
            number: number(&version),
            version,
            kind,
            uuid,
            server_id,
        })
    }

    /// A MySQL or MariaDB server that was asked on a connection of another kind.
    pub(crate) fn of(version: String, server_id: u32, uuid: String) -> Self {
        Self {
            number: number(&version),
            kind: ServerKind::of_version(&version),
            version,
            uuid,
            server_id,
        }
    }

    /// The flavour of its binlog.
    pub fn flavor(&self) -> Flavor {
        match self.kind {
            ServerKind::Mariadb => Flavor::Mariadb,
            ServerKind::Mysql | ServerKind::Tidb => Flavor::Mysql,
        }
    }
}

/// `5.6.24-log` is 50624. MariaDB's prefix for old replicas (`5.5.5-10.5.23-MariaDB`) is left out.
fn number(version: &str) -> u32 {
    let version = version
        .strip_prefix("5.5.5-")
        .filter(|rest| rest.contains("MariaDB"))
        .unwrap_or(version);
    let mut parts = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|digits| digits.parse::<u32>().unwrap_or_default().min(9_999));
    let mut next = || parts.next().unwrap_or_default();
    let (major, minor, patch) = (next(), next(), next());
    major
        .saturating_mul(10_000)
        .saturating_add(minor.saturating_mul(100))
        .saturating_add(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_recognised() {
        for (version, kind, expected) in [
            ("5.6.24-log", ServerKind::Mysql, 50_624),
            ("9.7.4", ServerKind::Mysql, 90_704),
            ("8.0.11-TiDB-v8.4.0-alpha", ServerKind::Tidb, 80_011),
            ("11.8.6-MariaDB-0+deb13u1", ServerKind::Mariadb, 110_806),
            ("5.5.5-10.5.23-MariaDB-1", ServerKind::Mariadb, 100_523),
            ("", ServerKind::Mysql, 0),
            ("99999999999.1", ServerKind::Mysql, 100),
        ] {
            assert_eq!(
                (ServerKind::of_version(version), number(version)),
                (kind, expected),
                "{version}"
            );
        }
    }
}
