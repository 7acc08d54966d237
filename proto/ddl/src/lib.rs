//! DDL text as MySQL and MariaDB write it into a binlog, turned into statements, and table structure
//! that follows those statements.
//!
//! Constraints: pure (no I/O, no clock); never panics on any text; the user's text is the truth: a
//! rewrite replaces the byte spans of table and database names and leaves all else as it was, so a
//! clause that we needn't know can't break.
//!
//! Read in this order: [`context`] (what the session and server add to the text), `lexer`
//! (tokens, comments resolved by flavour and version), [`statement`] (what a statement says),
//! `parser` (recursive descent over tokens), [`structure`] (tables, and what a statement does to them),
//! [`dialect`] (what a TiDB runs otherwise, or not).
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

pub mod context;
pub mod dialect;
pub mod error;
mod lexer;
mod parser;
pub mod statement;
pub mod structure;

pub use context::{Context, Flavor, Server};
pub use error::{ApplyError, ParseError};
pub use parser::parse;
pub use statement::{
    AlterClause, AlterSpec, AlterTable, CharsetClause, ColumnDef, CreateTable, DefaultClause,
    ForeignKeyDef, KeyDef, Kind, NameRole, NameUse, Position, Span, Statement, TableItem,
    TableOptions, TableRef, Transaction,
};
pub use structure::{
    Column, Database, ForeignKey, Generated, Key, KeyKind, KeyPart, Schema, Table, Type, TypeKind,
};
