//! What a driver's error means for us.

use dm_model::error::{ErrorCode, Kind, Scope};
use dm_model::{DmError, codes};
use mysql_async::{DriverError, Error, IoError, ServerError};

/// What an error number of a server means.
struct Meaning {
    code: &'static ErrorCode,
    kind: Kind,
    /// Empty: the code's own.
    workaround: &'static str,
}

/// Classifies an error of a statement on a connection of the given side.
pub fn classify(error: &Error, scope: Scope) -> DmError {
    match error {
        Error::Server(server) => from_server(server, scope),
        Error::Io(io) => lost(io_text(io), scope),
        Error::Driver(DriverError::ConnectionClosed | DriverError::PoolDisconnected) => {
            lost("the connection is closed".to_owned(), scope)
        }
        Error::Driver(DriverError::PacketTooLarge) => {
            DmError::new(&codes::DB_UN_EXPECT, "packet too large")
                .with_scope(scope)
                .with_kind(Kind::Definite)
                .with_workaround("Raise max_allowed_packet on the server.")
        }
        Error::Driver(driver) => DmError::new(&codes::DB_UN_EXPECT, "the driver can't go on")
            .with_scope(scope)
            .with_cause(driver)
            .with_kind(Kind::Definite),
        Error::Url(url) => DmError::new(&codes::DB_DRIVER_ERROR, "bad address")
            .with_scope(scope)
            .with_cause(url),
        Error::Other(other) => DmError::new(&codes::DB_UN_EXPECT, "unexpected")
            .with_scope(scope)
            .with_cause(other),
    }
}

/// Classifies an error of an attempt to connect; the message names the address.
pub fn classify_connect(error: &Error, scope: Scope, address: &str, user: &str) -> DmError {
    let dm = DmError::new(&codes::DB_DRIVER_ERROR, "").with_scope(scope);
    match error {
        Error::Server(server) if server.code == 1045 || server.code == 1698 => {
            let message = format!("access denied at {address} for user '{user}'");
            DmError { message, ..dm }
                .with_cause(server_text(server))
                .with_kind(Kind::Definite)
                .with_workaround("Check user and password in the configuration, and from which hosts the account may connect.")
        }
        Error::Server(server) => {
            let meaning = meaning(server.code);
            let message = format!("{address} refuses the connection");
            let dm = DmError { message, ..dm }
                .with_cause(server_text(server))
                .with_kind(meaning.kind);
            if meaning.workaround.is_empty() {
                dm
            } else {
                dm.with_workaround(meaning.workaround)
            }
        }
        Error::Driver(DriverError::NoClientSslFlagFromServer) => {
            let message = format!("{address} doesn't offer TLS");
            DmError { message, ..dm }
                .with_kind(Kind::Definite)
                .with_workaround(
                    "Remove `security` from the configuration, or switch TLS on at the server.",
                )
        }
        // Servers also answer so to hide that there is no such user.
        Error::Driver(DriverError::UnknownAuthPlugin { name }) => {
            let message = format!(
                "access denied at {address} for user '{user}': there is no such user, or it logs in by {name}, which is not supported"
            );
            DmError { message, ..dm }
                .with_kind(Kind::Definite)
                .with_workaround("Check the user in the configuration; create it with caching_sha2_password or mysql_native_password.")
        }
        Error::Io(io) => DmError {
            message: format!("can't connect to {address}"),
            ..dm
        }
        .with_cause(io_text(io))
        .with_kind(Kind::Transient),
        other => DmError {
            message: format!("can't connect to {address}"),
            ..dm
        }
        .with_cause(other),
    }
}

fn lost(cause: String, scope: Scope) -> DmError {
    DmError::new(
        &codes::DB_BAD_CONN,
        "the connection to the database is lost",
    )
    .with_scope(scope)
    .with_cause(cause)
    .with_kind(Kind::Transient)
}

fn from_server(server: &ServerError, scope: Scope) -> DmError {
    let mut meaning = meaning(server.code);
    if server.code == UNNAMED && PASSING.iter().any(|text| server.message.contains(text)) {
        meaning.kind = Kind::Transient;
    }
    let side = match scope {
        Scope::Upstream => "the source",
        Scope::Downstream => "the target",
        _ => "the database",
    };
    let error = DmError::new(meaning.code, format!("{side} refuses a statement"))
        .with_scope(scope)
        .with_cause(server_text(server))
        .with_kind(meaning.kind);
    if meaning.workaround.is_empty() {
        error
    } else {
        error.with_workaround(meaning.workaround)
    }
}

/// The number under which TiDB reports what has none of its own.
const UNNAMED: u16 = 1105;
/// What such an error says when it passes by itself.
const PASSING: [&str; 7] = [
    "Region is unavailable",
    "try again later",
    "server is busy",
    "server timeout",
    "Information schema is",
    "not leader",
    "connection refused",
];

