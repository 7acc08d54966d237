//! Everything that a master needs to know to start.

use std::{path::PathBuf, time::Duration};

use dm_model::{DmError, SecretKey, codes};
use dm_proto::telemetry::LogFormat;

use super::{Settings, address};
use crate::state::{LEASE_TTL_MS_MAX, LEASE_TTL_MS_MIN};

/// A master of the cluster that is being formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialMember {
    /// Its name.
    pub name: String,
    /// `host:port` for the other masters.
    pub peer_addr: String,
}

/// The configuration, checked.
#[derive(Clone)]
pub struct Config {
    /// Unique in the cluster.
    pub name: String,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Listens here for dmctl, workers and HTTP.
    pub master_addr: String,
    /// Others reach it here.
    pub advertise_addr: String,
    /// Listens here for the other masters.
    pub peer_addr: String,
    /// The other masters reach it here.
    pub advertise_peer_addr: String,
    /// All first masters, this one among them.
    pub initial_cluster: Vec<InitialMember>,
    /// Client addresses of a running cluster to join, instead of `initial_cluster`.
    pub join: Vec<String>,
    /// As DM names them.
    pub log_level: String,
    /// None: standard error.
    pub log_file: Option<PathBuf>,
    /// Text or JSON.
    pub log_format: LogFormat,
    /// Where traces go.
    pub otlp_endpoint: Option<String>,
    /// None leaves the cluster's.
    pub lease_ttl_ms: Option<u64>,
    /// Longest call to a worker.
    pub rpc_timeout: Duration,
    /// Key for passwords.
    pub secret_key: Option<SecretKey>,
    /// The same as TOML, for `get-config master`. Holds no secret: the key stands in a file of its own.
    pub text: String,
    /// What the user should know about keys without effect.
    pub notices: Vec<String>,
}

impl Config {
    /// Checks settings.
    pub fn new(settings: &Settings) -> Result<Self, DmError> {
        let name = Some(settings.get("name").to_owned())
            .filter(|name| !name.is_empty())
            .unwrap_or_else(default_name);
        let data_dir = match settings.get("data-dir") {
            "" => format!("default.{name}"),
            given => given.to_owned(),
        };
        let (master_addr, advertise_addr) = client_addresses(settings)?;
        let mut notices = settings.notices.clone();
        let (peer_addr, advertise_peer_addr) = peer_addresses(settings, &mut notices)?;
        let join = join(settings)?;
        let initial_cluster = if join.is_empty() {
            initial_cluster(settings.get("initial-cluster"), &name, &advertise_peer_addr)?
        } else {
            Vec::new()
        };
        let config = Config {
            log_level: settings.get("log-level").to_owned(),
            log_file: optional(settings, "log-file").map(PathBuf::from),
            log_format: settings
                .get("log-format")
                .parse()
                .map_err(|error| invalid("log-format", error))?,
            otlp_endpoint: optional(settings, "otlp-endpoint"),
            lease_ttl_ms: lease_ttl_ms(settings)?,
            rpc_timeout: duration(settings, "rpc-timeout")?,
            secret_key: secret_key(settings)?,
            text: String::new(),
            notices,
            data_dir: PathBuf::from(data_dir),
            name,
            master_addr,
            advertise_addr,
            peer_addr,
            advertise_peer_addr,
            initial_cluster,
            join,
        };
        let text = config.to_toml(settings);
        Ok(Config { text, ..config })
    }

    fn to_toml(&self, settings: &Settings) -> String {
        let mut table: toml::Table = settings
            .given()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let cluster: Vec<String> = self
            .initial_cluster
            .iter()
            .map(|member| format!("{}=http://{}", member.name, member.peer_addr))
            .collect();
        let effective = [
            ("name", self.name.clone()),
            ("data-dir", self.data_dir.display().to_string()),
            ("master-addr", self.master_addr.clone()),
            ("advertise-addr", self.advertise_addr.clone()),
            ("peer-urls", format!("http://{}", self.peer_addr)),
            (
                "advertise-peer-urls",
                format!("http://{}", self.advertise_peer_addr),
            ),
            ("initial-cluster", cluster.join(",")),
            ("log-level", self.log_level.clone()),
        ];
        for (name, value) in effective {
            table.insert(name.to_owned(), value.into());
        }
        table.to_string()
    }
}

fn default_name() -> String {
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("dm-master-{}", hostname.trim())
}

fn optional(settings: &Settings, key: &str) -> Option<String> {
    Some(settings.get(key).to_owned()).filter(|value| !value.is_empty())
}

fn invalid(key: &str, why: impl std::fmt::Display) -> DmError {
    DmError::new(
        &codes::MASTER_CONFIG_PARSE_FLAG_SET,
        format!("`{key}`: {why}"),
    )
}

fn client_addresses(settings: &Settings) -> Result<(String, String), DmError> {
    let master_addr = address::listen(
        settings.get("master-addr"),
        "master-addr",
        &codes::MASTER_HOST_PORT_NOT_VALID,
    )?;
    let advertise_addr = match settings.get("advertise-addr") {
        "" => address::advertised(
            settings.get("master-addr"),
            "master-addr",
            &codes::MASTER_HOST_PORT_NOT_VALID,
        )
        .map_err(|error| {
            error.with_workaround("Set `advertise-addr` to an address of this machine.")
        })?,
        given => address::advertised(
            given,
            "advertise-addr",
            &codes::MASTER_ADVERTISE_ADDR_NOT_VALID,
        )?,
    };
    Ok((master_addr, advertise_addr))
}

