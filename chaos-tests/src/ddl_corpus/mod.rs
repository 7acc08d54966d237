//! DDL texts to prove the parser by: random statements of a grammar written from the servers' manuals.
//!
//! Format of `grammar.txt`: see its head. Read `grammar.rs`.

mod grammar;

pub use grammar::{Family, Generated, Grammar};
