//! Table structure, and what a statement does to it on the server that ran it.
//!
//! The model holds what row decoding, keys and merging need: columns in order with types and resolved
//! character sets, keys under the names that the server gives, foreign keys. It leaves out what can't
//! change a row's meaning (comments, row formats, partitions' bounds). `apply` either changes the
//! [`Schema`] as the server would have, or returns an error and changes nothing.
//!
//! Read in this order: `ty`, `column`, `key`, `table` (the model); `charset` (defaults and
//! inheritance); `build` (a definition as written → a column); `keys` (implicit names); `create`,
//! `alter`, `schema` (statements).

mod alter;
mod alter_columns;
mod build;
mod charset;
mod column;
mod create;
mod key;
mod keys;
mod schema;
mod table;
mod ty;

pub use column::{Column, Generated};
pub use key::{ForeignKey, Key, KeyKind, KeyPart};
pub use schema::{Database, Schema};
pub use table::Table;
pub use ty::{Type, TypeKind};
