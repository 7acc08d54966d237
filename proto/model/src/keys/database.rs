//! Keys of a database connection: `from` and `target-database`.

use super::{Key, Ty};

/// Largest TCP port.
const PORT_MAX: i64 = 65_535;

/// `from` and `target-database`.
pub(super) const DATABASE: &[Key] = &[
    Key::new("host", Ty::Text, "", "Host name or address of the server."),
    Key::new(
        "port",
        Ty::Int(1, PORT_MAX),
        "3306",
        "TCP port of the server.",
    ),
    Key::new("user", Ty::Text, "", "Account."),
    Key::new(
        "password",
        Ty::Secret,
        "",
        "Password, plain or as `dmctl encrypt` prints it.",
    ),
    Key::new(
        "session",
        Ty::TextMap,
        "",
        "Session variables that are set on every connection.",
    )
    .notice(
        "not applied yet: exact copying sets its own session variables",
        &[],
    ),
    Key::new(
        "security",
        Ty::Block(SECURITY),
        "",
        "TLS towards the server. With ssl-ca its certificate must come from that authority; host names are not compared.",
    ),
    Key::obsolete("max-allowed-packet", Ty::Int(0, i64::MAX), ""),
];

const SECURITY: &[Key] = &[
    Key::new(
        "ssl-ca",
        Ty::Text,
        "",
        "File with the authorities to trust.",
    ),
    Key::new("ssl-cert", Ty::Text, "", "File with our certificate."),
    Key::new("ssl-key", Ty::Text, "", "File with our key."),
    Key::new(
        "cert-allowed-cn",
        Ty::TextList,
        "",
        "Common names that the server's certificate may have.",
    )
    .refused("is not checked towards databases yet; remove it", &[]),
    Key::new(
        "ssl-ca-bytes",
        Ty::Bytes,
        "",
        "Content of ssl-ca; wins over the file.",
    ),
    Key::new(
        "ssl-cert-bytes",
        Ty::Bytes,
        "",
        "Content of ssl-cert; wins over the file.",
    ),
    Key::new(
        "ssl-key-bytes",
        Ty::Bytes,
        "",
        "Content of ssl-key; wins over the file.",
    ),
    Key::new("ssl-ca-base64", Ty::Text, "", "As ssl-ca-bytes, in base64."),
    Key::new(
        "ssl-cert-base64",
        Ty::Text,
        "",
        "As ssl-cert-bytes, in base64.",
    ),
    Key::new(
        "ssl-key-base64",
        Ty::Secret,
        "",
        "As ssl-key-bytes, in base64.",
    ),
];
