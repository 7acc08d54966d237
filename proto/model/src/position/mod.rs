//! Where a reader stands in an upstream's binlog.
//!
//! With GTIDs "not after" is set membership, and file and offset are only a hint within one server
//! (rule R1); without GTIDs file and offset decide, and another server is refused by the caller.
//!
//! Read [`BinlogPosition`], [`Gtid`], [`GtidSet`] (with its private `Intervals`), then
//! [`Position`], which joins them.

mod binlog_position;
mod gtid;
mod gtid_set;
mod gtid_text;
mod intervals;
#[allow(clippy::module_inception)]
mod position;
mod transaction_id;

pub use binlog_position::BinlogPosition;
pub use gtid::{Gtid, Sid};
pub use gtid_set::GtidSet;
pub use position::Position;
pub use transaction_id::TransactionId;
