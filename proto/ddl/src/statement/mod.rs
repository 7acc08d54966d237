//! What a statement says, without judging whether it fits any table.
//!
//! [`Statement`] holds the text and, for each table or database name in it, a [`NameUse`] with its byte
//! span; [`Kind`] is its meaning. Definitions are kept as written: what a server derives from them
//! (implicit key names, inherited character sets) is the business of `structure`.

mod alter_table;
mod create_table;
pub(crate) mod edit;
mod kind;
mod name;
#[allow(clippy::module_inception)]
mod statement;

pub use alter_table::{AlterClause, AlterSpec, AlterTable, DefaultClause, Position};
pub use create_table::{
    CharsetClause, ColumnDef, CreateTable, ForeignKeyDef, KeyDef, TableItem, TableOptions,
};
pub use kind::{Kind, Transaction};
pub use name::{NameRole, NameUse, Span, TableRef};
pub use statement::Statement;
