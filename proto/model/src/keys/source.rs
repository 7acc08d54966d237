//! Keys of `source.yaml`.

use super::database::DATABASE;
use super::rules::FILTER;
use super::{Key, Ty};
use crate::error::codes;

const NO_PURGE: &str = "old relay files are not deleted by themselves yet";
const OWN_WAITS: &str = "the worker tries again by itself, with waits of its own";
const FIXED: &str = "has no effect, as in DM: the value is fixed";

/// The keys of `source.yaml`.
pub const SOURCE: &[Key] = &[
    Key::new(
        "source-id",
        Ty::Text,
        "",
        "Name of the source; required, at most 32 bytes.",
    ),
    Key::new("enable", Ty::Bool, "true", "False: its tasks do not run."),
    Key::new(
        "enable-gtid",
        Ty::Bool,
        "false",
        "Positions are GTID sets. The server must run with GTIDs.",
    ),
    Key::new(
        "enable-relay",
        Ty::Bool,
        "false",
        "Keep a relay log: the source's binlog files, copied.",
    ),
    Key::new(
        "relay-binlog-name",
        Ty::Text,
        "",
        "The file with which the relay log begins; without it, the one that the source writes then.",
    ),
    Key::new(
        "relay-binlog-gtid",
        Ty::Text,
        "",
        "Where the relay log starts.",
    )
    .notice("has no effect: use relay-binlog-name", &[""]),
    Key::new(
        "relay-dir",
        Ty::Text,
        "",
        "Folder of relay logs, with one below it for each source; empty is relay-dir. The worker's own relay-dir goes first.",
    ),
    Key::new(
        "flavor",
        Ty::OneOf(&["", "mysql", "mariadb"], &codes::NOT_SUPPORTED_FLAVOR),
        "found out",
        "Family of the server.",
    ),
    Key::new(
        "server-id",
        Ty::Int(0, u32::MAX as i64),
        "chosen",
        "Our number among the server's replicas; 0 chooses one that is free.",
    ),
    Key::new(
        "case-sensitive",
        Ty::Bool,
        "found out",
        "Rules distinguish upper and lower case in names; unset: where the server does (lower_case_table_names=0).",
    ),
    Key::new(
        "from",
        Ty::Block(DATABASE),
        "",
        "How to reach the server; required.",
    ),
    Key::new(
        "purge",
        Ty::Block(PURGE),
        "",
        "When relay logs are deleted.",
    ),
    Key::new(
        "checker",
        Ty::Block(CHECKER),
        "",
        "When a task in error is tried again.",
    ),
    Key::new(
        "filters",
        Ty::BlockList(FILTER),
        "",
        "Binlog event filters for every task; a task's rule with the same patterns wins.",
    ),
    Key::obsolete("auto-fix-gtid", Ty::Bool, "false"),
    Key::obsolete("meta-dir", Ty::Text, ""),
    Key::obsolete("charset", Ty::Text, ""),
    Key::obsolete("tracer", Ty::Any, ""),
];

const PURGE: &[Key] = &[
    Key::new(
        "interval",
        Ty::Int(0, i64::MAX),
        "3600",
        "Seconds between two looks; 0 is never.",
    )
    .notice(NO_PURGE, &["3600"]),
    Key::new(
        "expires",
        Ty::Int(0, i64::MAX),
        "0",
        "Hours after which a file may go; 0 is off.",
    )
    .notice(NO_PURGE, &["0"]),
    Key::new(
        "remain-space",
        Ty::Int(0, i64::MAX),
        "15",
        "GB of free space to keep.",
    )
    .notice(NO_PURGE, &["15"]),
];

const CHECKER: &[Key] = &[
    Key::new("check-enable", Ty::Bool, "true", "Try again at all.").mapped(OWN_WAITS, &["true"]),
    Key::new(
        "backoff-rollback",
        Ty::Duration,
        "5m",
        "After this long without an error the wait shrinks.",
    )
    .mapped(OWN_WAITS, &["5m"]),
    Key::new(
        "backoff-max",
        Ty::Duration,
        "5m",
        "Longest wait between two tries; at least 1s.",
    )
    .mapped(OWN_WAITS, &["5m"]),
    Key::new(
        "check-interval",
        Ty::Duration,
        "5s",
        "Time between two looks.",
    )
    .notice(FIXED, &["5s"])
    .dropped(),
    Key::new("backoff-min", Ty::Duration, "1s", "Shortest wait.")
        .notice(FIXED, &["1s"])
        .dropped(),
    Key::new("backoff-jitter", Ty::Bool, "true", "Waits vary.")
        .notice(FIXED, &["true"])
        .dropped(),
    Key::new("backoff-factor", Ty::Text, "2", "How waits grow.")
        .notice(FIXED, &["2"])
        .dropped(),
];
