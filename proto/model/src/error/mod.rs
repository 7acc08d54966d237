//! Errors in DM's scheme: number, class, scope, level, message, cause, workaround.
//!
//! [`DmError`] is the value; [`codes`] is the catalogue of conditions. Texts are our own; numbers,
//! classes, scopes and levels are DM's, because scripts and alert rules match on them.

mod class;
pub mod codes;
mod dm_error;
mod error_code;
mod parse;

pub use class::{Class, Level, Scope};
pub use dm_error::DmError;
pub use error_code::{ErrorCode, Kind};
