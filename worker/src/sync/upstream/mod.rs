//! The source: its connections, where it stands, what its tables look like, its snapshots and its stream.
//!
//! Every session is pinned (`session.rs`): no global setting of the server may change what we read.
//! Read `session.rs`, `position.rs`, `structure.rs`, `snapshot.rs`, `stream.rs`.

mod incoming;
mod position;
mod raw_event;
mod session;
mod snapshot;
mod stream;
mod structure;
mod wire;

pub(crate) use incoming::Incoming;
pub(crate) use position::{current_position, engine_position, still_has};
pub(crate) use raw_event::RawEvent;
pub(crate) use session::Upstream;
pub(crate) use snapshot::{Opened, Snapshot, is_transactional};
pub(crate) use stream::Stream;
pub(crate) use structure::{
    Found, list_databases, list_tables, show_create, show_create_database, structure_of,
};
