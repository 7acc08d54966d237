//! How to reach a database.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Address, account and session of a database (`from` of a source, `target-database` of a task).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct DbConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Account.
    pub user: String,
    /// Password: plain, or encrypted with the cluster's key.
    pub password: Secret,
    /// Session variables, names in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub session: BTreeMap<String, String>,
    /// TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
}

impl Default for DbConfig {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 3306,
            user: String::new(),
            password: Secret::default(),
            session: BTreeMap::new(),
            security: None,
        }
    }
}

impl DbConfig {
    /// `host:port`, for messages.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    pub(super) fn redact(&mut self) {
        self.password = self.password.redacted();
        if let Some(security) = &mut self.security {
            security.redact();
        }
    }
}

/// TLS towards a database. For each of the three items bytes win over base64, base64 over the file.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Security {
    /// File with the certificates of the authorities to trust.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ssl_ca: String,
    /// File with our certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ssl_cert: String,
    /// File with our key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ssl_key: String,
    /// Common names that are accepted; empty accepts all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cert_allowed_cn: Vec<String>,
    /// The authorities' certificates themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssl_ca_bytes: Vec<u8>,
    /// Our certificate itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssl_cert_bytes: Vec<u8>,
    /// Our key itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssl_key_bytes: Vec<u8>,
    /// The authorities' certificates in base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ssl_ca_base64: String,
    /// Our certificate in base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ssl_cert_base64: String,
    /// Our key in base64.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub ssl_key_base64: Secret,
}

impl Security {
    /// Embedded certificates and keys are left out of what is shown.
    fn redact(&mut self) {
        self.ssl_ca_bytes.clear();
        self.ssl_cert_bytes.clear();
        self.ssl_key_bytes.clear();
        self.ssl_ca_base64.clear();
        self.ssl_cert_base64.clear();
        self.ssl_key_base64 = Secret::default();
    }
}
