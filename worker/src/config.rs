//! What a worker process is started with: flags over `dm-worker.toml` over defaults.
//!
//! Names and meanings are DM's. A key that we don't need says so in a notice; one that would change what
//! happens is refused. Nothing is ignored silently.

use clap::Parser;
use dm_model::error::ErrorCode;
use dm_model::{DmError, WorkerName, codes};
use dm_proto::telemetry::LogFormat;
use serde::Deserialize;
use std::path::PathBuf;

/// Flags that DM spells with one dash; clap wants two.
const LONG_FLAGS: &[&str] = &[
    "worker-addr",
    "advertise-addr",
    "join",
    "name",
    "config",
    "log-level",
    "log-file",
    "log-format",
    "redact-info-log",
    "keepalive-ttl",
    "relay-keepalive-ttl",
    "print-sample-config",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "cert-allowed-cn",
    "relay-dir",
    "otlp-endpoint",
    "version",
];

/// Every key of `dm-worker.toml`.
const TOML_KEYS: &[&str] = &[
    "worker-addr",
    "advertise-addr",
    "join",
    "name",
    "log-level",
    "log-file",
    "log-format",
    "log-rotate",
    "redact-info-log",
    "keepalive-ttl",
    "relay-keepalive-ttl",
    "relay-dir",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "cert-allowed-cn",
    "otlp-endpoint",
    "config-file",
];

/// A commented example, printed by `--print-sample-config`.
pub const SAMPLE: &str = include_str!("sample.toml");

/// dm-worker: migrates the sources that the masters give it.
#[derive(Parser, Debug, Default)]
#[command(name = "dm-worker", disable_version_flag = true)]
struct Flags {
    /// Print the version and exit.
    #[arg(short = 'V', long)]
    version: bool,
    /// Print a commented dm-worker.toml and exit.
    #[arg(long)]
    print_sample_config: bool,
    /// Configuration file; flags win over it.
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// What flags and file both can say.
#[derive(clap::Args, Deserialize, Debug, Default, Clone)]
#[serde(rename_all = "kebab-case", default)]
struct Settings {
    /// Address of the status page [default: 127.0.0.1:8262].
    #[arg(long)]
    worker_addr: Option<String>,
    /// Address by which others reach it [default: worker-addr].
    #[arg(long)]
    advertise_addr: Option<String>,
    /// Client addresses of masters, comma-separated.
    #[arg(long)]
    join: Option<String>,
    /// Name, unique in the cluster [default: advertise-addr].
    #[arg(long)]
    name: Option<String>,
    /// debug, info, warn, error or fatal [default: info].
    #[arg(short = 'L', long)]
    log_level: Option<String>,
    /// Log file [default: standard error].
    #[arg(long)]
    log_file: Option<PathBuf>,
    /// text or json [default: text].
    #[arg(long)]
    log_format: Option<String>,
    #[arg(skip)]
    log_rotate: Option<String>,
    /// Keep user data out of logs. Always so here.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    redact_info_log: Option<bool>,
    /// DM's lease TTL in seconds; here the masters set it (--lease-ttl).
    #[arg(long)]
    keepalive_ttl: Option<i64>,
    /// DM's lease TTL for sources with relay; not needed here.
    #[arg(long)]
    relay_keepalive_ttl: Option<i64>,
    /// Base directory of relay logs.
    #[arg(long)]
    relay_dir: Option<String>,
    /// Certificate authority; TLS comes later.
    #[arg(long)]
    ssl_ca: Option<String>,
    /// Certificate; TLS comes later.
    #[arg(long)]
    ssl_cert: Option<String>,
    /// Key; TLS comes later.
    #[arg(long)]
    ssl_key: Option<String>,
    /// Allowed common names; TLS comes later.
    #[arg(long)]
    cert_allowed_cn: Option<Vec<String>>,
    /// Where spans are exported to (OTLP over gRPC), such as http://127.0.0.1:4317.
    #[arg(long)]
    otlp_endpoint: Option<String>,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Run.
    Run(Box<WorkerConfig>),
    /// Print this and exit with success.
    Print(String),
}

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Where the status page listens.
    pub worker_addr: String,
    /// How others reach it.
    pub advertise_addr: String,
    /// Client addresses of masters.
    pub join: Vec<String>,
    /// Unique name.
    pub name: WorkerName,
    /// Log level or filter.
    pub log_level: String,
    /// Log file; none is standard error.
    pub log_file: Option<PathBuf>,
    /// Look of log lines.
    pub log_format: LogFormat,
    /// Where spans go.
    pub otlp_endpoint: Option<String>,
    /// Where relay logs are kept, a folder for each source; without it each source's own `relay-dir` is used.
    pub relay_dir: Option<PathBuf>,
    /// What the user should know about the settings.
    pub notices: Vec<String>,
}

