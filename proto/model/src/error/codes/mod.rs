//! The catalogue of conditions, one constant each.
//!
//! Numbers, symbols, classes, scopes and levels are DM's (60001 and up: ours). Numbers are a
//! contract and never change; texts may.

use std::sync::LazyLock;

use super::ErrorCode;

/// `NAME = number, symbol, class, scope, level, kind, workaround;`
macro_rules! catalogue {
    ($($name:ident = $code:literal, $symbol:literal, $class:ident, $scope:ident, $level:ident, $kind:ident, $workaround:literal;)+) => {
        $(
            #[doc = concat!("`", $symbol, "` (", stringify!($code), ").")]
            pub const $name: $crate::error::ErrorCode = $crate::error::ErrorCode {
                code: $code,
                symbol: $symbol,
                class: $crate::error::Class::$class,
                scope: $crate::error::Scope::$scope,
                level: $crate::error::Level::$level,
                kind: $crate::error::Kind::$kind,
                workaround: $workaround,
            };
        )+

        pub(super) const PART: &[&$crate::error::ErrorCode] = &[$(&$name),+];
    };
}

mod binlog;
mod check;
mod config;
mod database;
mod functional;
mod master;
mod ours;
mod rest;
mod scheduler;
mod schema_tracker;
mod units;
mod worker;

pub use binlog::*;
pub use check::*;
pub use config::*;
pub use database::*;
pub use functional::*;
pub use master::*;
pub use ours::*;
pub use rest::*;
pub use scheduler::*;
pub use schema_tracker::*;
pub use units::*;
pub use worker::*;

/// Every condition, by number.
pub static ALL: LazyLock<Vec<&'static ErrorCode>> = LazyLock::new(|| {
    [
        database::PART,
        functional::PART,
        config::PART,
        binlog::PART,
        check::PART,
        units::PART,
        master::PART,
        worker::PART,
        schema_tracker::PART,
        scheduler::PART,
        rest::PART,
        ours::PART,
    ]
    .concat()
});

/// Finds a condition by its number.
pub fn by_number(code: i32) -> Option<&'static ErrorCode> {
    ALL.binary_search_by_key(&code, |known| known.code)
        .ok()
        .and_then(|index| ALL.get(index))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Class, Kind, Level};

    #[test]
    fn numbers_are_unique_and_sorted() {
        for pair in ALL.windows(2) {
            assert!(pair[0].code < pair[1].code, "{:?} {:?}", pair[0], pair[1]);
        }
    }

    #[test]
    fn numbers_find_their_condition() {
        for code in ALL.iter() {
            assert_eq!(by_number(code.code), Some(*code));
        }
        assert_eq!(by_number(1), None);
    }

    #[test]
    fn samples_agree_with_dm() {
        assert_eq!(CONFIG_NEED_UNIQUE_TASK_NAME.code, 20019);
        assert_eq!(CONFIG_NEED_UNIQUE_TASK_NAME.class, Class::Config);
        assert_eq!(CONFIG_NEED_UNIQUE_TASK_NAME.level, Level::Medium);
        assert_eq!(SCHEDULER_SOURCE_OP_TASK_EXIST.class, Class::DmMaster);
        assert_eq!(DB_INVALID_CONN.kind, Kind::Unknown);
    }
}
