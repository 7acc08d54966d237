//! Logging in: handshake, TLS, and the methods by which accounts prove themselves.
//!
//! `mysql_native_password`, `caching_sha2_password` (the fast path, and the full one by TLS or by the server's RSA key) and MariaDB's
//! `client_ed25519`. A password is never sent in the clear over a line that is not encrypted.

use std::{io, time::Duration};

use bytes::Bytes;
use dm_model::{DbConfig, DmError};
use mysql_async::{DriverError, Error, IoError, ServerError};
use mysql_common::{
    constants::CapabilityFlags,
    io::ParseBuf,
    packets::{AuthPlugin, HandshakePacket, HandshakeResponse, SslRequest},
    proto::{MyDeserialize, MySerialize},
};
use openssl::rsa::{Padding, Rsa};
use tokio::net::TcpStream;

use super::packets::Packets;
use crate::database::{CONNECT_TIMEOUT, Role, TlsMaterial, classify_connect};

/// First bytes of answers.
pub(super) const OK: u8 = 0x00;
const MORE: u8 = 0x01;
pub(super) const EOF: u8 = 0xfe;
pub(super) const ERROR: u8 = 0xff;
/// What `caching_sha2_password` answers: known to the server, or show the password.
const SHA2_FAST: u8 = 3;
const SHA2_FULL: u8 = 4;
const SHA2_ASK_KEY: u8 = 2;
/// Lengths of what the server has signed or scrambled; a zero byte may follow.
const NONCE_BYTES: usize = 20;
const ED25519_NONCE_BYTES: usize = 32;
/// Collation utf8mb4_general_ci.
const COLLATION: u8 = 45;
/// What we announce as our largest packet; servers don't split by it.
const PACKET_BYTES: u32 = 1 << 30;

/// A connection that is logged in, and what the server said of itself.
pub(super) struct LoggedIn {
    pub(super) packets: Packets,
    pub(super) version: String,
}

/// Connects and logs in within [`CONNECT_TIMEOUT`]. Errors name the address.
pub(super) async fn log_in(config: &DbConfig) -> Result<LoggedIn, DmError> {
    let address = format!("{}:{}", config.host, config.port);
    let tls = config
        .security
        .as_ref()
        .map(|security| TlsMaterial::read(security, Role::Upstream))
        .transpose()?;
    let attempt = tokio::time::timeout(CONNECT_TIMEOUT, attempt(config, tls.as_ref()));
    let failed = match attempt.await {
        Ok(Ok(logged_in)) => return Ok(logged_in),
        Ok(Err(error)) => error,
        Err(_) => io_error(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {CONNECT_TIMEOUT:?}"),
        )),
    };
    Err(classify_connect(
        &failed,
        Role::Upstream.scope(),
        &address,
        &config.user,
    ))
}

async fn attempt(config: &DbConfig, tls: Option<&TlsMaterial>) -> Result<LoggedIn, Error> {
    let socket = TcpStream::connect((config.host.as_str(), config.port))
        .await
        .map_err(io_error)?;
    socket.set_nodelay(true).map_err(io_error)?;
    // The greeting is a small packet of its own: nothing of it may be buffered when TLS takes the socket over.
    let mut greeting_reader = Packets::new(Box::new(socket));
    let greeting = greeting_reader
        .read(CONNECT_TIMEOUT)
        .await
        .map_err(io_error)?;
    if greeting.first() == Some(&ERROR) {
        return Err(server_error(&greeting));
    }
    let handshake: HandshakePacket<'_> = parse(&greeting)?;
    let version = handshake.server_version_str().into_owned();
    let wanted = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA;
    let mut capabilities = wanted & handshake.capabilities();
    let mut packets = greeting_reader;
    if let Some(tls) = tls {
        if !handshake
            .capabilities()
            .contains(CapabilityFlags::CLIENT_SSL)
        {
            return Err(Error::Driver(DriverError::NoClientSslFlagFromServer));
        }
        capabilities |= CapabilityFlags::CLIENT_SSL;
        let request = bytes_of(&SslRequest::new(capabilities, PACKET_BYTES, COLLATION));
        packets.write(&request).await.map_err(io_error)?;
        let (transport, sequence) = packets.into_transport();
        let stream = tls
            .connector()
            .connect(&config.host, transport)
            .await
            .map_err(Error::from)?;
        packets = Packets::resume(Box::new(stream), sequence);
    }
    let nonce = handshake.nonce();
    let password = config.password.expose();
    let mut account = Account {
        plugin: handshake
            .auth_plugin()
            .unwrap_or(AuthPlugin::MysqlNativePassword)
            .into_owned(),
        nonce,
        password,
        encrypted: tls.is_some(),
    };
    // An answer for a method that we don't know is empty; the server then names the account's own.
    let proof = account.proof().unwrap_or_default();
    let response = HandshakeResponse::new(
        Some(proof),
        (8, 0, 0),
        Some(config.user.as_bytes()),
        None::<&[u8]>,
        Some(account.plugin.clone()),
        capabilities,
        None,
        PACKET_BYTES,
    );
    packets
        .write(&bytes_of(&response))
        .await
        .map_err(io_error)?;
    account.prove(&mut packets).await?;
    Ok(LoggedIn { packets, version })
}

