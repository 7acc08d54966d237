//! The stream's unit.

use bytes::Bytes;

/// One binlog event as the server sent it: header, body and checksum.
#[derive(Debug)]
pub(crate) struct RawEvent {
    pub(crate) bytes: Bytes,
}
