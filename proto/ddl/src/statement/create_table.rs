//! CREATE TABLE as written.

use super::TableRef;
use crate::structure::{Generated, KeyKind, KeyPart, Type};

/// CREATE TABLE with its definitions in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// The new table.
    pub table: TableRef,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// OR REPLACE (MariaDB): drops what was there.
    pub or_replace: bool,
    /// Columns, keys and constraints.
    pub items: Vec<TableItem>,
    /// Table options.
    pub options: TableOptions,
    /// Ends in START TRANSACTION: the rows of a CREATE … SELECT follow in the same transaction.
    pub start_transaction: bool,
}

/// One definition inside CREATE TABLE. A key declared as a column attribute follows its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableItem {
    /// A column.
    Column(ColumnDef),
    /// An index, unique or primary key.
    Key(KeyDef),
    /// A foreign key.
    ForeignKey(ForeignKeyDef),
    /// PERIOD FOR (MariaDB): its columns are NOT NULL.
    Period {
        /// The two columns.
        columns: Vec<String>,
    },
    /// A check constraint.
    Check {
        /// Its name.
        name: Option<String>,
    },
}

/// Character set and collation as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CharsetClause {
    /// CHARACTER SET; `DEFAULT` is left out.
    pub charset: Option<String>,
    /// COLLATE.
    pub collation: Option<String>,
}

/// A column as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    /// Name.
    pub name: String,
    /// Type; its character set is only what the text says.
    pub ty: Type,
    /// BINARY attribute: the `_bin` collation of the character set.
    pub binary_attribute: bool,
    /// NULL or NOT NULL, if written.
    pub nullable: Option<bool>,
    /// Generated column.
    pub generated: Option<Generated>,
    /// INVISIBLE.
    pub invisible: bool,
    /// AUTO_INCREMENT.
    pub auto_increment: bool,
    /// A DEFAULT other than NULL.
    pub has_default: bool,
    /// ON UPDATE CURRENT_TIMESTAMP.
    pub on_update_now: bool,
    /// Holds a row's validity in a system-versioned table (MariaDB).
    pub row_period: bool,
}

/// An index as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDef {
    /// Name, or the constraint's name if the key has none.
    pub name: Option<String>,
    /// Kind.
    pub kind: KeyKind,
    /// Parts in order.
    pub parts: Vec<KeyPart>,
    /// IF NOT EXISTS (MariaDB).
    pub if_not_exists: bool,
    /// CREATE OR REPLACE INDEX (MariaDB).
    pub or_replace: bool,
}

/// A foreign key as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKeyDef {
    /// Constraint's name.
    pub constraint: Option<String>,
    /// Name for the index that backs it.
    pub index: Option<String>,
    /// Child columns.
    pub columns: Vec<String>,
    /// Parent table.
    pub parent: TableRef,
    /// Parent columns; empty if left out.
    pub parent_columns: Vec<String>,
    /// IF NOT EXISTS (MariaDB).
    pub if_not_exists: bool,
}

/// The table options that bear on structure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// Default character set and collation.
    pub charset: CharsetClause,
    /// Storage engine.
    pub engine: Option<String>,
    /// PARTITION BY is there.
    pub partitioned: bool,
    /// WITH SYSTEM VERSIONING (MariaDB): rows have hidden columns.
    pub system_versioned: bool,
}
