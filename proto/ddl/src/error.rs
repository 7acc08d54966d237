//! Why a text can't be read, or a statement not applied to a structure.

use thiserror::Error;

/// The text isn't a statement that we can read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at byte {offset}: {message}")]
pub struct ParseError {
    /// Byte offset into the text given to `parse`.
    pub offset: usize,
    /// What was expected, and what stands there.
    pub message: String,
}

/// The statement doesn't fit the structure that we hold. The structure is left as it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// No such database.
    #[error("unknown database `{0}`")]
    UnknownDatabase(String),
    /// The database is there already.
    #[error("database `{0}` exists")]
    DuplicateDatabase(String),
    /// No such table.
    #[error("unknown table `{schema}`.`{table}`")]
    UnknownTable {
        /// Its database.
        schema: String,
        /// Its name.
        table: String,
    },
    /// The table is there already.
    #[error("table `{schema}`.`{table}` exists")]
    DuplicateTable {
        /// Its database.
        schema: String,
        /// Its name.
        table: String,
    },
    /// No such column.
    #[error("unknown column `{0}`")]
    UnknownColumn(String),
    /// The column is there already.
    #[error("duplicate column `{0}`")]
    DuplicateColumn(String),
    /// No such index.
    #[error("unknown index `{0}`")]
    UnknownKey(String),
    /// The index is there already.
    #[error("duplicate index `{0}`")]
    DuplicateKey(String),
    /// A second primary key.
    #[error("multiple primary keys")]
    MultiplePrimaryKeys,
    /// No such constraint or foreign key.
    #[error("unknown constraint `{0}`")]
    UnknownConstraint(String),
    /// Nothing would be left of the table.
    #[error("a table must have at least one column")]
    NoColumns,
    /// The text can't be read as CREATE TABLE.
    #[error("not a CREATE TABLE statement: {0}")]
    NotCreateTable(String),
    /// The effect on columns can't be told from the text.
    #[error("{0} isn't modelled")]
    Unsupported(&'static str),
}
