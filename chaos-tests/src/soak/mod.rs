//! Faults for as long as one likes: `chaos-tests soak NAME --minutes N`.
//!
//! The moments and kinds of the faults come from a seed, which is printed. A soak fails when a promise is broken, and also when
//! too little happened to show anything: too few commits, or too few faults that hit.

mod apply;
mod faults;
mod options;
mod run;
mod versions;

pub use options::{Name, Options};
pub use run::run;
