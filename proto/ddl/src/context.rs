//! What a statement's session and server add to its text.

/// Which family of servers wrote the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavor {
    /// MySQL, Percona Server, Aurora.
    Mysql,
    /// MariaDB.
    Mariadb,
}

/// The server that wrote the statement; decides executable comments and defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Server {
    /// Family.
    pub flavor: Flavor,
    /// `major * 10000 + minor * 100 + patch`: 80046 is 8.0.46, 101106 is 10.11.6.
    pub version: u32,
}

/// Session and server of a text. The session part changes from one binlog event to the next.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Database of unqualified names.
    pub default_schema: Option<&'a str>,
    /// `sql_mode` has ANSI_QUOTES: `"x"` is a name.
    pub ansi_quotes: bool,
    /// `sql_mode` has NO_BACKSLASH_ESCAPES: `\` is an ordinary character.
    pub no_backslash_escapes: bool,
    /// Family of the server.
    pub flavor: Flavor,
    /// `major * 10000 + minor * 100 + patch`.
    pub version: u32,
}

impl Context<'_> {
    /// The server half of the context.
    pub fn server(&self) -> Server {
        Server {
            flavor: self.flavor,
            version: self.version,
        }
    }
}

impl Server {
    /// Whether a TIMESTAMP column without NULL is NOT NULL. `explicit_defaults_for_timestamp` is taken at
    /// its default, as older servers don't log it.
    pub(crate) fn timestamps_are_not_null(self) -> bool {
        match self.flavor {
            Flavor::Mysql => self.version < 80_000,
            Flavor::Mariadb => self.version < 101_000,
        }
    }

    /// Whether `REFERENCES` inside a column definition makes a foreign key.
    pub(crate) fn honours_inline_references(self) -> bool {
        match self.flavor {
            Flavor::Mysql => self.version >= 90_000,
            Flavor::Mariadb => self.version >= 100_500,
        }
    }
}
