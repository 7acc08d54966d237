//! Names inside a statement: resolved, and where they stand.

/// Bytes `start..end` of a statement's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// A table with its database filled in; the database is empty if neither text nor session name one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableRef {
    /// Database.
    pub schema: String,
    /// Table.
    pub table: String,
}

/// What a name does in its statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameRole {
    /// The table or database that the statement changes.
    Target,
    /// The new name of a RENAME.
    NewName,
    /// Read only: the table after LIKE, of UNION=(…).
    Source,
    /// A foreign key's parent.
    Reference,
}

/// One occurrence of a table or database name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameUse {
    /// Where it stands, with its database if written; empty where the text leaves the name out
    /// (`ALTER DATABASE CHARACTER SET …`) and it must be inserted.
    pub span: Span,
    /// What it does.
    pub role: NameRole,
    /// Database, resolved.
    pub schema: String,
    /// Table; none for the name of a database.
    pub table: Option<String>,
}
