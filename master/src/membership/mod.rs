//! Which masters there are: letting one in, taking one off, and the state level that all of them understand.
//!
//! Constraints: only the leader changes the membership, one change at a time ([`tend`]). A removal is an entry of the log first, so
//! that any later leader finishes it. Joining needs no entry: the joiner asks until it is in. The state level (R26) goes up
//! when every member said that it supports the next one.
//!
//! Read in this order: [`MembershipService`], [`tend`]; the group itself is changed in `raft::membership`.

mod service;
mod tend;

pub use service::MembershipService;
pub use tend::tend;
