//! The program of this crate.
fn main() {}