impl WorkerConfig {
    /// Reads the command line (without the program's name) and the file that it names.
    pub fn from_args(args: impl IntoIterator<Item = String>) -> Result<Invocation, DmError> {
        let program = std::iter::once("dm-worker".to_owned());
        let flags = match Flags::try_parse_from(
            program.chain(args.into_iter().map(|arg| double_dashed(&arg))),
        ) {
            Ok(flags) => flags,
            Err(error) if !error.use_stderr() => return Ok(Invocation::Print(error.to_string())),
            Err(error) => {
                return Err(invalid(
                    &codes::WORKER_INVALID_FLAG,
                    error.to_string().trim_end(),
                ));
            }
        };
        if flags.version {
            return Ok(Invocation::Print(dm_proto::version::block()));
        }
        if flags.print_sample_config {
            return Ok(Invocation::Print(SAMPLE.to_owned()));
        }
        let file = match &flags.config {
            Some(path) => from_file(path)?,
            None => Settings::default(),
        };
        Ok(Invocation::Run(Box::new(check(flags.settings.over(file))?)))
    }
}

impl Settings {
    /// These, and where they say nothing, `file`'s.
    fn over(self, file: Settings) -> Settings {
        Settings {
            worker_addr: self.worker_addr.or(file.worker_addr),
            advertise_addr: self.advertise_addr.or(file.advertise_addr),
            join: self.join.or(file.join),
            name: self.name.or(file.name),
            log_level: self.log_level.or(file.log_level),
            log_file: self.log_file.or(file.log_file),
            log_format: self.log_format.or(file.log_format),
            log_rotate: self.log_rotate.or(file.log_rotate),
            redact_info_log: self.redact_info_log.or(file.redact_info_log),
            keepalive_ttl: self.keepalive_ttl.or(file.keepalive_ttl),
            relay_keepalive_ttl: self.relay_keepalive_ttl.or(file.relay_keepalive_ttl),
            relay_dir: self.relay_dir.or(file.relay_dir),
            ssl_ca: self.ssl_ca.or(file.ssl_ca),
            ssl_cert: self.ssl_cert.or(file.ssl_cert),
            ssl_key: self.ssl_key.or(file.ssl_key),
            cert_allowed_cn: self.cert_allowed_cn.or(file.cert_allowed_cn),
            otlp_endpoint: self.otlp_endpoint.or(file.otlp_endpoint),
        }
    }

    fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        let mut say = |given: bool, text: &str| {
            if given {
                notices.push(text.to_owned());
            }
        };
        say(
            self.keepalive_ttl.is_some(),
            "keepalive-ttl has no effect: the masters set the TTL of leases (--lease-ttl)",
        );
        say(
            self.relay_keepalive_ttl.is_some(),
            "relay-keepalive-ttl has no effect: a source moves after the lease's TTL, relay or not",
        );
        say(self.log_rotate.is_some(), "log-rotate has no effect");
        say(
            self.redact_info_log.is_some(),
            "redact-info-log has no effect yet: row values are logged only where an error quotes the statement that the target refused",
        );
        say(
            self.cert_allowed_cn.is_some(),
            "cert-allowed-cn has no effect without ssl-ca",
        );
        notices
    }
}

fn from_file(path: &PathBuf) -> Result<Settings, DmError> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| {
        invalid(
            &codes::WORKER_DECODE_CONFIG_FROM_FILE,
            format!("{name}: {e}"),
        )
    })?;
    let undecodable = |e: toml::de::Error| {
        invalid(
            &codes::WORKER_DECODE_CONFIG_FROM_FILE,
            format!("{name}: {e}"),
        )
    };
    let table: toml::Table = toml::from_str(&text).map_err(undecodable)?;
    let unknown: Vec<&str> = table
        .keys()
        .map(String::as_str)
        .filter(|key| !TOML_KEYS.contains(key))
        .collect();
    if !unknown.is_empty() {
        let message = format!("{name} contains unknown keys: {}", unknown.join(", "));
        return Err(
            DmError::new(&codes::WORKER_UNDECODED_ITEM_FROM_FILE, message).with_workaround(
                format!(
                    "Remove them or correct their spelling; known are {}.",
                    TOML_KEYS.join(", ")
                ),
            ),
        );
    }
    toml::from_str(&text).map_err(undecodable)
}

