//! TABLE_MAP: the structure that the rows events of a statement are written in.
//!
//! - [`table_map`]: names, column types with their metadata, nullability;
//! - [`metadata`]: the optional part that `binlog_row_metadata` controls;
//! - [`column_type`]: type codes and their classes.

pub mod column_type;
mod metadata;
#[allow(
    clippy::module_inception,
    reason = "the folder's main type stands in the file named after it"
)]
mod table_map;

pub use metadata::OptionalMetadata;
pub(crate) use table_map::read_table_id;
pub use table_map::{ColumnMeta, TableMap};
