//! What a target of another dialect cannot run, known before it is asked.
//!
//! [`TIDB`] is the one table of such clauses, each with what gives an equal result; `docs/tidb-ddl.md` is made of it.
//! [`adapt`] turns a statement into what that target runs: the same text, several statements in a row, a text without clauses that
//! mean nothing there, or a refusal that names the clause and, where there is one, a replacement. Everything works on the text by
//! byte spans, so what isn't touched stays as the user wrote it.
//!
//! Read in this order: `known` (the table), `adapt`, `split` (ALTER TABLE), `create` (definitions).

mod adapt;
mod create;
mod edits;
mod known;
mod split;

pub use adapt::{Adapted, Dialect, Refused, adapt};
pub use known::{Incompatibility, Remedy, TIDB, document};
