//! Where a reader stands in an upstream's binlog.
//!
//! With GTIDs "not after" is set membership, and file and offset are only a hint within one server
//! (rule R1); without GTIDs file and offset decide, and another server is refused by the caller.
//!
//! Read [`BinlogPosition`], [`Gtid`], [`GtidSet`] (with its private `Intervals`), then
//! [`Position`], which joins them, and [`Applied`]: a point and what is in beyond it ([`Islands`]).

mod applied;
mod binlog_position;
mod gtid;
mod gtid_set;
mod gtid_text;
mod intervals;
mod islands;
#[allow(clippy::module_inception)]
mod position;
mod transaction_id;

pub use applied::Applied;
pub use binlog_position::BinlogPosition;
pub use gtid::{Gtid, Sid};
pub use gtid_set::GtidSet;
pub use islands::{Islands, Numbering, Place};
pub use position::Position;
pub use transaction_id::TransactionId;
