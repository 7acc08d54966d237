//! Keys of `task.yaml`.

use super::database::DATABASE;
use super::rules::{BLOCK_ALLOW, ROUTE};
use super::units::{LOADER, MYDUMPER, SYNCER, VALIDATOR};
use super::{Key, Ty};
use crate::error::codes;

const U32_MAX: i64 = u32::MAX as i64;
const NO_MERGE: &str = "merging shards comes in a later release; remove it";
const NO_FILTERS: &str = "event filters come in a later release; remove them";
const NO_EXPRESSIONS: &str = "expression filters come in a later release; remove them";
const NO_MAPPING: &str = "column mappings are not supported, as in DM since 6.6; remove them";
const OLD_LIST: &str = "is read as block-allow-list";

/// The keys of `task.yaml`.
pub const TASK: &[Key] = &[
    Key::new("name", Ty::Text, "", "Name of the task; required."),
    Key::new(
        "task-mode",
        Ty::OneOf(
            &["full", "incremental", "all", "dump", "load", "load&sync"],
            &codes::CONFIG_INVALID_TASK_MODE,
        ),
        "",
        "full copies what is there, incremental follows the binlog, all does both; required.",
    )
    .refused(
        "there are no dump files to stop at or to start from; use full instead of dump or load, all instead of load&sync",
        &["full", "incremental", "all"],
    ),
    Key::new("is-sharding", Ty::Bool, "false", "Older form of shard-mode.")
        .refused(NO_MERGE, &["false"])
        .dropped(),
    Key::new(
        "shard-mode",
        Ty::OneOf(&["", "pessimistic", "optimistic"], &codes::CONFIG_SHARD_MODE_NOT_SUPPORT),
        "",
        "How shards with different structures are merged.",
    )
    .refused(NO_MERGE, &[""])
    .dropped(),
    Key::new("strict-optimistic-shard-mode", Ty::Bool, "false", "A conflict stops the task.")
        .refused(NO_MERGE, &["false"])
        .dropped(),
    Key::new(
        "ignore-checking-items",
        Ty::TextList,
        "",
        "Items of the pre-check that are left out.",
    ),
    Key::new("meta-schema", Ty::Text, "dm_meta", "Schema of our tables in the target."),
    Key::new(
        "timezone",
        Ty::Text,
        "the target's",
        "Session time zone on both sides: ±HH:MM or a name.",
    ).mapped("sessions are UTC on both sides, so points in time arrive unchanged", &[""]),
    Key::new(
        "case-sensitive",
        Ty::Bool,
        "false",
        "Rules distinguish upper and lower case; the source's setting can switch it on too.",
    ),
    Key::new(
        "collation_compatible",
        Ty::OneOf(&["loose", "strict"], &codes::CONFIG_COLLATION_COMPATIBLE_NOT_SUPPORT),
        "loose",
        "strict adds the source's default collation to DDL.",
    )
    .refused("strict comes in a later release; use loose", &["loose"]),
    Key::new("online-ddl", Ty::Bool, "true", "Recognise gh-ost and pt-osc."),
    Key::new(
        "shadow-table-rules",
        Ty::TextList,
        "^_(.+)_(?:new|gho)$",
        "Names of their shadow tables.",
    ),
    Key::new(
        "trash-table-rules",
        Ty::TextList,
        "^_(.+)_(?:ghc|del|old)$",
        "Names of the tables that they leave.",
    ),
    Key::new(
        "online-ddl-scheme",
        Ty::OneOf(&["", "pt", "gh-ost"], &codes::CONFIG_ONLINE_SCHEME_NOT_SUPPORT),
        "",
        "Older form of online-ddl.",
    )
    .mapped("is read as online-ddl: true", &[""]),
    Key::new("clean-dump-file", Ty::Bool, "true", "Remove dump files.")
        .mapped("there are no dump files", &["true"]),
    Key::new(
        "on-error",
        Ty::OneOf(&["table", "task"], &codes::CONFIG_YAML_TRANSFORM),
        "table",
        "Ours: table stops the table in error alone, task pauses the subtask as DM does.",
    ),
    Key::new(
        "on-row-mismatch",
        Ty::OneOf(&["count", "strict", "repair"], &codes::CONFIG_YAML_TRANSFORM),
        "count",
        "Ours: a change meets other rows at the target than it should: count it, stop the table (strict), or write the row as it should be (repair).",
    ),
    Key::new(
        "preserve-order",
        Ty::Bool,
        "false",
        "Ours: transactions become visible in upstream order, also those that do not conflict.",
    ),
    Key::new("atomic-group", Ty::Any, "", "Ours: tables that stop together.")
        .refused("comes in a later release; remove it", &[])
        .dropped(),
    Key::new("target-database", Ty::Block(DATABASE), "", "Where rows go; required."),
    Key::new("mysql-instances", Ty::BlockList(INSTANCE), "", "The sources; at least one."),
    Key::new("routes", Ty::NamedBlocks(ROUTE), "", "What tables are called in the target."),
    Key::new("filters", Ty::Any, "", "Binlog event filters.").refused(NO_FILTERS, &[]).dropped(),
    Key::new("expression-filter", Ty::Any, "", "Filters by column values.")
        .refused(NO_EXPRESSIONS, &[])
        .dropped(),
    Key::new("block-allow-list", Ty::NamedBlocks(BLOCK_ALLOW), "", "Which tables take part."),
    Key::new("black-white-list", Ty::NamedBlocks(BLOCK_ALLOW), "", "Older name of block-allow-list.")
        .mapped(OLD_LIST, &[]),
    Key::new("column-mappings", Ty::Any, "", "Of older releases of DM.")
        .refused(NO_MAPPING, &[])
        .dropped(),
    Key::new("mydumpers", Ty::NamedBlocks(MYDUMPER), "", "How existing rows are read."),
    Key::new("loaders", Ty::NamedBlocks(LOADER), "", "How existing rows are written."),
    Key::new("syncers", Ty::NamedBlocks(SYNCER), "", "How changes are written."),
    Key::new("validators", Ty::NamedBlocks(VALIDATOR), "", "How the target is compared."),
    Key::new("experimental", Ty::Block(EXPERIMENTAL), "", "Settings that DM calls experimental."),
    Key::obsolete("ansi-quotes", Ty::Bool, "false"),
    Key::obsolete("remove-meta", Ty::Bool, "false"),
    Key::obsolete("enable-heartbeat", Ty::Bool, "false"),
    Key::obsolete("heartbeat-update-interval", Ty::Int(0, i64::MAX), "1"),
    Key::obsolete("heartbeat-report-interval", Ty::Int(0, i64::MAX), "10"),
];

