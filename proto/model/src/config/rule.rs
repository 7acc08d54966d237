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
    /// A column of the target that keeps the source's table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract_table: Option<ExtractTable>,
    /// A column of the target that keeps the source's schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract_schema: Option<ExtractSchema>,
    /// A column of the target that keeps the source's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract_source: Option<ExtractSource>,
}

/// What of a table's name is kept, and where.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ExtractTable {
    /// Its capture groups, put together, are the value.
    pub table_regexp: String,
    /// The column.
    pub target_column: String,
}

/// What of a schema's name is kept, and where.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ExtractSchema {
    /// Its capture groups, put together, are the value.
    pub schema_regexp: String,
    /// The column.
    pub target_column: String,
}

/// What of a source's name is kept, and where.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ExtractSource {
    /// Its capture groups, put together, are the value.
    pub source_regexp: String,
    /// The column.
    pub target_column: String,
}

/// A rule and what its author calls it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named<T> {
    /// Its name in the task; rules of a source are called after their place.
    pub name: String,
    /// The rule.
    pub rule: T,
}

impl<T> Named<T> {
    /// Gives a rule its name.
    pub fn new(name: impl Into<String>, rule: T) -> Self {
        Self {
            name: name.into(),
            rule,
        }
    }
}

/// An entry of `filters`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct FilterRule {
    /// Schemas it is for.
    pub schema_pattern: String,
    /// Tables it is for; empty: the schema and all its tables.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table_pattern: String,
    /// Names of events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Regular expressions for the text of a statement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sql_pattern: Vec<String>,
    /// What happens to what matches; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<FilterAction>,
}

/// What a filter rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FilterAction {
    /// Only what matches is migrated.
    Do,
    /// What matches is not migrated.
    Ignore,
    /// What matches stops its table.
    Error,
}

/// An entry of `column-mappings`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ColumnMappingRule {
    /// Schemas it is for.
    pub schema_pattern: String,
    /// Tables it is for; empty: all of the schema.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table_pattern: String,
    /// The column that is read; empty, or the same as `target_column`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_column: String,
    /// The column whose value is mapped.
    pub target_column: String,
    /// `partition id`, `add prefix` or `add suffix`.
    pub expression: String,
    /// What the expression needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
}

/// An entry of `expression-filter`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ExpressionRule {
    /// The schema, as it is spelled.
    pub schema: String,
    /// The table, as it is spelled.
    pub table: String,
    /// Rows for which it is true are not in the target's scope.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub insert_value_expr: String,
    /// Updates are left out when this holds for the row before …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub update_old_value_expr: String,
    /// … and this for the row after.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub update_new_value_expr: String,
    /// Deletes are left out when this holds for the row.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub delete_value_expr: String,
}

/// An entry of `masks`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct MaskRule {
    /// Schemas it is for.
    pub schema_pattern: String,
    /// Tables it is for; empty: all of the schema.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table_pattern: String,
    /// The columns.
    pub columns: Vec<String>,
    /// How values are hidden; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<MaskFunction>,
    /// The text of `fixed`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// Characters at the beginning that `partial` leaves.
    pub keep_first: u32,
    /// Characters at the end that `partial` leaves.
    pub keep_last: u32,
    /// File of the secret on every worker.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub secret_file: String,
    /// Environment variable of every worker with the secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub secret_env: String,
}

/// How a value is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskFunction {
    /// A keyed hash.
    Hash,
    /// NULL.
    Null,
    /// Always the same text.
    Fixed,
    /// The ends stay, `*` between them.
    Partial,
    /// Letters become letters and digits digits, by a keyed stream.
    KeepLength,
}
