use std::fmt;

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};

/// Where a database server is and how to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User.
    pub user: String,
    /// Password, may be empty.
    pub password: String,
}

/// What answers at an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Product {
    /// MySQL, and what claims to be.
    Mysql(String),
    /// MariaDB.
    Mariadb(String),
    /// TiDB: known by `-TiDB-` in its version, never by the leading number.
    Tidb(String),
}

impl Endpoint {
    /// root without password on this machine.
    #[must_use]
    pub fn local(port: u16) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port,
            user: "root".to_owned(),
            password: String::new(),
        }
    }

    /// Reads `HOST:PORT,user,password`; the password may be left out or hold commas.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, ',');
        let addr = parts.next().unwrap_or_default();
        let Some((host, port)) = addr.rsplit_once(':') else {
            bail!("expected HOST:PORT,user,password and got no port in {addr:?}");
        };
        let port = port
            .parse()
            .with_context(|| format!("{port:?} is no port number"))?;
        Ok(Self {
            host: host.to_owned(),
            port,
            user: parts.next().unwrap_or("root").to_owned(),
            password: parts.next().unwrap_or_default().to_owned(),
        })
    }

    /// `host:port`.
    #[must_use]
    pub fn addr(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Options for mysql_async. Prepared statements are cached per connection, so a DDL needs no new connection.
    #[must_use]
    pub fn opts(&self) -> Opts {
        OptsBuilder::default()
            .ip_or_hostname(self.host.clone())
            .tcp_port(self.port)
            .user(Some(self.user.clone()))
            .pass(Some(self.password.clone()).filter(|password| !password.is_empty()))
            .prefer_socket(false)
            .into()
    }

    /// A connection.
    pub async fn conn(&self) -> Result<Conn> {
        Conn::new(self.opts())
            .await
            .with_context(|| format!("cannot connect to {}", self.addr()))
    }

    /// What answers there.
    pub async fn product(&self) -> Result<Product> {
        let mut conn = self.conn().await?;
        let version: String = conn
            .query_first("SELECT VERSION()")
            .await?
            .context("no version")?;
        conn.disconnect().await?;
        Ok(Product::from_version(version))
    }
}

impl Product {
    /// By the text of `version()`.
    #[must_use]
    pub fn from_version(version: String) -> Self {
        if version.contains("-TiDB-") {
            Self::Tidb(version)
        } else if version.to_lowercase().contains("mariadb") {
            Self::Mariadb(version)
        } else {
            Self::Mysql(version)
        }
    }

    /// The text of `version()`.
    #[must_use]
    pub fn version(&self) -> &str {
        let (Self::Mysql(version) | Self::Mariadb(version) | Self::Tidb(version)) = self;
        version
    }

    /// The statement that tells the end of the binlog. MySQL 8.4 took the old name away.
    #[must_use]
    pub fn binlog_status_statement(&self) -> &'static str {
        let major = |version: &str| {
            version
                .split('.')
                .next()
                .and_then(|major| major.parse::<u32>().ok())
        };
        match self {
            Self::Mysql(version)
                if major(version).unwrap_or(0) >= 9 || version.starts_with("8.4") =>
            {
                "SHOW BINARY LOG STATUS"
            }
            _ => "SHOW MASTER STATUS",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mysql(version) => write!(f, "MySQL {version}"),
            Self::Mariadb(version) => write!(f, "MariaDB {version}"),
            Self::Tidb(version) => write!(f, "TiDB {version}"),
        }
    }
}

/// Without the password.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.addr())
    }
}