fn check(settings: Settings) -> Result<WorkerConfig, DmError> {
    if settings.ssl_ca.is_some() || settings.ssl_cert.is_some() || settings.ssl_key.is_some() {
        return Err(invalid(
            &codes::WORKER_TLS_CONFIG_NOT_VALID,
            "ssl-ca, ssl-cert and ssl-key: TLS comes later",
        ));
    }
    let mut notices = settings.notices();
    let worker_addr = settings
        .worker_addr
        .unwrap_or_else(|| dm_proto::WORKER_ADDR_DEFAULT.to_owned());
    let worker_addr = listen_addr("worker-addr", &worker_addr)?;
    let advertise_addr = settings
        .advertise_addr
        .unwrap_or_else(|| worker_addr.clone());
    let advertise_addr = reachable_addr(&advertise_addr)?;
    let join: Vec<String> = settings
        .join
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|address| !address.is_empty())
        .map(str::to_owned)
        .collect();
    if join.is_empty() {
        return Err(invalid(&codes::WORKER_INVALID_FLAG, "join names no master")
            .with_workaround("Give the client addresses of masters: --join 127.0.0.1:8261"));
    }
    for address in &join {
        host_port("join", address)?;
    }
    let name = settings
        .name
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| {
            notices.push(format!(
                "no name is given: using the advertised address {advertise_addr}"
            ));
            advertise_addr.clone()
        });
    let log_format = settings
        .log_format
        .as_deref()
        .unwrap_or("text")
        .parse::<LogFormat>();
    Ok(WorkerConfig {
        name: WorkerName::new(&name)?,
        worker_addr,
        advertise_addr,
        join,
        log_level: settings.log_level.unwrap_or_else(|| "info".to_owned()),
        log_file: settings
            .log_file
            .filter(|path| !path.as_os_str().is_empty()),
        log_format: log_format.map_err(|e| invalid(&codes::WORKER_INVALID_FLAG, e.to_string()))?,
        relay_dir: settings
            .relay_dir
            .filter(|dir| !dir.is_empty())
            .map(|dir| PathBuf::from(dir).join(&name)),
        otlp_endpoint: settings
            .otlp_endpoint
            .filter(|endpoint| !endpoint.is_empty()),
        notices,
    })
}

/// `host:port` or `:port`, with or without a scheme.
fn listen_addr(key: &str, address: &str) -> Result<String, DmError> {
    let (host, port) = host_port(key, address)?;
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    Ok(format!("{host}:{port}"))
}

/// An address that other machines can use.
fn reachable_addr(address: &str) -> Result<String, DmError> {
    let (host, port) = host_port("advertise-addr", address)?;
    if host.is_empty() || host == "0.0.0.0" || host == "[::]" {
        let message = format!("advertise-addr {address}: others can't reach this host");
        return Err(
            invalid(&codes::WORKER_HOST_PORT_NOT_VALID, message).with_workaround(
                "Set advertise-addr to host:port with the name or address of this machine.",
            ),
        );
    }
    Ok(format!("{host}:{port}"))
}

fn host_port<'a>(key: &str, address: &'a str) -> Result<(&'a str, u16), DmError> {
    let bare = address
        .split_once("://")
        .map_or(address, |(_, rest)| rest)
        .trim_end_matches('/');
    let parts = bare
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    parts.ok_or_else(|| {
        invalid(
            &codes::WORKER_HOST_PORT_NOT_VALID,
            format!("{key} `{address}` is not host:port"),
        )
    })
}

fn double_dashed(arg: &str) -> String {
    match arg.strip_prefix('-') {
        Some(rest) if !rest.starts_with('-') => {
            let flag = rest.split_once('=').map_or(rest, |(flag, _)| flag);
            if LONG_FLAGS.contains(&flag) {
                format!("-{arg}")
            } else {
                arg.to_owned()
            }
        }
        _ => arg.to_owned(),
    }
}

fn invalid(code: &'static ErrorCode, message: impl Into<String>) -> DmError {
    DmError::new(code, message)
}

#[cfg(test)]
#[path = "config_test.rs"]
mod tests;