const EXPERIMENTAL: &[Key] = &[Key::new(
    "async-checkpoint-flush",
    Ty::Bool,
    "false",
    "Write checkpoints in the background.",
)
.notice(
    "has no effect: progress commits together with the data",
    &["false"],
)];

const INSTANCE: &[Key] = &[
    Key::new("source-id", Ty::Text, "", "The source; required."),
    Key::new(
        "meta",
        Ty::Block(META),
        "",
        "Where an incremental task starts.",
    ),
    Key::new("route-rules", Ty::TextList, "", "Names in routes."),
    Key::new("filter-rules", Ty::TextList, "", "Names in filters.")
        .refused(NO_FILTERS, &[])
        .dropped(),
    Key::new(
        "expression-filters",
        Ty::TextList,
        "",
        "Names in expression-filter.",
    )
    .refused(NO_EXPRESSIONS, &[])
    .dropped(),
    Key::new(
        "column-mapping-rules",
        Ty::TextList,
        "",
        "Of older releases of DM.",
    )
    .refused(NO_MAPPING, &[])
    .dropped(),
    Key::new(
        "block-allow-list",
        Ty::Text,
        "",
        "Name in block-allow-list.",
    ),
    Key::new(
        "black-white-list",
        Ty::Text,
        "",
        "Older name of block-allow-list.",
    )
    .mapped(OLD_LIST, &[""]),
    Key::new("mydumper-config-name", Ty::Text, "", "Name in mydumpers."),
    Key::new(
        "mydumper",
        Ty::Block(MYDUMPER),
        "",
        "Instead of a name: the block itself.",
    ),
    Key::new(
        "mydumper-thread",
        Ty::Int(0, U32_MAX),
        "0",
        "Not 0: replaces threads.",
    ),
    Key::new("loader-config-name", Ty::Text, "", "Name in loaders."),
    Key::new(
        "loader",
        Ty::Block(LOADER),
        "",
        "Instead of a name: the block itself.",
    ),
    Key::new(
        "loader-thread",
        Ty::Int(0, U32_MAX),
        "0",
        "Not 0: replaces pool-size.",
    ),
    Key::new("syncer-config-name", Ty::Text, "", "Name in syncers."),
    Key::new(
        "syncer",
        Ty::Block(SYNCER),
        "",
        "Instead of a name: the block itself.",
    ),
    Key::new(
        "syncer-thread",
        Ty::Int(0, U32_MAX),
        "0",
        "Not 0: replaces worker-count.",
    ),
    Key::new("validator-config-name", Ty::Text, "", "Name in validators."),
];

const META: &[Key] = &[
    Key::new("binlog-name", Ty::Text, "", "Binlog file."),
    Key::new(
        "binlog-pos",
        Ty::Int(0, i64::MAX),
        "0",
        "Offset in the file.",
    ),
    Key::new(
        "binlog-gtid",
        Ty::Text,
        "",
        "GTID set; wins when the source uses GTIDs.",
    ),
];
