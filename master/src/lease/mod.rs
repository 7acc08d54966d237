//! The leader's side of leases: what it renews, and what it will never renew again.
//!
//! Constraints: renewals are not logged; they live in the leader's memory and are worth something
//! only because the leader confirmed its leadership *after* it received the heartbeat and *before* it
//! answers (the caller does that, see `session`). A lease whose replacement is about to be proposed is
//! refused renewal first (R31). Pure: time comes as a number.

mod keeper;

pub use keeper::Keeper;
