//! Keys of `mydumpers`, `loaders`, `syncers` and `validators`.

use super::{Key, Ty};
use crate::error::codes;

const U32_MAX: i64 = u32::MAX as i64;
const NO_FILES: &str = "there are no dump files: rows are streamed from source to target";
const LOGICAL_ONLY: &str = "has no effect: it is about physical import";
const EXACT: &str = "never needed: changes are applied exactly once, also after a crash";
const OWN_CHUNKS: &str = "chunks and statements have bounds of their own";
const OWN_BATCHES: &str = "batches have bounds of their own, in rows and in bytes";
const NO_VALIDATION: &str = "has no effect: continuous validation comes in a later release";

/// An entry of `mydumpers`.
pub(super) const MYDUMPER: &[Key] = &[
    Key::obsolete("mydumper-path", Ty::Text, "./bin/mydumper"),
    Key::new(
        "threads",
        Ty::Int(0, U32_MAX),
        "4",
        "Readers at the source.",
    ),
    Key::new(
        "chunk-filesize",
        Ty::Text,
        "64",
        "Bound for one chunk of a table: MiB, or a size with unit.",
    )
    .mapped(OWN_CHUNKS, &["64"]),
    Key::new(
        "statement-size",
        Ty::Int(0, i64::MAX),
        "0",
        "Bound in bytes for one INSERT.",
    )
    .mapped(OWN_CHUNKS, &["0"]),
    Key::new("rows", Ty::Int(0, i64::MAX), "0", "Rows of one chunk.").mapped(OWN_CHUNKS, &["0"]),
    Key::new(
        "where",
        Ty::Text,
        "",
        "Condition for the rows to copy; changes of other rows are followed all the same.",
    ),
    Key::obsolete("skip-tz-utc", Ty::Bool, "true"),
    Key::new(
        "extra-args",
        Ty::Text,
        "",
        "Flags of the dump program; those that choose tables or rows are refused.",
    )
    .mapped(
        "there is no dump program; flags about how it reads have no effect",
        &[""],
    ),
];

/// An entry of `loaders`.
pub(super) const LOADER: &[Key] = &[
    Key::new(
        "pool-size",
        Ty::Int(0, U32_MAX),
        "16",
        "Writers at the target.",
    )
    .mapped(
        "mydumpers.threads decides how many tables are copied at once",
        &["16"],
    ),
    Key::new(
        "dir",
        Ty::Text,
        "./dumped_data",
        "Folder of the dump files.",
    )
    .mapped(NO_FILES, &["./dumped_data", ""]),
    Key::new("sorting-dir-physical", Ty::Text, "", "Folder for sorting.")
        .notice(LOGICAL_ONLY, &[""])
        .dropped(),
    Key::new(
        "import-mode",
        Ty::OneOfAnyCase(
            &["logical", "physical", "import-into", "sql", "loader", ""],
            &codes::CONFIG_INVALID_LOAD_MODE,
        ),
        "logical",
        "How rows are written; sql and loader are older names of logical.",
    )
    .refused(
        "use import-mode: logical",
        &["logical", "sql", "loader", ""],
    ),
    Key::obsolete("on-duplicate", Ty::Text, ""),
    Key::new(
        "on-duplicate-logical",
        Ty::OneOfAnyCase(
            &["replace", "error", "ignore"],
            &codes::CONFIG_INVALID_DUPLICATE_RESOLUTION,
        ),
        "replace",
        "What happens to a row that the target has already.",
    ),
    Key::new(
        "on-duplicate-physical",
        Ty::OneOfAnyCase(
            &["none", "manual", ""],
            &codes::CONFIG_INVALID_PHYSICAL_DUPLICATE_RESOLUTION,
        ),
        "none",
        "Duplicates in physical import.",
    )
    .notice(LOGICAL_ONLY, &["none", ""])
    .dropped(),
    Key::new(
        "disk-quota-physical",
        Ty::Text,
        "0",
        "Disk space for sorting.",
    )
    .notice(LOGICAL_ONLY, &["0", ""])
    .dropped(),
    Key::new(
        "checksum-physical",
        Ty::OneOfAnyCase(
            &["required", "optional", "off", ""],
            &codes::CONFIG_INVALID_PHYSICAL_CHECKSUM,
        ),
        "required",
        "Checksums after physical import.",
    )
    .notice(LOGICAL_ONLY, &["required", ""])
    .dropped(),
    Key::new(
        "analyze",
        Ty::OneOfAnyCase(
            &["required", "optional", "off", ""],
            &codes::CONFIG_INVALID_LOAD_ANALYZE,
        ),
        "optional",
        "Statistics after physical import.",
    )
    .notice(LOGICAL_ONLY, &["optional", ""])
    .dropped(),
    Key::new(
        "range-concurrency",
        Ty::Int(0, i64::MAX),
        "0",
        "Parallel ranges.",
    )
    .notice(LOGICAL_ONLY, &["0"])
    .dropped(),
    Key::new("compress-kv-pairs", Ty::Text, "", "Compression.")
        .notice(LOGICAL_ONLY, &[""])
        .dropped(),
    Key::new("pd-addr", Ty::Text, "", "Address of PD.")
        .notice(LOGICAL_ONLY, &[""])
        .dropped(),
];

