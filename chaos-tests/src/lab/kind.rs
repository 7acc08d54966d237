use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use super::Product;

/// A database server that tests can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// MySQL 9.7.
    Mysql97,
    /// MySQL 5.6.
    Mysql56,
    /// MariaDB 10.5.
    Mariadb105,
    /// MariaDB 10.11.
    Mariadb1011,
    /// MariaDB 11.8.
    Mariadb118,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Mysql97,
        Self::Mysql56,
        Self::Mariadb105,
        Self::Mariadb1011,
        Self::Mariadb118,
    ];

    /// The name in `deploy/databases.sh` and of the folder in the cache.
    #[must_use]
    pub fn folder_name(self) -> &'static str {
        match self {
            Self::Mysql97 => "mysql97",
            Self::Mysql56 => "mysql56",
            Self::Mariadb105 => "mariadb105",
            Self::Mariadb1011 => "mariadb1011",
            Self::Mariadb118 => "mariadb118",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Mysql97 => "MySQL 9.7",
            Self::Mysql56 => "MySQL 5.6",
            Self::Mariadb105 => "MariaDB 10.5",
            Self::Mariadb1011 => "MariaDB 10.11",
            Self::Mariadb118 => "MariaDB 11.8",
        }
    }

    /// MariaDB has other GTIDs, options and statements than MySQL.
    #[must_use]
    pub fn is_mariadb(self) -> bool {
        matches!(
            self,
            Self::Mariadb105 | Self::Mariadb1011 | Self::Mariadb118
        )
    }

    /// Where the unpacked server is; an error that says how to get it when it is not there.
    pub fn installed(self) -> Result<PathBuf> {
        let folder = cache_dir().join("databases").join(self.folder_name());
        if folder.join("server").is_file() {
            return Ok(folder);
        }
        bail!(
            "{} is not in {}: run deploy/databases.sh {}",
            self.title(),
            folder.display(),
            self.folder_name()
        )
    }
}

impl Kind {
    /// The one that a server is most like, when it was not started by us.
    #[must_use]
    pub fn like(product: &Product) -> Self {
        match product {
            Product::Mariadb(version) if version.starts_with("10.5") => Self::Mariadb105,
            Product::Mariadb(version) if version.starts_with("10.") => Self::Mariadb1011,
            Product::Mariadb(_) => Self::Mariadb118,
            Product::Mysql(version) if version.starts_with("5.") => Self::Mysql56,
            Product::Mysql(_) | Product::Tidb(_) => Self::Mysql97,
        }
    }

    /// A client program of MySQL 9.7, which runs with the loader and libraries of its own suite.
    pub fn client(self, program: &str) -> Result<Command> {
        if self != Self::Mysql97 {
            bail!("the clients of {} are not known here", self.title());
        }
        let prefix = self.installed()?.join("prefix");
        let libraries = [
            "usr/lib/x86_64-linux-gnu",
            "lib/x86_64-linux-gnu",
            "usr/lib/mysql/private",
        ]
        .map(|folder| prefix.join(folder).display().to_string())
        .join(":");
        let mut command = Command::new(prefix.join("usr/lib64/ld-linux-x86-64.so.2"));
        command
            .arg("--library-path")
            .arg(libraries)
            .arg(prefix.join("usr/bin").join(program))
            .arg("--no-defaults");
        Ok(command)
    }
}

/// As in `deploy/env.sh`.
pub(super) fn cache_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("DM_CACHE_DIR").filter(|dir| !dir.is_empty()) {
        return dir.into();
    }
    std::env::var_os("XDG_CACHE_HOME")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache")
        })
        .join("dm-rs")
}
