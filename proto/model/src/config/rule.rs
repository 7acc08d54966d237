//! Rules as they are written; [`crate::rules`] compiles them.

use serde::{Deserialize, Serialize};

/// An entry of `block-allow-list`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct BlockAllowRule {
    /// Schemas that take part; when set, `ignore_dbs` is not consulted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub do_dbs: Vec<String>,
    /// Tables that take part; when set, others do not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub do_tables: Vec<TableItem>,
    /// Schemas that do not take part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_dbs: Vec<String>,
    /// Tables that do not take part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_tables: Vec<TableItem>,
}

/// Patterns of a schema and of a table in it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct TableItem {
    /// Schema pattern.
    pub db_name: String,
    /// Table pattern.
    pub tbl_name: String,
}

/// An entry of `routes`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct RouteRule {
    /// Schemas it is for.
    pub schema_pattern: String,
    /// Tables it is for; empty: a rule about the schema.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table_pattern: String,
    /// The schema in the target.
    pub target_schema: String,
    /// The table in the target; empty keeps the name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_table: String,
}