/// An entry of `syncers`.
pub(super) const SYNCER: &[Key] = &[
    Key::obsolete("meta-file", Ty::Text, ""),
    Key::new(
        "worker-count",
        Ty::Int(0, U32_MAX),
        "16",
        "Writers at the target: transactions that share no key are applied at the same time.",
    ),
    Key::new(
        "batch",
        Ty::Int(0, U32_MAX),
        "100",
        "Row changes of one target transaction: measured commit times make it larger, and not smaller than this.",
    ),
    Key::new(
        "queue-size",
        Ty::Int(0, U32_MAX),
        "1024",
        "Row changes waiting in memory.",
    )
    .mapped(OWN_BATCHES, &["1024"]),
    Key::new(
        "checkpoint-flush-interval",
        Ty::Int(0, U32_MAX),
        "30",
        "Seconds between two checkpoints.",
    )
    .mapped("progress commits together with the data", &["30", "0"]),
    Key::new(
        "compact",
        Ty::Bool,
        "false",
        "Changes of one row fold into one.",
    )
    .notice("has no effect yet", &["false"]),
    Key::new(
        "multiple-rows",
        Ty::Bool,
        "false",
        "Rows of one table share a statement.",
    )
    .notice("has no effect yet", &["false"]),
    Key::new(
        "enable-gtid",
        Ty::Bool,
        "false",
        "The source's setting decides.",
    )
    .notice(
        "has no effect, as in DM: the source's setting decides",
        &["false"],
    )
    .dropped(),
    Key::new(
        "safe-mode",
        Ty::Bool,
        "false",
        "Apply changes so that repeating them is harmless.",
    )
    .notice(EXACT, &["false"]),
    Key::new(
        "safe-mode-duration",
        Ty::Duration,
        "60s",
        "How long that lasts after a start.",
    )
    .notice(EXACT, &["60s"]),
    Key::obsolete("max-retry", Ty::Int(0, i64::MAX), ""),
    Key::obsolete("auto-fix-gtid", Ty::Bool, "false"),
    Key::obsolete("disable-detect", Ty::Bool, "false"),
    Key::obsolete("enable-ansi-quotes", Ty::Bool, "false"),
];

/// An entry of `validators`.
pub(super) const VALIDATOR: &[Key] = &[
    Key::new(
        "mode",
        Ty::OneOf(&["none", "fast", "full"], &codes::CONFIG_VALIDATION_MODE),
        "none",
        "How much is compared.",
    )
    .notice(NO_VALIDATION, &["none"]),
    Key::new("worker-count", Ty::Int(0, U32_MAX), "4", "Readers.").notice(NO_VALIDATION, &["4"]),
    Key::new(
        "validate-interval",
        Ty::Duration,
        "10s",
        "Time between two rounds.",
    )
    .notice(NO_VALIDATION, &["10s"]),
    Key::new(
        "check-interval",
        Ty::Duration,
        "5s",
        "Time between two looks at progress.",
    )
    .notice(NO_VALIDATION, &["5s"]),
    Key::new(
        "row-error-delay",
        Ty::Duration,
        "30m",
        "Age from which a difference is an error.",
    )
    .notice(NO_VALIDATION, &["30m"]),
    Key::new(
        "meta-flush-interval",
        Ty::Duration,
        "5m",
        "Time between two writes of its state.",
    )
    .notice(NO_VALIDATION, &["5m"]),
    Key::new(
        "batch-query-size",
        Ty::Int(0, U32_MAX),
        "100",
        "Rows of one query.",
    )
    .notice(NO_VALIDATION, &["100"]),
    Key::new(
        "max-pending-row-size",
        Ty::Text,
        "500m",
        "Bytes of rows not yet compared.",
    )
    .notice(NO_VALIDATION, &["500m"]),
    Key::new(
        "max-pending-row-count",
        Ty::Int(0, U32_MAX),
        "2147483647",
        "Rows not yet compared.",
    )
    .notice(NO_VALIDATION, &["2147483647"]),
];
