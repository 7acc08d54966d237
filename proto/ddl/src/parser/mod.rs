//! Recursive descent over tokens, without recursion deeper than the grammar: brackets are skipped by
//! counting, so no text can exhaust the stack.
//!
//! What bears on structure is read strictly; what doesn't is skipped to the next comma at the same
//! bracket depth. Read in this order: `cursor`, `parse` (splits the text and dispatches), `classify`
//! (what isn't table DDL), `create` and `alter`, then `column`, `data_type`, `key`, `options`.

mod alter;
mod alter_clause;
mod classify;
mod column;
mod create;
mod cursor;
mod data_type;
mod key;
mod options;
#[allow(clippy::module_inception)]
mod parse;
mod partition;
mod table;

pub use parse::parse;
