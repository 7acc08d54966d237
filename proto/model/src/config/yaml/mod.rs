//! YAML text → tree of nodes that know where they stand.
//!
//! A tree of our own, rather than serde straight into structs, keeps what is needed later: the
//! spelling of a plain value (`password: 0123` is that text), line and column of every key for
//! messages, and which keys are present for notices. Anchors and merge keys (`<<`) are resolved
//! here; size, depth and number of nodes are bounded, so aliases cannot multiply without end.

mod build;
mod node;

pub(super) use build::parse;
pub(super) use node::{Body, Entry, Node, Place};
