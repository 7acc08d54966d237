//! A connection that carries a binlog stream: log in, a few statements, then raw events.
//!
//! mysql_async does all other work with the source. It hands out parsed events only, copies each several times, and cannot set the
//! flags of a dump or notice that a large event makes progress; so this one connection is ours, on mysql_common's packet types.
//! Read `packets.rs` (framing), `login.rs` (handshake), `connection.rs` (commands and the stream).
//!
//! Semi-synchronous replication is never requested, so no packet has its header and nothing is ever acknowledged to the source:
//! it must not count a copy that we don't keep.

mod connection;
mod login;
mod packets;

pub(crate) use connection::{Connection, Dump};
