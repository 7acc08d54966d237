//! The live view of `query-status --watch`.
//!
//! [`item`] turns an answer into what is shown (pure); `bars` draws that on a terminal, in place; [`line`] writes one plain line
//! per subtask and interval for everything else.

mod bars;
pub mod item;
pub mod line;
mod view;

pub use view::View;
