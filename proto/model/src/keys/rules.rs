//! Keys of `block-allow-list` and `routes`.

use super::{Key, Ty};

const NO_EXTRACT: &str = "columns with the origin of a row come in a later release; remove it";

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
        Ty::Any,
        "",
        "Column that keeps the source's table.",
    )
    .refused(NO_EXTRACT, &[])
    .dropped(),
    Key::new(
        "extract-schema",
        Ty::Any,
        "",
        "Column that keeps the source's schema.",
    )
    .refused(NO_EXTRACT, &[])
    .dropped(),
    Key::new(
        "extract-source",
        Ty::Any,
        "",
        "Column that keeps the source's name.",
    )
    .refused(NO_EXTRACT, &[])
    .dropped(),
];
