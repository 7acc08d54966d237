//! The table of what TiDB refuses. Each line was tried on a server.

use std::fmt::Write as _;

/// What is done about a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Several statements in a row, in the right order.
    Split,
    /// It means nothing there: left out and reported.
    LeftOut,
    /// Refused before it runs, with a replacement ready to paste.
    Suggest,
    /// Refused before it runs: there is no equal statement.
    Refuse,
}

/// A clause that TiDB refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incompatibility {
    /// Short name, stable.
    pub name: &'static str,
    /// An example.
    pub example: &'static str,
    /// The server's error number; 0 for none.
    pub error: u16,
    /// What is done.
    pub remedy: Remedy,
    /// What that means for data and structure.
    pub note: &'static str,
}

macro_rules! table {
    ($($constant:ident = $name:literal, $example:literal, $error:literal, $remedy:ident, $note:literal;)+) => {
        $(pub(super) const $constant: Incompatibility = Incompatibility {
            name: $name,
            example: $example,
            error: $error,
            remedy: Remedy::$remedy,
            note: $note,
        };)+

        /// All of them.
        pub const TIDB: &[Incompatibility] = &[$($constant),+];
    };
}

table! {
    SAME_NAME_TWICE = "same-name-twice", "ADD INDEX i (x), MODIFY x BIGINT", 8200, Split, "one column or index is named by two changes of the statement";
    INDEX_ON_NEW_COLUMN = "index-on-new-column", "ADD COLUMN x INT, ADD INDEX i (x)", 1072, Split, "the column first, then what refers to it";
    NAME_TAKEN_OVER = "name-taken-over", "RENAME COLUMN x TO y, ADD COLUMN x INT", 1060, Split, "a name that becomes free is used again";
    RENAME_WITH_MORE = "rename-with-more", "RENAME TO u, ADD COLUMN x INT", 8200, Split, "the rename comes last";
    PRIMARY_KEY_CHANGED = "primary-key-changed", "DROP PRIMARY KEY, ADD PRIMARY KEY (x)", 1068, Split, "two statements; only where the primary key is not clustered";
    PARTITIONING_WITH_MORE = "partitioning-with-more", "ADD COLUMN x INT PARTITION BY HASH (x) PARTITIONS 4", 8200, Split, "partitions come last";
    ROW_FORMAT = "row-format", "ROW_FORMAT=COMPRESSED, KEY_BLOCK_SIZE=8", 8200, LeftOut, "TiDB stores rows in its own way";
    FORCE = "force", "FORCE", 8200, LeftOut, "a rebuild that changes nothing";
    CLUSTERED_PRIMARY_KEY_DROPPED = "clustered-primary-key-dropped", "DROP PRIMARY KEY", 8200, Refuse, "a clustered primary key is the order of the rows: make a new table and load it";
    AUTO_INCREMENT_ADDED = "auto-increment-added", "ADD COLUMN id BIGINT AUTO_INCREMENT", 8200, Refuse, "make the table anew at the target and load it";
    STORED_COLUMN_ADDED = "stored-column-added", "ADD COLUMN x INT AS (y + 1) STORED", 3106, Suggest, "the same column as VIRTUAL has the same values";
    CHARSET_NARROWED = "charset-narrowed", "CONVERT TO CHARACTER SET latin1", 8200, Suggest, "utf8mb4 holds what latin1 does: skip it";
    SPATIAL_TYPE = "spatial-type", "x POINT", 1064, Suggest, "as LONGBLOB, which keeps the bytes";
    SPATIAL_INDEX = "spatial-index", "SPATIAL INDEX (x)", 1064, Suggest, "without the index";
    FULLTEXT_INDEX = "fulltext-index", "FULLTEXT INDEX (x)", 8200, Suggest, "without the index";
    INVISIBLE_COLUMN = "invisible-column", "x INT INVISIBLE", 1064, Suggest, "visible";
    EXPRESSION_DEFAULT = "expression-default", "x INT DEFAULT (1 + 1)", 1064, Suggest, "without the default: rows come with their values";
    UNKNOWN_CHARSET = "unknown-charset", "CHARACTER SET big5", 1115, Suggest, "as utf8mb4";
    UNKNOWN_COLLATION = "unknown-collation", "COLLATE utf8mb4_uca1400_ai_ci", 1273, Suggest, "with a collation that TiDB has; compare what collides in unique keys";
    CREATE_SELECT = "create-select", "CREATE TABLE t SELECT …", 1105, Refuse, "its columns are not in the text";
    INSERT_METHOD = "insert-method", "INSERT_METHOD=LAST", 8233, Suggest, "without the option";
}

/// The table as a page of the documentation.
pub fn document() -> String {
    let mut page = String::from(
        "# DDL that TiDB runs otherwise, or not\n\n\
         Made from `proto/ddl/src/dialect/known.rs`; a test keeps it equal. A target is TiDB when its version says so.\n\n\
         | clause | example | error of TiDB | what is done |\n|---|---|---|---|\n",
    );
    for known in TIDB {
        let done = match known.remedy {
            Remedy::Split => "run as several statements",
            Remedy::LeftOut => "left out, and reported",
            Remedy::Suggest => "the table stops before it runs; the error offers a replacement",
            Remedy::Refuse => "the table stops before it runs",
        };
        // Infallible: writing into a string.
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | {done}: {} |",
            known.name, known.example, known.error, known.note
        );
    }
    page
}
