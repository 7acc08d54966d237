//! Rows events: which columns are present, then row after row of NULL bits and values.
//!
//! - [`rows_event`]: the fixed part and the bitmaps of an event, MariaDB's compression undone;
//! - [`plan`]: how to read each column of a table, prepared once per TABLE_MAP content;
//! - [`codec`]: how to read one column;
//! - [`iter`]: the walk over the row images.

mod codec;
mod iter;
mod plan;
mod rows_event;

pub use iter::{Image, RowChange, Rows};
pub use plan::RowPlan;
pub(crate) use rows_event::{DUMMY_TABLE_ID, RowsLayout};
pub use rows_event::{RowsEvent, RowsKind};
