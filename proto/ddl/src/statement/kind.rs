//! The meaning of a statement.

use super::{AlterTable, CharsetClause, CreateTable, KeyDef, TableRef};

/// The meaning of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// CREATE DATABASE.
    CreateDatabase {
        /// Its name.
        name: String,
        /// IF NOT EXISTS.
        if_not_exists: bool,
        /// OR REPLACE (MariaDB): drops what was there.
        or_replace: bool,
        /// Character set and collation.
        charset: CharsetClause,
    },
    /// ALTER DATABASE.
    AlterDatabase {
        /// Its name, the session's database if the text has none.
        name: String,
        /// Character set and collation.
        charset: CharsetClause,
    },
    /// DROP DATABASE.
    DropDatabase {
        /// Its name.
        name: String,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// CREATE TABLE with a column list.
    CreateTable(CreateTable),
    /// CREATE TABLE … LIKE.
    CreateTableLike {
        /// The new table.
        table: TableRef,
        /// The table that it copies.
        source: TableRef,
        /// IF NOT EXISTS.
        if_not_exists: bool,
        /// OR REPLACE (MariaDB).
        or_replace: bool,
    },
    /// CREATE TABLE … SELECT in statement format: the text doesn't say which columns there will be.
    CreateTableSelect(CreateTable),
    /// ALTER TABLE.
    AlterTable(AlterTable),
    /// DROP TABLE.
    DropTable {
        /// The tables, in order.
        tables: Vec<TableRef>,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// RENAME TABLE.
    RenameTable {
        /// (old, new), in order; later pairs see the names that earlier ones made.
        pairs: Vec<(TableRef, TableRef)>,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// TRUNCATE TABLE.
    TruncateTable {
        /// The table.
        table: TableRef,
    },
    /// CREATE INDEX.
    CreateIndex {
        /// Its table.
        table: TableRef,
        /// The index.
        key: KeyDef,
    },
    /// DROP INDEX.
    DropIndex {
        /// Its table.
        table: TableRef,
        /// The index.
        name: String,
        /// IF EXISTS (MariaDB).
        if_exists: bool,
    },
    /// Transaction control.
    Transaction(Transaction),
    /// Not replicated, by documented rule.
    Ignored {
        /// The kind of object or command.
        what: &'static str,
    },
    /// Changes or may change rows in statement format.
    Dml {
        /// Its verb.
        what: &'static str,
    },
    /// Not classified. Whoever runs the text must stop here.
    Unknown,
}

/// Transaction control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// BEGIN, START TRANSACTION.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK of the whole transaction.
    Rollback,
    /// SAVEPOINT.
    Savepoint,
    /// ROLLBACK TO SAVEPOINT.
    RollbackTo,
    /// RELEASE SAVEPOINT.
    ReleaseSavepoint,
    /// XA START, END, PREPARE, COMMIT, ROLLBACK.
    Xa,
}
