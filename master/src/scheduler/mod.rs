//! Which worker owns which source.
//!
//! Purpose: `plan(state, observed) -> actions`. Pure: no clock, no I/O; time comes as a number.
//!
//! Constraints: an action is a proposal only, guarded by the epoch that it was planned from, so a
//! plan made from an old state can't do harm. The same inputs always give the same plan.
//!
//! Read in this order: [`Observed`] (what the leader sees), [`Action`], [`plan`].

mod action;
mod observed;
mod plan;
#[cfg(test)]
mod tests;

pub use action::Action;
pub use observed::{Observed, SeenWorker};
pub use plan::plan;
