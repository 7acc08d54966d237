//! What the session of a logged statement adds to its text.

use dm_binlog::{Header, QueryEvent};

/// `sql_mode` bits of a QUERY event.
const MODE_ANSI_QUOTES: u64 = 4;
const MODE_NO_BACKSLASH_ESCAPES: u64 = 0x0010_0000;
/// Bits of the session flags.
const FLAG_NO_FOREIGN_KEY_CHECKS: u32 = 1 << 26;
const FLAG_RELAXED_UNIQUE_CHECKS: u32 = 1 << 27;

/// Settings that change what a statement means, as the upstream's session had them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatementSession {
    /// When it ran, microseconds since 1970: `NOW()` and its like.
    pub(crate) timestamp_us: u64,
    /// `time_zone`; absent when the statement does not depend on it.
    pub(crate) time_zone: Option<String>,
    /// `sql_mode` bits; absent on servers that don't log them.
    pub(crate) sql_mode: Option<u64>,
    /// Collation ids of character_set_client, collation_connection, collation_server.
    pub(crate) collations: Option<(u16, u16, u16)>,
    /// Collation id that `utf8mb4` alone means (MySQL 8).
    pub(crate) default_utf8mb4: Option<u16>,
    /// `explicit_defaults_for_timestamp`.
    pub(crate) explicit_defaults: Option<bool>,
    /// `foreign_key_checks = 0`.
    pub(crate) no_foreign_key_checks: bool,
    /// `unique_checks = 0`.
    pub(crate) no_unique_checks: bool,
    /// The connection, which scopes temporary tables.
    pub(crate) thread: u32,
}

impl StatementSession {
    /// Takes it from the event.
    pub(crate) fn of(header: &Header, query: &QueryEvent<'_>) -> Self {
        let status = &query.status;
        let flags = status.flags.unwrap_or_default();
        let micros = u64::from(status.microseconds.unwrap_or_default());
        Self {
            timestamp_us: u64::from(header.timestamp) * 1_000_000 + micros,
            time_zone: status.time_zone.clone(),
            sql_mode: status.sql_mode,
            collations: status.charset,
            default_utf8mb4: status.default_utf8mb4_collation,
            explicit_defaults: status.explicit_defaults_for_timestamp,
            no_foreign_key_checks: flags & FLAG_NO_FOREIGN_KEY_CHECKS != 0,
            no_unique_checks: flags & FLAG_RELAXED_UNIQUE_CHECKS != 0,
            thread: query.thread_id,
        }
    }

    /// `"x"` is a name.
    pub(crate) fn ansi_quotes(&self) -> bool {
        self.sql_mode.unwrap_or_default() & MODE_ANSI_QUOTES != 0
    }

    /// `\` is an ordinary character.
    pub(crate) fn no_backslash_escapes(&self) -> bool {
        self.sql_mode.unwrap_or_default() & MODE_NO_BACKSLASH_ESCAPES != 0
    }

    /// The text-relevant modes cleared, for a text of our own.
    pub(crate) fn with_plain_quotes(&self) -> Self {
        Self {
            sql_mode: self
                .sql_mode
                .map(|mode| mode & !(MODE_ANSI_QUOTES | MODE_NO_BACKSLASH_ESCAPES)),
            ..self.clone()
        }
    }
}