/// The account while it proves itself.
struct Account<'a> {
    plugin: AuthPlugin<'static>,
    nonce: Vec<u8>,
    password: &'a str,
    encrypted: bool,
}

impl Account<'_> {
    fn proof(&self) -> Result<Vec<u8>, Error> {
        match &self.plugin {
            _ if self.password.is_empty() => Ok(Vec::new()),
            AuthPlugin::MysqlNativePassword
            | AuthPlugin::CachingSha2Password
            | AuthPlugin::Ed25519 => Ok(self
                .plugin
                .gen_data(Some(self.password), &self.nonce)
                .map(|data| bytes_of(&data))
                .unwrap_or_default()),
            AuthPlugin::MysqlClearPassword if self.encrypted => Ok(self.clear()),
            other => Err(Error::Driver(DriverError::UnknownAuthPlugin {
                name: String::from_utf8_lossy(other.as_bytes()).into_owned(),
            })),
        }
    }

    fn clear(&self) -> Vec<u8> {
        let mut clear = self.password.as_bytes().to_vec();
        clear.push(0);
        clear
    }

    async fn prove(&mut self, packets: &mut Packets) -> Result<(), Error> {
        loop {
            let answer = packets.read(CONNECT_TIMEOUT).await.map_err(io_error)?;
            match answer.split_first() {
                Some((&OK, _)) => return Ok(()),
                Some((&ERROR, _)) => return Err(server_error(&answer)),
                Some((&EOF, switch)) => {
                    // Method, zero byte, data with a zero byte behind it.
                    let end = switch
                        .iter()
                        .position(|byte| *byte == 0)
                        .unwrap_or(switch.len());
                    let (name, data) = switch.split_at(end);
                    self.plugin = AuthPlugin::from_bytes(name).into_owned();
                    let data = data.get(1..).unwrap_or_default();
                    let nonce_bytes = match &self.plugin {
                        AuthPlugin::Ed25519 => ED25519_NONCE_BYTES,
                        _ => NONCE_BYTES,
                    };
                    self.nonce = data.get(..nonce_bytes).unwrap_or(data).to_vec();
                    let proof = self.proof()?;
                    packets.write(&proof).await.map_err(io_error)?;
                }
                Some((&MORE, [SHA2_FAST])) => {}
                Some((&MORE, [SHA2_FULL])) if self.encrypted => {
                    packets.write(&self.clear()).await.map_err(io_error)?;
                }
                Some((&MORE, [SHA2_FULL])) => {
                    packets.write(&[SHA2_ASK_KEY]).await.map_err(io_error)?;
                    let key = packets.read(CONNECT_TIMEOUT).await.map_err(io_error)?;
                    let pem = key.get(1..).unwrap_or_default();
                    let sealed = self.sealed(pem).map_err(|error| {
                        io_error(io::Error::new(
                            io::ErrorKind::InvalidData,
                            format!("the server's RSA key cannot be used: {error}"),
                        ))
                    })?;
                    packets.write(&sealed).await.map_err(io_error)?;
                }
                _ => {
                    return Err(io_error(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the server answers the log-in with a packet that is not understood",
                    )));
                }
            }
        }
    }

    /// The password, masked by the nonce and encrypted with the server's key.
    fn sealed(&self, pem: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
        let masked: Vec<u8> = self
            .clear()
            .iter()
            .zip(self.nonce.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        let key = Rsa::public_key_from_pem(pem)?;
        let mut sealed = vec![0; key.size() as usize];
        let length = key.public_encrypt(&masked, &mut sealed, Padding::PKCS1_OAEP)?;
        sealed.truncate(length);
        Ok(sealed)
    }
}

fn bytes_of(packet: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.serialize(&mut bytes);
    bytes
}

fn parse<'de, T: MyDeserialize<'de, Ctx = ()>>(bytes: &'de [u8]) -> Result<T, Error> {
    ParseBuf(bytes).parse(()).map_err(io_error)
}

/// An error packet: code, `#` and state, text.
pub(super) fn server_error(packet: &Bytes) -> Error {
    let body = packet.get(1..).unwrap_or_default();
    let (code, rest) = match body.split_first_chunk::<2>() {
        Some((code, rest)) => (u16::from_le_bytes(*code), rest),
        None => (0, body),
    };
    let (state, message) = match rest
        .strip_prefix(b"#")
        .and_then(|rest| rest.split_at_checked(5))
    {
        Some((state, message)) => (state, message),
        None => (&b"HY000"[..], rest),
    };
    Error::Server(ServerError {
        code,
        message: String::from_utf8_lossy(message).into_owned(),
        state: String::from_utf8_lossy(state).into_owned(),
    })
}

pub(super) fn io_error(error: io::Error) -> Error {
    Error::Io(IoError::Io(error))
}

/// Bound on the answer to a statement.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
