//! How one process reaches another: addresses, channels, deadlines, size limits.
//!
//! A dead peer is noticed within connect or keepalive time, because every wait here is bounded. TLS joins at [`Security`]: the
//! callers already pass it, so switching it on touches this file only.

use std::{fmt, future::Future, time::Duration};

use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};

use crate::{request_id::RequestId, telemetry};

/// Longest wait for a connection; DM's dial timeout.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A ping goes out after this much silence; DM's keepalive time.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
/// A ping unanswered for this long closes the connection; DM's keepalive timeout.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest message read or written. A status of a thousand tables with errors is about 1 MiB; a snapshot goes in pieces.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// How a connection is protected.
#[derive(Clone, Debug, Default)]
pub enum Security {
    /// Plain TCP.
    #[default]
    Plain,
    /// TLS with these files.
    Tls {
        /// Certificate of the authority that signed the peers.
        ca_file: String,
        /// Our certificate.
        cert_file: String,
        /// Its key.
        key_file: String,
    },
}

/// Why no channel could be made.
#[derive(Debug)]
pub enum ConnectError {
    /// The address does not read as host:port.
    Address(String),
    /// TLS was asked for; it is not built in yet.
    TlsNotYet,
    /// The peer did not answer in time or refused.
    Unreachable {
        /// Address that was tried.
        addr: String,
        /// What the connection attempt said, innermost cause first.
        cause: String,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(addr) => write!(f, "address `{addr}` is not host:port"),
            Self::TlsNotYet => {
                f.write_str("TLS is not supported yet; leave out ssl-ca, ssl-cert and ssl-key")
            }
            Self::Unreachable { addr, cause } => write!(f, "cannot connect to {addr}: {cause}"),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Takes `host:port`, with or without a URL scheme in front, and gives back `host:port`.
pub fn normalize_addr(addr: &str) -> Result<&str, ConnectError> {
    let bad = || ConnectError::Address(addr.to_owned());
    let rest = addr.trim();
    let rest = rest
        .split_once("://")
        .map_or(rest, |(_, rest)| rest)
        .trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':').ok_or_else(bad)?;
    let plain =
        !host.is_empty() && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')));
    if !plain || port.parse::<u16>().is_err() {
        return Err(bad());
    }
    Ok(rest)
}

/// The endpoint of an address, with all bounds set.
pub fn endpoint(addr: &str, security: &Security) -> Result<Endpoint, ConnectError> {
    let addr = normalize_addr(addr)?;
    if matches!(security, Security::Tls { .. }) {
        return Err(ConnectError::TlsNotYet);
    }
    let endpoint = Endpoint::from_shared(format!("http://{addr}"))
        .map_err(|_| ConnectError::Address(addr.to_owned()))?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true))
}

/// Connects now, within [`CONNECT_TIMEOUT`].
pub async fn connect(addr: &str, security: &Security) -> Result<Channel, ConnectError> {
    let endpoint = endpoint(addr, security)?;
    let unreachable = |cause: String| ConnectError::Unreachable {
        addr: addr.to_owned(),
        cause,
    };
    // The endpoint's own timeout covers TCP only; a peer that accepts and stays silent is bounded here.
    match tokio::time::timeout(CONNECT_TIMEOUT, endpoint.connect()).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(unreachable(innermost(&error))),
        Err(_) => Err(unreachable(format!(
            "no answer within {} s",
            CONNECT_TIMEOUT.as_secs()
        ))),
    }
}

/// A channel that connects at its first call and again after each loss. Must be called inside a tokio runtime.
pub fn connect_lazy(addr: &str, security: &Security) -> Result<Channel, ConnectError> {
    Ok(endpoint(addr, security)?.connect_lazy())
}

/// A request that carries the current trace and tells the server its deadline.
pub fn request<T>(message: T, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    telemetry::inject(request.metadata_mut());
    request
}

/// As [`request`], for a mutating call.
pub fn mutating_request<T>(message: T, deadline: Duration, id: &RequestId) -> Request<T> {
    let mut request = request(message, deadline);
    id.attach(request.metadata_mut());
    request
}

/// Bounds a call on our side, whatever the server does. For a mutating call the outcome is then unknown.
pub async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    match tokio::time::timeout(deadline, call).await {
        Ok(result) => result,
        Err(_) => Err(Status::deadline_exceeded(format!(
            "no answer within {} ms",
            deadline.as_millis()
        ))),
    }
}

/// True when the server cannot take the call now, or the connection broke: another master may answer. Whether a mutating call was
/// taken is then unknown, so it is repeated under the same request id only.
pub fn is_unavailable(status: &Status) -> bool {
    // A status that came from the server has no source; one made here from a broken connection has.
    status.code() == Code::Unavailable || std::error::Error::source(status).is_some()
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_scheme() {
        for addr in [
            "127.0.0.1:8261",
            "http://127.0.0.1:8261",
            "https://127.0.0.1:8261/",
            " 127.0.0.1:8261",
        ] {
            assert_eq!(normalize_addr(addr).expect(addr), "127.0.0.1:8261");
        }
        assert_eq!(normalize_addr("[::1]:8261").expect("IPv6"), "[::1]:8261");
        for addr in [
            "",
            "8261",
            ":8261",
            "host",
            "host:",
            "host:port",
            "host:99999",
            "::1:8261",
        ] {
            assert!(normalize_addr(addr).is_err(), "{addr}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said_at_once() {
        let error = connect("127.0.0.1:1", &Security::Plain)
            .await
            .expect_err("port 1 is closed");
        assert!(
            error
                .to_string()
                .starts_with("cannot connect to 127.0.0.1:1:"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_silent_call_ends() {
        let call = std::future::pending::<Result<(), Status>>();
        let status = within(Duration::from_millis(10), call)
            .await
            .expect_err("pending");
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
}
