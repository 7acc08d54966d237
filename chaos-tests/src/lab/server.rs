use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::{Database, Endpoint, Kind, Product};

/// Dropping databases of a given server may have to wait for a metadata lock.
const CLEAN_UP_MAX: Duration = Duration::from_secs(30);

/// What a server is for; decides which variable of the environment names a given one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `DM_TEST_SOURCE`
    Source,
    /// `DM_TEST_TARGET`
    Target,
}

/// A database server to test with: our own, or one that is there (`DM_TEST_SOURCE=HOST:PORT,user,password`).
///
/// Tests name databases by [`Server::name`]; on a given server these are unique, and dropped in the end.
#[derive(Debug)]
pub struct Server {
    database: Option<Database>,
    endpoint: Endpoint,
    product: Product,
    prefix: String,
}

impl Server {
    /// The given server of this role when there is one, else a new one of `kind`.
    pub async fn start(role: Role, kind: Kind) -> Result<Self> {
        match Self::given(role)? {
            Some(endpoint) => Self::at(endpoint).await,
            None => Self::own(Database::start(kind).await?).await,
        }
    }

    /// What the environment names for this role.
    pub fn given(role: Role) -> Result<Option<Endpoint>> {
        let name = match role {
            Role::Source => "DM_TEST_SOURCE",
            Role::Target => "DM_TEST_TARGET",
        };
        match std::env::var(name) {
            Ok(text) if !text.is_empty() => Ok(Some(Endpoint::parse(&text).context(name)?)),
            _ => Ok(None),
        }
    }

    /// A server that is there.
    pub async fn at(endpoint: Endpoint) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let product = endpoint.product().await?;
        let prefix = format!(
            "dmt{}_{}_",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Ok(Self {
            database: None,
            endpoint,
            product,
            prefix,
        })
    }

    /// One of ours.
    pub async fn own(database: Database) -> Result<Self> {
        let endpoint = database.endpoint().clone();
        let product = endpoint.product().await?;
        Ok(Self {
            database: Some(database),
            endpoint,
            product,
            prefix: String::new(),
        })
    }

    /// The name that a database called `base` has on this server.
    #[must_use]
    pub fn name(&self, base: &str) -> String {
        format!("{}{base}", self.prefix)
    }

    /// What it is.
    #[must_use]
    pub fn product(&self) -> &Product {
        &self.product
    }

    /// TiDB can't do some things and does others in its own way.
    #[must_use]
    pub fn is_tidb(&self) -> bool {
        matches!(self.product, Product::Tidb(_))
    }

    /// How to log in.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A connection.
    pub async fn conn(&self) -> Result<Conn> {
        self.endpoint.conn().await
    }

    /// The server process, to kill or stop; `None` for a given one (skip the test by name then).
    pub fn database_mut(&mut self) -> Option<&mut Database> {
        self.database.as_mut()
    }

    /// The server process.
    #[must_use]
    pub fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }
}

/// Drops the databases of a test on a given server, also after a panic.
impl Drop for Server {
    fn drop(&mut self) {
        if self.database.is_some() {
            return;
        }
        let (endpoint, prefix) = (self.endpoint.clone(), self.prefix.clone());
        // A thread of its own: we may be inside a runtime, or one that is shutting down.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            runtime.block_on(async {
                tokio::time::timeout(CLEAN_UP_MAX, drop_databases(&endpoint, &prefix))
                    .await
                    .ok()
            })
        })
        .join();
    }
}

async fn drop_databases(endpoint: &Endpoint, prefix: &str) -> Result<()> {
    let mut conn = endpoint.conn().await?;
    let names: Vec<String> = conn.query("SHOW DATABASES").await?;
    for name in names.iter().filter(|name| name.starts_with(prefix)) {
        conn.query_drop(format!("DROP DATABASE IF EXISTS `{name}`"))
            .await?;
    }
    Ok(conn.disconnect().await?)
}
