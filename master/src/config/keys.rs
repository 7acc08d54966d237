//! The table of keys.

/// What we do with a key of DM's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// As DM.
    Honoured,
    /// Accepted; the notice says why it has no effect.
    Notice(&'static str),
    /// Not accepted with a value other than the default, and why.
    Refused(&'static str),
}

/// Where a key may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the command line and in the file.
    Both,
    /// In the file only.
    File,
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Name of the flag and of the key in the file.
    pub name: &'static str,
    /// Where it may stand.
    pub place: Place,
    /// Text of the default.
    pub default: &'static str,
    /// A flag without value means `true`.
    pub is_switch: bool,
    /// What we do with it.
    pub treatment: Treatment,
    /// One line for `--help` and the sample.
    pub doc: &'static str,
}

const fn key(
    name: &'static str,
    default: &'static str,
    treatment: Treatment,
    doc: &'static str,
) -> Key {
    Key {
        name,
        place: Place::Both,
        default,
        is_switch: false,
        treatment,
        doc,
    }
}

const fn file_key(
    name: &'static str,
    default: &'static str,
    treatment: Treatment,
    doc: &'static str,
) -> Key {
    Key {
        name,
        place: Place::File,
        default,
        is_switch: false,
        treatment,
        doc,
    }
}

const NO_ETCD: Treatment =
    Treatment::Notice("it tunes the embedded etcd, which does not exist here");
const NO_TLS: Treatment = Treatment::Refused("TLS is not supported yet; leave it out");
const LATER: Treatment = Treatment::Refused("it is not supported yet; leave it out");

/// Every key.
pub const KEYS: &[Key] = &[
    key(
        "master-addr",
        dm_proto::MASTER_ADDR_DEFAULT,
        Treatment::Honoured,
        "address to listen on for dmctl, workers and HTTP",
    ),
    key(
        "advertise-addr",
        "",
        Treatment::Honoured,
        "address that others use to reach this master (default: master-addr)",
    ),
    key(
        "log-level",
        "info",
        Treatment::Honoured,
        "debug, info, warn, error or fatal",
    ),
    key(
        "log-file",
        "",
        Treatment::Honoured,
        "log file (default: standard error)",
    ),
    key("log-format", "text", Treatment::Honoured, "text or json"),
    file_key(
        "log-rotate",
        "",
        Treatment::Notice("logs are rotated by the system"),
        "accepted, unused",
    ),
    key(
        "name",
        "",
        Treatment::Honoured,
        "unique name of this master (default: dm-master-HOSTNAME)",
    ),
    key(
        "data-dir",
        "",
        Treatment::Honoured,
        "data folder (default: default.NAME)",
    ),
    key(
        "peer-urls",
        dm_proto::PEER_ADDR_DEFAULT,
        Treatment::Honoured,
        "address to listen on for the other masters",
    ),
    key(
        "advertise-peer-urls",
        "",
        Treatment::Honoured,
        "address that other masters use (default: peer-urls)",
    ),
    key(
        "initial-cluster",
        "",
        Treatment::Honoured,
        "all first masters: NAME=PEER-URL,NAME=PEER-URL (default: this one alone)",
    ),
    file_key(
        "initial-cluster-state",
        "new",
        Treatment::Notice("a folder without data always starts new"),
        "accepted, unused",
    ),
    key(
        "join",
        "",
        Treatment::Honoured,
        "client addresses of a running cluster that this new master joins: HOST:PORT,HOST:PORT",
    ),
    key("max-txn-ops", "2048", NO_ETCD, "etcd"),
    key("max-request-bytes", "1572864", NO_ETCD, "etcd"),
    key("auto-compaction-mode", "periodic", NO_ETCD, "etcd"),
    key("auto-compaction-retention", "1h", NO_ETCD, "etcd"),
    key("quota-backend-bytes", "2147483648", NO_ETCD, "etcd"),
    Key {
        name: "openapi",
        place: Place::Both,
        default: "false",
        is_switch: true,
        treatment: LATER,
        doc: "serve /api/v1",
    },
    file_key(
        "experimental.openapi",
        "false",
        LATER,
        "old place of openapi",
    ),
    file_key(
        "rpc-timeout",
        "30s",
        Treatment::Honoured,
        "longest call to a worker",
    ),
    file_key(
        "rpc-rate-limit",
        "10",
        Treatment::Notice("calls to a worker are bounded by number, not by rate"),
        "calls per second",
    ),
    file_key(
        "rpc-rate-burst",
        "40",
        Treatment::Notice("calls to a worker are bounded by number, not by rate"),
        "burst of calls",
    ),
    key("ssl-ca", "", NO_TLS, "TLS authority"),
    key("ssl-cert", "", NO_TLS, "TLS certificate"),
    key("ssl-key", "", NO_TLS, "TLS key"),
    key(
        "cert-allowed-cn",
        "",
        NO_TLS,
        "allowed common names of peers",
    ),
    file_key("ssl-ca-bytes", "", NO_TLS, "TLS authority, as bytes"),
    file_key("ssl-cert-bytes", "", NO_TLS, "TLS certificate, as bytes"),
    file_key("ssl-key-bytes", "", NO_TLS, "TLS key, as bytes"),
    file_key("ssl-ca-base64", "", NO_TLS, "TLS authority, base64"),
    file_key("ssl-cert-base64", "", NO_TLS, "TLS certificate, base64"),
    file_key("ssl-key-base64", "", NO_TLS, "TLS key, base64"),
    key("v1-sources-path", "", LATER, "import of a v1.0 cluster"),
    key(
        "secret-key-path",
        "",
        Treatment::Honoured,
        "file with 64 hex characters: the key for passwords",
    ),
    key(
        "lease-ttl",
        "",
        Treatment::Honoured,
        "ours: how long a worker goes on without hearing from the leader (cluster's default: 5s)",
    ),
    key(
        "otlp-endpoint",
        "",
        Treatment::Honoured,
        "ours: where traces go, such as http://127.0.0.1:4317 (default: nowhere)",
    ),
    file_key(
        "config-file",
        "",
        Treatment::Notice("the file is named by --config"),
        "accepted, unused",
    ),
];

/// A commented `dm-master.toml`.
pub fn sample() -> String {
    let mut text = String::from(
        "# Configuration of dm-master. A flag of the same name wins over this file.\n",
    );
    for key in KEYS
        .iter()
        .filter(|key| key.treatment == Treatment::Honoured)
    {
        text.push_str(&format!(
            "\n# {}\n# {} = \"{}\"\n",
            key.doc, key.name, key.default
        ));
    }
    text
}
