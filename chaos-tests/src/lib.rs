//! Black box: runs the real programs and real databases, breaks them, and checks the promises.
//!
//! Nothing here links our other crates, except that the DDL parser's proof calls it: what is tested is what a user gets. Read in this order:
//! [`lab`] starts and stops servers and programs, [`demo`] makes data and load and compares,
//! [`ddl_corpus`] makes DDL, [`bench`] measures, [`soak`] breaks things for a long time. The tests themselves are in `tests/it/`.

pub mod bench;
pub mod ddl_corpus;
pub mod demo;
pub mod lab;
pub mod soak;
