//! Typed events. [`Event`] first; an event with a body worth a file has one of its own.

mod compressed;
#[allow(
    clippy::module_inception,
    reason = "the folder's main type stands in the file named after it"
)]
mod event;
mod format_description;
mod gtid;
mod gtid_tagged;
mod payload;
mod payload_events;
mod query;
mod small;
mod status_vars;

pub(crate) use compressed::{inflate_column, inflate_mariadb};
pub use event::{Event, GtidListEntry, UserVar, UserVarValue, Xid};
pub use format_description::{ChecksumAlgorithm, FormatDescription};
pub use gtid::{GtidEvent, GtidFamily, MariadbGtid, MysqlGtid};
pub use payload::{Compression, DECOMPRESSED_BYTES_MAX, InnerEvents, TransactionPayload};
pub use payload_events::PayloadEvents;
pub use query::QueryEvent;
pub(crate) use small::{
    binlog_checkpoint, gtid_list, heartbeat_v2, incident, int_var, rand, rotate, rows_query,
    start_encryption,
};
pub use status_vars::StatusVars;
