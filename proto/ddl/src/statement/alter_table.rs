//! ALTER TABLE as written.

use super::{CharsetClause, ColumnDef, ForeignKeyDef, KeyDef, Span, TableOptions, TableRef};

/// ALTER TABLE with its clauses in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterTable {
    /// The table.
    pub table: TableRef,
    /// IF EXISTS (MariaDB).
    pub if_exists: bool,
    /// ALTER IGNORE: may drop rows without row events.
    pub ignore: bool,
    /// What it does. A parenthesised ADD makes one clause per definition, all with the same span.
    pub clauses: Vec<AlterClause>,
}

/// One change of an ALTER TABLE and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterClause {
    /// The change.
    pub spec: AlterSpec,
    /// Its bytes in the statement.
    pub span: Span,
}

/// Where a column goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Position {
    /// Unsaid: last when added, unmoved when modified.
    #[default]
    Unsaid,
    /// FIRST.
    First,
    /// AFTER a column.
    After(String),
}

/// What ALTER COLUMN does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultClause {
    /// SET DEFAULT NULL.
    SetNull,
    /// SET DEFAULT to a value.
    Set,
    /// DROP DEFAULT.
    Drop,
    /// SET VISIBLE.
    Visible,
    /// SET INVISIBLE.
    Invisible,
}

/// One change of an ALTER TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterSpec {
    /// ADD COLUMN.
    AddColumn {
        /// The column.
        column: ColumnDef,
        /// Where.
        position: Position,
        /// IF NOT EXISTS (MariaDB).
        if_not_exists: bool,
    },
    /// MODIFY, and CHANGE with its old name.
    ChangeColumn {
        /// The name so far.
        old: String,
        /// The definition that replaces it.
        column: ColumnDef,
        /// Where.
        position: Position,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// RENAME COLUMN.
    RenameColumn {
        /// The name so far.
        old: String,
        /// The new name.
        new: String,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// DROP COLUMN.
    DropColumn {
        /// The column.
        name: String,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// ALTER COLUMN.
    AlterColumn {
        /// The column.
        name: String,
        /// What changes.
        change: DefaultClause,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// ADD of an index, unique or primary key.
    AddKey(KeyDef),
    /// ADD FOREIGN KEY.
    AddForeignKey(ForeignKeyDef),
    /// ADD PERIOD FOR (MariaDB): its columns become NOT NULL.
    AddPeriod {
        /// The two columns.
        columns: Vec<String>,
    },
    /// ADD CHECK.
    AddCheck {
        /// Its name.
        name: Option<String>,
    },
    /// DROP PRIMARY KEY.
    DropPrimaryKey {
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// DROP INDEX.
    DropKey {
        /// The index.
        name: String,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// DROP FOREIGN KEY.
    DropForeignKey {
        /// The constraint.
        name: String,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// DROP CONSTRAINT: a foreign key, a unique key or a check.
    DropConstraint {
        /// The constraint.
        name: String,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// DROP CHECK.
    DropCheck {
        /// The constraint.
        name: String,
    },
    /// RENAME INDEX.
    RenameKey {
        /// The name so far.
        old: String,
        /// The new name.
        new: String,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// RENAME TO.
    RenameTable(TableRef),
    /// CONVERT TO CHARACTER SET; no character set means the database's default.
    ConvertCharset(CharsetClause),
    /// Table options.
    Options(TableOptions),
    /// PARTITION BY, and REMOVE PARTITIONING when false.
    Partitioning(bool),
    /// An operation on partitions.
    PartitionOperation {
        /// ADD, DROP, TRUNCATE, EXCHANGE ….
        what: &'static str,
        /// The other table of EXCHANGE.
        exchanged: Option<TableRef>,
    },
    /// ADD or DROP SYSTEM VERSIONING (MariaDB): hidden columns come and go.
    SystemVersioning,
    /// Nothing that we need know: ALGORITHM, LOCK, FORCE, ORDER BY, index visibility ….
    Other,
}
