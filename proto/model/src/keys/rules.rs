//! Keys of the rules: which tables, events and rows take part, and what becomes of them.

use super::{Key, Ty};
use crate::error::codes;

const U32_MAX: i64 = u32::MAX as i64;

/// An entry of `block-allow-list`.
pub(super) const BLOCK_ALLOW: &[Key] = &[
    Key::new(
        "do-dbs",
        Ty::TextList,
        "",
        "Schemas that take part; then ignore-dbs is not used.",
    ),
    Key::new(
        "do-tables",
        Ty::BlockList(TABLE_ITEM),
        "",
        "Tables that take part; then no others.",
    ),
    Key::new(
        "ignore-dbs",
        Ty::TextList,
        "",
        "Schemas that do not take part.",
    ),
    Key::new(
        "ignore-tables",
        Ty::BlockList(TABLE_ITEM),
        "",
        "Tables that do not take part.",
    ),
];

const TABLE_ITEM: &[Key] = &[
    Key::new(
        "db-name",
        Ty::Text,
        "",
        "Schema: a name, a wildcard, or ~ and a regular expression.",
    ),
    Key::new("tbl-name", Ty::Text, "", "Table: the same."),
];

/// An entry of `routes`.
pub(super) const ROUTE: &[Key] = &[
    Key::new(
        "schema-pattern",
        Ty::Text,
        "",
        "Schemas it is for; required.",
    ),
    Key::new(
        "table-pattern",
        Ty::Text,
        "",
        "Tables it is for; without it the rule is about schemas.",
    ),
    Key::new(
        "target-schema",
        Ty::Text,
        "",
        "Schema in the target; required.",
    ),
    Key::new(
        "target-table",
        Ty::Text,
        "",
        "Table in the target; empty keeps the name.",
    ),
    Key::new(
        "extract-table",
        Ty::Block(EXTRACT_TABLE),
        "",
        "A column of the target that keeps the source's table.",
    ),
    Key::new(
        "extract-schema",
        Ty::Block(EXTRACT_SCHEMA),
        "",
        "A column of the target that keeps the source's schema.",
    ),
    Key::new(
        "extract-source",
        Ty::Block(EXTRACT_SOURCE),
        "",
        "A column of the target that keeps the source's name.",
    ),
];

const EXTRACT_COLUMN: Key = Key::new(
    "target-column",
    Ty::Text,
    "",
    "The column; the target table has it already, anywhere; required.",
);

const EXTRACT_TABLE: &[Key] = &[
    Key::new(
        "table-regexp",
        Ty::Text,
        "",
        "Its capture groups, put together, are the value; nothing matches: an empty text.",
    ),
    EXTRACT_COLUMN,
];

const EXTRACT_SCHEMA: &[Key] = &[
    Key::new("schema-regexp", Ty::Text, "", "The same for the schema."),
    EXTRACT_COLUMN,
];

const EXTRACT_SOURCE: &[Key] = &[
    Key::new("source-regexp", Ty::Text, "", "The same for the source-id."),
    EXTRACT_COLUMN,
];

/// An entry of `filters`.
pub(super) const FILTER: &[Key] = &[
    Key::new(
        "schema-pattern",
        Ty::Text,
        "",
        "Schemas it is for; required.",
    ),
    Key::new(
        "table-pattern",
        Ty::Text,
        "",
        "Tables it is for; without it the schema and all its tables.",
    ),
    Key::new(
        "events",
        Ty::TextList,
        "",
        "Names of events: all, all dml, all ddl, insert, drop table, incompatible ddl changes, ….",
    ),
    Key::new(
        "sql-pattern",
        Ty::TextList,
        "",
        "Regular expressions for the text of a statement.",
    ),
    Key::new(
        "action",
        Ty::OneOf(
            &["Do", "Ignore", "Error"],
            &codes::CONFIG_BINLOG_EVENT_FILTER,
        ),
        "",
        "Do: only what matches; Ignore: not what matches; Error: what matches stops its table. Required.",
    ),
];

/// An entry of `expression-filter`.
pub(super) const EXPRESSION: &[Key] = &[
    Key::new("schema", Ty::Text, "", "The schema, no pattern; required."),
    Key::new("table", Ty::Text, "", "The table, no pattern; required."),
    Key::new(
        "insert-value-expr",
        Ty::Text,
        "",
        "Rows for which it is true do not take part: neither in the copy nor in the stream.",
    ),
    Key::new(
        "update-old-value-expr",
        Ty::Text,
        "",
        "Updates are left out when it is true for the row before …",
    ),
    Key::new(
        "update-new-value-expr",
        Ty::Text,
        "",
        "… and this for the row after.",
    ),
    Key::new(
        "delete-value-expr",
        Ty::Text,
        "",
        "Deletes are left out when it is true for the row.",
    ),
];

/// An entry of `column-mappings`.
pub(super) const COLUMN_MAPPING: &[Key] = &[
    Key::new(
        "schema-pattern",
        Ty::Text,
        "",
        "Schemas it is for; required.",
    ),
    Key::new(
        "table-pattern",
        Ty::Text,
        "",
        "Tables it is for; without it all of the schema.",
    ),
    Key::new(
        "source-column",
        Ty::Text,
        "",
        "Empty, or the same as target-column.",
    ),
    Key::new(
        "target-column",
        Ty::Text,
        "",
        "The column whose value is mapped; required.",
    ),
    Key::new(
        "expression",
        Ty::OneOf(
            &["add prefix", "add suffix", "partition id"],
            &codes::CONFIG_GEN_COLUMN_MAPPING,
        ),
        "",
        "What is done; required.",
    ),
    Key::new(
        "arguments",
        Ty::TextList,
        "",
        "The prefix or suffix; for partition id: instance, schema prefix, table prefix and, if there is one, separator.",
    ),
    Key::new(
        "create-table-query",
        Ty::Text,
        "",
        "Of older releases of DM.",
    )
    .refused("create the target table before the task starts", &[""])
    .dropped(),
];

/// An entry of `masks`.
pub(super) const MASK: &[Key] = &[
    Key::new(
        "schema-pattern",
        Ty::Text,
        "",
        "Schemas it is for; required.",
    ),
    Key::new(
        "table-pattern",
        Ty::Text,
        "",
        "Tables it is for; without it all of the schema.",
    ),
    Key::new("columns", Ty::TextList, "", "The columns; required."),
    Key::new(
        "function",
        Ty::OneOf(
            &["hash", "null", "fixed", "partial", "keep-length"],
            &codes::CONFIG_MASK,
        ),
        "",
        "How values are hidden; required.",
    ),
    Key::new("value", Ty::Text, "", "The text of fixed."),
    Key::new(
        "keep-first",
        Ty::Int(0, U32_MAX),
        "0",
        "Characters at the beginning that partial leaves.",
    ),
    Key::new(
        "keep-last",
        Ty::Int(0, U32_MAX),
        "0",
        "Characters at the end that partial leaves.",
    ),
    Key::new(
        "secret-file",
        Ty::Text,
        "",
        "File on every worker whose content is the secret of hash and keep-length.",
    ),
    Key::new(
        "secret-env",
        Ty::Text,
        "",
        "Instead: environment variable of every worker.",
    ),
];
