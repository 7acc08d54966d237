//! Opening a connection.

use super::{TlsMaterial, classify_connect};
use dm_model::error::{Kind, Scope};
use dm_model::{DbConfig, DmError, codes};
use mysql_async::{Conn, Opts, OptsBuilder};
use std::time::Duration;

/// From the first packet to a session that can be used; longer than a lost SYN's second retry.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The kernel notices a vanished peer soon enough for a lease of seconds.
const TCP_KEEPALIVE: Duration = Duration::from_secs(5);

/// Which side of a migration a connection is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The source.
    Upstream,
    /// The target.
    Target,
}

impl Role {
    /// The scope of errors from such a connection.
    pub fn scope(self) -> Scope {
        match self {
            Role::Upstream => Scope::Upstream,
            Role::Target => Scope::Downstream,
        }
    }
}

/// How to connect.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Statements that pin the session, run in this order before the connection is given out.
    pub setup: Vec<String>,
    /// Affected rows are rows matched.
    pub client_found_rows: bool,
    /// Largest packet; `None` asks the server.
    pub max_allowed_packet: Option<usize>,
    /// Bound on all of connecting, the setup statements included.
    pub timeout: Duration,
    /// Prepared statements kept per connection.
    pub stmt_cache_size: usize,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            setup: Vec::new(),
            client_found_rows: false,
            max_allowed_packet: None,
            timeout: CONNECT_TIMEOUT,
            stmt_cache_size: 32,
        }
    }
}

/// Connects within the timeout. Errors name the address.
pub async fn connect(
    config: &DbConfig,
    role: Role,
    options: &ConnectOptions,
) -> Result<Conn, DmError> {
    let address = address(config);
    let opts = opts(config, role, options)?;
    match tokio::time::timeout(options.timeout, Conn::new(opts)).await {
        Ok(Ok(conn)) => Ok(conn),
        Ok(Err(error)) => Err(classify_connect(
            &error,
            role.scope(),
            &address,
            &config.user,
        )),
        Err(_) => Err(DmError::new(
            &codes::DB_DRIVER_ERROR,
            format!(
                "{address} doesn't answer within {} ms",
                options.timeout.as_millis()
            ),
        )
        .with_scope(role.scope())
        .with_kind(Kind::Transient)),
    }
}

/// `host:port`, as messages show it.
pub(crate) fn address(config: &DbConfig) -> String {
    format!("{}:{}", config.host, config.port)
}

fn opts(config: &DbConfig, role: Role, options: &ConnectOptions) -> Result<Opts, DmError> {
    let tls = config
        .security
        .as_ref()
        .map(|security| TlsMaterial::read(security, role))
        .transpose()?;
    let builder = OptsBuilder::default()
        .ip_or_hostname(config.host.clone())
        .tcp_port(config.port)
        .user(Some(config.user.clone()))
        .pass(Some(config.password.expose().to_owned()))
        .setup(options.setup.clone())
        .client_found_rows(options.client_found_rows)
        .max_allowed_packet(options.max_allowed_packet)
        .stmt_cache_size(options.stmt_cache_size)
        .tcp_keepalive(Some(TCP_KEEPALIVE))
        .tcp_nodelay(true)
        .prefer_socket(Some(false))
        .ssl_opts(tls.map(|tls| tls.opts()));
    Ok(builder.into())
}
