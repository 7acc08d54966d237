//! A table.

use serde::{Deserialize, Serialize};

use super::{Column, ForeignKey, Key, KeyKind};
use crate::context::Context;
use crate::error::ApplyError;
use crate::statement::Kind;

/// A table's structure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Columns in order, invisible and generated ones too.
    pub columns: Vec<Column>,
    /// Indexes in the server's order: primary key, unique keys without and with nullable columns, others,
    /// FULLTEXT.
    #[serde(default)]
    pub keys: Vec<Key>,
    /// Foreign keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKey>,
    /// Default character set; none if neither the text nor the database says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Default collation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// Storage engine; none if unsaid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Has partitions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partitioned: bool,
    /// Statements that the keeper of the history remembers with a shadow table of an online schema change;
    /// none for any other table. No statement changes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Vec<String>>,
}

impl Table {
    /// Reads the text of SHOW CREATE TABLE.
    pub fn parse_create(text: &str, context: &Context<'_>) -> Result<Self, ApplyError> {
        let statements =
            crate::parse(text, context).map_err(|e| ApplyError::NotCreateTable(e.to_string()))?;
        match statements.first().map(|statement| &statement.kind) {
            Some(Kind::CreateTable(create)) => {
                super::create::build_table(create, None, context.server())
            }
            _ => Err(ApplyError::NotCreateTable(text.chars().take(60).collect())),
        }
    }

    /// Index of the column of this name; case doesn't count.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.is_named(name))
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.is_named(name))
    }

    /// The index of this name.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.is_named(name))
    }

    /// Columns of the primary key, also if it holds only a prefix of one.
    pub fn primary_key(&self) -> Option<Vec<usize>> {
        let key = self.keys.iter().find(|key| key.kind == KeyKind::Primary)?;
        self.key_columns(key)
    }

    /// Columns of a key that identifies a row by whole values: the primary key, else the first unique key,
    /// of those without nullable columns, prefixes and expressions.
    pub fn unique_not_null_key(&self) -> Option<Vec<usize>> {
        let of_kind = |kind| self.keys.iter().filter(move |key| key.kind == kind);
        of_kind(KeyKind::Primary)
            .chain(of_kind(KeyKind::Unique))
            .find_map(|key| {
                if key.parts.iter().any(|part| part.prefix.is_some()) {
                    return None;
                }
                let columns = self.key_columns(key)?;
                let nullable =
                    |&index: &usize| self.columns.get(index).is_none_or(|column| column.nullable);
                (!columns.iter().any(nullable)).then_some(columns)
            })
    }

    /// Columns of an index in its order; none if a part is an expression.
    pub fn key_columns(&self, key: &Key) -> Option<Vec<usize>> {
        key.parts
            .iter()
            .map(|part| self.column_index(part.column.as_deref()?))
            .collect()
    }

    /// The columns that an INSERT names, invisible ones too: all but the generated ones.
    pub fn insertable_columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.generated.is_none())
    }

    /// The columns that `SELECT *` shows.
    pub fn visible_columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| !column.invisible)
    }
}