fn meaning(code: u16) -> Meaning {
    let transient = |workaround| Meaning {
        code: &codes::DB_EXECUTE_FAILED,
        kind: Kind::Transient,
        workaround,
    };
    let definite = |workaround| Meaning {
        code: &codes::DB_EXECUTE_FAILED,
        kind: Kind::Definite,
        workaround,
    };
    match code {
        // Lock wait timeout, deadlock, a row that changed since it was read (MariaDB), a table whose definition did.
        1020 | 1205 | 1213 | 1412 => transient(""),
        // What TiDB says of its conflicts, its locks' time to live, its schema, its regions and its stores.
        8002 | 8005 | 8022 | 8027 | 8028 | 8229 | 8252 | 9001..=9012 => transient(""),
        // The group or cluster refuses the commit, or this member is not ready.
        1047 | 3100 | 3101 => transient(""),
        // Shutting down, connection killed or idle for too long, too many connections, out of resources.
        1053
        | 1077..=1080
        | 1152
        | 1158..=1161
        | 1184
        | 1317
        | 1927
        | 2006
        | 2013
        | 4031
        | 8249 => transient(""),
        1040 | 1203 | 1226 => transient(
            "The server's limit of connections is reached: raise max_connections, or use fewer threads.",
        ),
        // Read-only: a switch-over in progress, or the wrong server.
        1290 | 1792 | 1836 => transient("The server is read-only: check that this is the primary."),
        // Disk full, temporarily.
        1021 | 1041 | 3 | 28 => transient("Free space or memory on the server."),
        1044 | 1142 | 1143 | 1227 | 1370 => {
            definite("The account lacks a privilege: run the GRANT for what the cause names.")
        }
        1045 | 1698 => definite("Check user and password in the configuration."),
        8004 | 8025 => definite(
            "Raise performance.txn-total-size-limit or performance.txn-entry-size-limit of TiDB.",
        ),
        // Statement interrupted by a limit of the server.
        1969 | 3024 => transient(""),
        _ => definite(""),
    }
}

fn server_text(server: &ServerError) -> String {
    format!(
        "Error {} ({}): {}",
        server.code, server.state, server.message
    )
}

fn io_text(io: &IoError) -> String {
    match io {
        IoError::Io(error) => error.to_string(),
        IoError::Tls(error) => format!("TLS: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16) -> Error {
        Error::Server(ServerError {
            code,
            message: "m".into(),
            state: "HY000".into(),
        })
    }

    #[test]
    fn numbers_have_their_kinds() {
        for code in [
            1205, 1213, 9007, 8005, 8022, 8027, 8229, 9001, 9005, 9011, 1020, 1053, 2006, 2013,
            1040, 1290, 1792, 1836, 3101,
        ] {
            assert_eq!(
                classify(&server(code), Scope::Downstream).kind,
                Kind::Transient,
                "{code}"
            );
        }
        for code in [1045, 1044, 1142, 1227, 1146, 1062, 1406, 8025, 1064] {
            assert_eq!(
                classify(&server(code), Scope::Downstream).kind,
                Kind::Definite,
                "{code}"
            );
        }
        let io = Error::Io(IoError::Io(std::io::ErrorKind::ConnectionReset.into()));
        assert_eq!(classify(&io, Scope::Upstream).kind, Kind::Transient);
    }

    #[test]
    fn an_error_without_a_number_is_judged_by_its_text() {
        for (text, kind) in [
            ("Region is unavailable", Kind::Transient),
            ("tikv server is busy", Kind::Transient),
            ("index out of range", Kind::Definite),
        ] {
            let error = Error::Server(ServerError {
                code: 1105,
                message: text.into(),
                state: "HY000".into(),
            });
            assert_eq!(classify(&error, Scope::Downstream).kind, kind, "{text}");
        }
    }

    #[test]
    fn cause_keeps_number_and_text() {
        let error = classify(&server(1062), Scope::Downstream);
        assert_eq!(error.cause.as_deref(), Some("Error 1062 (HY000): m"));
        assert_eq!(error.scope, Scope::Downstream);
    }

    #[test]
    fn wrong_password_names_address_and_user() {
        let error = classify_connect(&server(1045), Scope::Upstream, "h:1", "u");
        assert_eq!((error.code, error.kind), (10001, Kind::Definite));
        assert!(error.message.contains("h:1") && error.message.contains("'u'"));
    }

    #[test]
    fn a_hidden_user_is_access_denied() {
        let hidden = Error::Driver(DriverError::UnknownAuthPlugin {
            name: "sha256_password".into(),
        });
        let error = classify_connect(&hidden, Scope::Upstream, "h:1", "u");
        assert_eq!((error.code, error.kind), (10001, Kind::Definite));
        for part in ["access denied at h:1", "'u'", "sha256_password"] {
            assert!(error.message.contains(part), "{error}");
        }
    }
}
