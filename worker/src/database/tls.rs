//! TLS material of a database connection.

use std::borrow::Cow;

use base64::Engine;
use dm_model::{DmError, codes, config::Security, error::Kind};
use mysql_async::{ClientIdentity, SslOpts};
use openssl::{pkcs12::Pkcs12, pkey::PKey, stack::Stack, x509::X509};

use super::Role;

/// Guards the archive between us and the driver, in memory only.
const ARCHIVE_PASSWORD: &str = "dm";

/// Certificates and key, read and checked.
///
/// With an authority, the server's certificate must come from it; without one the line is only encrypted. Host names are not
/// compared: certificates that database servers make for themselves carry none.
#[derive(Clone)]
pub struct TlsMaterial {
    /// PEM.
    ca: Option<Vec<u8>>,
    /// PKCS #12 of our certificate and key.
    identity: Option<Vec<u8>>,
    connector: tokio_native_tls::TlsConnector,
}

impl TlsMaterial {
    /// Reads what `security` names. Errors name the key.
    pub fn read(security: &Security, role: Role) -> Result<Self, DmError> {
        let bad = |what: &str, cause: &dyn std::fmt::Display| {
            DmError::new(
                &codes::DB_DRIVER_ERROR,
                format!("`{what}` of a database's `security` cannot be used"),
            )
            .with_scope(role.scope())
            .with_kind(Kind::Definite)
            .with_cause(cause)
            .with_workaround("give PEM files that this worker can read, or their content")
        };
        if !security.cert_allowed_cn.is_empty() {
            return Err(DmError::new(
                &codes::NOT_YET_SUPPORTED,
                "`cert-allowed-cn` of a database connection is not checked yet",
            )
            .with_scope(role.scope())
            .with_workaround("use ssl-ca with an authority that signs only your servers"));
        }
        let ca = material(
            &security.ssl_ca_bytes,
            &security.ssl_ca_base64,
            &security.ssl_ca,
        )
        .map_err(|error| bad("ssl-ca", &error))?;
        let certificate = material(
            &security.ssl_cert_bytes,
            &security.ssl_cert_base64,
            &security.ssl_cert,
        )
        .map_err(|error| bad("ssl-cert", &error))?;
        let key = material(
            &security.ssl_key_bytes,
            security.ssl_key_base64.expose(),
            &security.ssl_key,
        )
        .map_err(|error| bad("ssl-key", &error))?;
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(
                archive(&certificate, &key).map_err(|error| bad("ssl-cert and ssl-key", &error))?,
            ),
            (None, None) => None,
            (Some(_), None) => return Err(bad("ssl-cert", &"ssl-key is missing")),
            (None, Some(_)) => return Err(bad("ssl-key", &"ssl-cert is missing")),
        };
        let connector = connector(ca.as_deref(), identity.as_deref())
            .map_err(|error| bad("ssl-ca, ssl-cert and ssl-key", &error))?;
        Ok(Self {
            ca,
            identity,
            connector,
        })
    }

    /// For connections of our own.
    pub(crate) fn connector(&self) -> &tokio_native_tls::TlsConnector {
        &self.connector
    }

    /// For mysql_async.
    pub(crate) fn opts(&self) -> SslOpts {
        let identity = self.identity.clone().map(|archive| {
            ClientIdentity::new(archive.into()).with_password(Cow::Borrowed(ARCHIVE_PASSWORD))
        });
        let verified = self.ca.is_some();
        SslOpts::default()
            .with_root_certs(self.ca.clone().map(Into::into).into_iter().collect())
            .with_disable_built_in_roots(verified)
            .with_danger_accept_invalid_certs(!verified)
            .with_danger_skip_domain_validation(true)
            .with_client_identity(identity)
    }
}

/// Bytes win over base64, base64 over the file; `None` when none is given.
fn material(bytes: &[u8], base64: &str, file: &str) -> anyhow::Result<Option<Vec<u8>>> {
    if !bytes.is_empty() {
        return Ok(Some(bytes.to_vec()));
    }
    if !base64.is_empty() {
        let decoded = base64::engine::general_purpose::STANDARD.decode(base64.trim())?;
        return Ok(Some(decoded));
    }
    if file.is_empty() {
        return Ok(None);
    }
    let read = std::fs::read(file).map_err(|error| anyhow::anyhow!("{file}: {error}"))?;
    Ok(Some(read))
}

fn archive(certificate: &[u8], key: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let mut chain = X509::stack_from_pem(certificate)?.into_iter();
    let leaf = match chain.next() {
        Some(leaf) => leaf,
        None => X509::from_pem(certificate)?,
    };
    let mut others = Stack::new()?;
    for certificate in chain {
        others.push(certificate)?;
    }
    let key = PKey::private_key_from_pem(key)?;
    Pkcs12::builder()
        .cert(&leaf)
        .pkey(&key)
        .ca(others)
        .build2(ARCHIVE_PASSWORD)?
        .to_der()
}

fn connector(
    ca: Option<&[u8]>,
    identity: Option<&[u8]>,
) -> Result<tokio_native_tls::TlsConnector, tokio_native_tls::native_tls::Error> {
    use tokio_native_tls::native_tls;
    let mut builder = native_tls::TlsConnector::builder();
    builder.danger_accept_invalid_hostnames(true);
    match ca {
        Some(pem) => {
            builder.disable_built_in_roots(true);
            for certificate in native_tls::Certificate::stack_from_pem(pem)? {
                builder.add_root_certificate(certificate);
            }
        }
        None => {
            builder.danger_accept_invalid_certs(true);
        }
    }
    if let Some(archive) = identity {
        builder.identity(native_tls::Identity::from_pkcs12(
            archive,
            ARCHIVE_PASSWORD,
        )?);
    }
    Ok(builder.build()?.into())
}
