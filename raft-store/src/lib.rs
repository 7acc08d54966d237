//! The Raft log, vote, state machine and snapshots of openraft, kept in RocksDB.
//!
//! Knows nothing of DM: a command is opaque bytes, the state machine is any [`Machine`] in memory.
//!
//! Constraints:
//! - An append is acknowledged, and a vote answered, only after the write-ahead log was synced. One
//!   thread syncs for all who wait (group commit), so many appends cost one sync.
//! - Every record carries a CRC over its place and its bytes. A damaged record is an error that names
//!   it, and the member refuses to serve: it never guesses.
//! - The machine lives in memory and is rebuilt from the newest snapshot and the log after it.
//!
//! Layout of the database (column families):
//! - `meta`: `vote`, `committed`, `purged`.
//! - `logs`: index (u64, big-endian) to entry.
//! - `snapshot`: sequence number (u64) and part number (u32) to a piece; part `u32::MAX` is the header,
//!   written last, which makes the snapshot exist.
//!
//! Read in this order: [`types`], [`machine`], `record`, [`kv`], `rocks`, `flusher`, `store`, `log_store`, `snapshots`,
//! `state_machine`; `remains` for the loss of a majority.

pub mod kv;
pub mod machine;
pub mod types;

mod error;
mod flusher;
mod log_store;
mod options;
mod record;
mod remains;
mod rocks;
mod snapshots;
mod state_machine;
mod store;

pub use error::StoreError;
pub use log_store::LogStore;
pub use machine::Machine;
pub use remains::Remains;
pub use state_machine::{SnapshotWriter, StateMachine};
pub use store::Store;
pub use types::{Payload, PeerNode, Reply, TypeConfig};