fn peer_addresses(
    settings: &Settings,
    notices: &mut Vec<String>,
) -> Result<(String, String), DmError> {
    let code = &codes::MASTER_ADVERTISE_PEER_URLS_NOT_VALID;
    let listen = first(settings, "peer-urls", notices);
    let advertise = match first(settings, "advertise-peer-urls", notices) {
        given if given.is_empty() => {
            address::advertised(&listen, "peer-urls", code).map_err(|error| {
                error.with_workaround("Set `advertise-peer-urls` to an address of this machine.")
            })?
        }
        given => address::advertised(&given, "advertise-peer-urls", code)?,
    };
    Ok((address::listen(&listen, "peer-urls", code)?, advertise))
}

fn first(settings: &Settings, key: &str, notices: &mut Vec<String>) -> String {
    let mut urls = settings.get(key).split(',');
    let first = urls.next().unwrap_or_default().trim().to_owned();
    if urls.next().is_some() {
        notices.push(format!("`{key}`: only the first address is used"));
    }
    first
}

fn initial_cluster(text: &str, name: &str, own_addr: &str) -> Result<Vec<InitialMember>, DmError> {
    if text.is_empty() {
        return Ok(vec![InitialMember {
            name: name.to_owned(),
            peer_addr: own_addr.to_owned(),
        }]);
    }
    let code = &codes::MASTER_ADVERTISE_PEER_URLS_NOT_VALID;
    let mut members: Vec<InitialMember> = Vec::new();
    for entry in text.split(',') {
        let Some((member, url)) = entry.trim().split_once('=') else {
            return Err(DmError::new(
                code,
                format!("`initial-cluster`: `{entry}` is not NAME=PEER-URL"),
            ));
        };
        let member = InitialMember {
            name: member.trim().to_owned(),
            peer_addr: address::advertised(url, "initial-cluster", code)?,
        };
        if members
            .iter()
            .any(|known| known.name == member.name || known.peer_addr == member.peer_addr)
        {
            return Err(DmError::new(
                code,
                format!(
                    "`initial-cluster` names {} or its address twice",
                    member.name
                ),
            ));
        }
        members.push(member);
    }
    match members.iter().find(|member| member.name == name) {
        Some(own) if own.peer_addr == own_addr => Ok(members),
        Some(own) => {
            let message = format!(
                "`initial-cluster` has {} at {}, but it advertises {own_addr}",
                name, own.peer_addr
            );
            Err(DmError::new(code, message)
                .with_workaround("Make `advertise-peer-urls` and `initial-cluster` agree."))
        }
        None => {
            let message = format!("`initial-cluster` does not contain this master, {name}");
            Err(DmError::new(code, message)
                .with_workaround("Set `name` to one of the names in `initial-cluster`."))
        }
    }
}

fn join(settings: &Settings) -> Result<Vec<String>, DmError> {
    let text = settings.get("join");
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if !settings.get("initial-cluster").is_empty() {
        let message = "`join` and `initial-cluster` exclude each other";
        return Err(DmError::new(&codes::MASTER_CONFIG_INVALID_FLAG, message).with_workaround(
            "Give --join to a master that comes into a running cluster, --initial-cluster to the first masters of a new one.",
        ));
    }
    let code = &codes::MASTER_ADVERTISE_ADDR_NOT_VALID;
    text.split(',')
        .map(|addr| address::advertised(addr, "join", code))
        .collect()
}

fn duration(settings: &Settings, key: &str) -> Result<Duration, DmError> {
    let text = settings.get(key);
    address::duration(text).ok_or_else(|| {
        invalid(
            key,
            format!("`{text}` is not a duration such as 5s, 500ms or 1m"),
        )
    })
}

fn lease_ttl_ms(settings: &Settings) -> Result<Option<u64>, DmError> {
    if settings.get("lease-ttl").is_empty() {
        return Ok(None);
    }
    let ttl_ms = u64::try_from(duration(settings, "lease-ttl")?.as_millis()).unwrap_or(u64::MAX);
    if !(LEASE_TTL_MS_MIN..=LEASE_TTL_MS_MAX).contains(&ttl_ms) {
        return Err(invalid(
            "lease-ttl",
            format!("{ttl_ms} ms is not within {LEASE_TTL_MS_MIN} ms and {LEASE_TTL_MS_MAX} ms"),
        ));
    }
    Ok(Some(ttl_ms))
}

fn secret_key(settings: &Settings) -> Result<Option<SecretKey>, DmError> {
    let Some(path) = optional(settings, "secret-key-path") else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        DmError::new(
            &codes::CONFIG_SECRET_KEY_PATH,
            format!("can't read secret-key-path {path}"),
        )
        .with_cause(error)
    })?;
    SecretKey::from_hex(&text)
        .map(Some)
        .map_err(|error| error.annotate(format!("secret-key-path {path}")))
}
