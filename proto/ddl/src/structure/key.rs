//! Indexes and foreign keys.

use serde::{Deserialize, Serialize};

use super::column::same_name;

/// The kind of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// PRIMARY KEY.
    Primary,
    /// UNIQUE.
    Unique,
    /// Not unique.
    Index,
    /// FULLTEXT.
    Fulltext,
    /// SPATIAL.
    Spatial,
    /// VECTOR (MariaDB).
    Vector,
}

/// One part of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPart {
    /// The column; none for an expression.
    pub column: Option<String>,
    /// Only so many leading characters or bytes are in the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u32>,
}

/// An index. Two are equal if they work alike: SHOW CREATE TABLE doesn't tell which ones are implicit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    /// Name; `PRIMARY` for the primary key.
    pub name: String,
    /// Kind.
    pub kind: KeyKind,
    /// Parts in order.
    pub parts: Vec<KeyPart>,
    /// Made by the server for a foreign key; goes when a declared index covers the same columns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub implicit: bool,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind && self.parts == other.parts
    }
}

impl Eq for Key {}

impl Key {
    /// Whether this is the index's name; case doesn't count.
    pub fn is_named(&self, name: &str) -> bool {
        same_name(&self.name, name)
    }

    /// PRIMARY or UNIQUE.
    pub fn is_unique(&self) -> bool {
        matches!(self.kind, KeyKind::Primary | KeyKind::Unique)
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Constraint's name.
    pub name: String,
    /// Child columns.
    pub columns: Vec<String>,
    /// Parent's database.
    pub parent_schema: String,
    /// Parent table.
    pub parent_table: String,
    /// Parent columns; empty if the definition left them out.
    pub parent_columns: Vec<String>,
}
