//! Events become whole upstream transactions.
//!
//! Row images stay bytes here: what they mean depends on the table's structure at that point, which the next stage knows.

mod assembler;
mod digest;
mod mark;
mod offsets;
mod session;
mod transaction;
mod xa;

pub(crate) use assembler::{Assembler, Step};
pub(crate) use digest::{Digest, Digester};
pub(crate) use mark::{Mark, Receipt, Undecided};
pub(crate) use session::StatementSession;
pub(crate) use transaction::{Item, Part, StatementText, Transaction};
