//! A DDL runs under the settings of the upstream's session, as far as the target knows them. Pure.

use crate::{
    database::ServerKind,
    sync::{decode::StatementSession, value::quote_text},
};

/// `sql_mode` bits as both families log them, by name. Combinations (ANSI, TRADITIONAL) are logged with their parts, so only the
/// parts are here; modes that only say how a server prints (NO_FIELD_OPTIONS …) change nothing in a DDL.
const MODES: &[(u64, &str)] = &[
    (1, "REAL_AS_FLOAT"),
    (1 << 1, "PIPES_AS_CONCAT"),
    (1 << 2, "ANSI_QUOTES"),
    (1 << 3, "IGNORE_SPACE"),
    (1 << 5, "ONLY_FULL_GROUP_BY"),
    (1 << 6, "NO_UNSIGNED_SUBTRACTION"),
    (1 << 7, "NO_DIR_IN_CREATE"),
    (1 << 19, "NO_AUTO_VALUE_ON_ZERO"),
    (1 << 20, "NO_BACKSLASH_ESCAPES"),
    (1 << 21, "STRICT_TRANS_TABLES"),
    (1 << 22, "STRICT_ALL_TABLES"),
    (1 << 23, "NO_ZERO_IN_DATE"),
    (1 << 24, "NO_ZERO_DATE"),
    (1 << 25, "ALLOW_INVALID_DATES"),
    (1 << 26, "ERROR_FOR_DIVISION_BY_ZERO"),
    (1 << 29, "HIGH_NOT_PRECEDENCE"),
    (1 << 31, "PAD_CHAR_TO_FULL_LENGTH"),
];
/// Modes that change what a statement of MariaDB means and that other targets don't have.
const MARIADB_MODES: &[(u64, &str)] = &[
    (1 << 4, "IGNORE_BAD_TABLE_OPTIONS"),
    (1 << 9, "ORACLE"),
    (1 << 32, "EMPTY_STRING_IS_NULL"),
    (1 << 33, "SIMULTANEOUS_ASSIGNMENT"),
    (1 << 34, "TIME_ROUND_FRACTIONAL"),
];
/// Microseconds of a second.
const SECOND_US: u64 = 1_000_000;

/// What is set before a DDL and put back after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SessionSettings {
    /// Keeps what is there, then sets.
    pub(super) set: String,
    /// Puts back.
    pub(super) restore: String,
    /// Settings of the source that the target has not.
    pub(super) left_out: Vec<String>,
}

impl SessionSettings {
    /// For a statement that ran in this session at a source of the same or another family.
    pub(super) fn new(session: &StatementSession, from_mariadb: bool, target: ServerKind) -> Self {
        let mut settings = Self::default();
        let mut set = Vec::new();
        let mut restore = Vec::new();
        if let Some(mode) = session.sql_mode {
            let known = settings.modes(mode, from_mariadb, target);
            set.push(format!(
                "@dm_sql_mode = @@SESSION.sql_mode, SESSION sql_mode = {}",
                quote_text(&known)
            ));
            restore.push("SESSION sql_mode = @dm_sql_mode".to_owned());
        }
        if session.timestamp_us >= SECOND_US {
            let (seconds, micros) = (
                session.timestamp_us / SECOND_US,
                session.timestamp_us % SECOND_US,
            );
            set.push(format!("SESSION timestamp = {seconds}.{micros:06}"));
            restore.push("SESSION timestamp = DEFAULT".to_owned());
        }
        if let Some(zone) = session.time_zone.as_deref().filter(|zone| !zone.is_empty()) {
            set.push(format!(
                "@dm_time_zone = @@SESSION.time_zone, SESSION time_zone = {}",
                quote_text(zone)
            ));
            restore.push("SESSION time_zone = @dm_time_zone".to_owned());
        }
        // Only MySQL takes it from everybody; MariaDB's and TiDB's are global or fixed.
        if let (Some(on), ServerKind::Mysql) = (session.explicit_defaults, target) {
            set.push(format!(
                "SESSION explicit_defaults_for_timestamp = {}",
                u8::from(on)
            ));
            restore.push("SESSION explicit_defaults_for_timestamp = DEFAULT".to_owned());
        }
        if !set.is_empty() {
            settings.set = format!("SET {}", set.join(", "));
            settings.restore = format!("SET {}", restore.join(", "));
        }
        settings
    }

    fn modes(&mut self, bits: u64, from_mariadb: bool, target: ServerKind) -> String {
        let mut known: Vec<&str> = MODES
            .iter()
            .filter(|(bit, _)| bits & bit != 0)
            .map(|(_, name)| *name)
            .collect();
        if from_mariadb {
            for (_, name) in MARIADB_MODES.iter().filter(|(bit, _)| bits & bit != 0) {
                if target == ServerKind::Mariadb {
                    known.push(name);
                } else {
                    self.left_out.push(format!("sql_mode {name}"));
                }
            }
        }
        known.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_of_the_statement_is_set_and_put_back() {
        let session = StatementSession {
            timestamp_us: 1_700_000_000_000_123,
            time_zone: Some("Europe/Berlin".to_owned()),
            sql_mode: Some(4 | 1 << 22 | 1 << 28),
            explicit_defaults: Some(false),
            ..StatementSession::default()
        };
        let settings = SessionSettings::new(&session, false, ServerKind::Mysql);
        assert_eq!(
            settings.set,
            "SET @dm_sql_mode = @@SESSION.sql_mode, SESSION sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES', \
             SESSION timestamp = 1700000000.000123, @dm_time_zone = @@SESSION.time_zone, SESSION time_zone = 'Europe/Berlin', \
             SESSION explicit_defaults_for_timestamp = 0"
        );
        assert_eq!(
            settings.restore,
            "SET SESSION sql_mode = @dm_sql_mode, SESSION timestamp = DEFAULT, SESSION time_zone = @dm_time_zone, \
             SESSION explicit_defaults_for_timestamp = DEFAULT"
        );
        assert!(settings.left_out.is_empty());
        let nothing = SessionSettings::new(&StatementSession::default(), false, ServerKind::Mysql);
        assert_eq!(nothing, SessionSettings::default());
    }

    #[test]
    fn modes_that_the_target_does_not_know_are_reported() {
        let session = StatementSession {
            sql_mode: Some(1 << 9 | 1 << 21),
            ..StatementSession::default()
        };
        let to_mysql = SessionSettings::new(&session, true, ServerKind::Mysql);
        assert!(to_mysql.set.contains("sql_mode = 'STRICT_TRANS_TABLES'"));
        assert_eq!(to_mysql.left_out, ["sql_mode ORACLE"]);
        let to_mariadb = SessionSettings::new(&session, true, ServerKind::Mariadb);
        assert!(to_mariadb.set.contains("'STRICT_TRANS_TABLES,ORACLE'"));
        // MySQL's bit 9 is a mode of old that means nothing.
        let from_mysql = SessionSettings::new(&session, false, ServerKind::Mysql);
        assert!(from_mysql.left_out.is_empty());
    }
}
