//! The relay log: the source's binlog files, copied byte for byte, so that one dump serves all tasks and purging upstream hurts nobody.
//!
//! # Layout (DM's)
//! ```text
//! <relay-dir>/server-uuid.index      one sub-directory name per line, in order
//! <relay-dir>/<server-uuid>.000001/  one per upstream server that was followed
//!     mysql-bin.000007               the file as the server has it
//!     relay.meta                     TOML: a durable transaction end: file, offset, GTID set
//! ```
//!
//! # Rules
//! - Whole files are requested, by position, so a file has no holes; an event that does not continue its file is an error. Nothing is
//!   ever made up: no dummy event, no filler.
//! - Three kinds of position, three types (`positions.rs`): appended, durable, published. Readers see what is durable.
//! - Recovery is a scan from the last noted end (`recovery.rs`): a torn tail is cut at the last complete transaction and fetched again.
//! - Files are synced by bytes and by time, not per event.
//!
//! Read `positions.rs`, `layout.rs`, `boundaries.rs`, `recovery.rs`, `writer.rs` (the thread that writes), `relay.rs` (the task that
//! reads the source), `reader.rs`, `purge.rs`.

mod boundaries;
mod layout;
mod meta;
mod positions;
mod previous;
mod purge;
mod reader;
mod recovery;
#[allow(
    clippy::module_inception,
    reason = "the folder's main piece stands in the file named after it"
)]
mod relay;
mod writer;

pub use layout::Layout;
pub use positions::{Appended, Durable, Place, Published};
pub use purge::PurgeBound;
pub(crate) use reader::RelayReader;
pub use relay::{Relay, RelayStatus};
