//! Events become whole upstream transactions.
//!
//! Row images stay bytes here: what they mean depends on the table's structure at that point, which the next stage knows.

mod assembler;
mod session;
mod transaction;

pub(crate) use assembler::{Assembler, Step};
pub(crate) use session::StatementSession;
pub(crate) use transaction::{Item, StatementText, Transaction};
