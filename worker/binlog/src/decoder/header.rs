//! The common header of every event.

use crate::DecodeError;
use crate::reader::Reader;

/// Bytes of the common header in binlog format 4, the only one since MySQL 5.0.
pub const HEADER_BYTES: usize = 19;

/// The common header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// When the statement began, seconds since 1970.
    pub timestamp: u32,
    /// The type byte, see [`crate::type_code`].
    pub type_code: u8,
    /// The server that first logged the event.
    pub server_id: u32,
    /// Bytes of the whole event, header and checksum included.
    pub length: u32,
    /// Where the next event starts, modulo 2³²; 0 for artificial events, events inside a payload and,
    /// on MariaDB ≥ 11.4, events inside a group.
    pub end_pos: u32,
    /// `FLAG_*` bits.
    pub flags: u16,
}

impl Header {
    /// The file was not closed (only in a FORMAT_DESCRIPTION event).
    pub const FLAG_IN_USE: u16 = 0x0001;
    /// Made up by the sending server; stands in no file.
    pub const FLAG_ARTIFICIAL: u16 = 0x0020;
    /// A reader that does not know the type may skip the event.
    pub const FLAG_IGNORABLE: u16 = 0x0080;

    /// Reads the header at the front of `event`.
    pub fn read(event: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(event, "the event header");
        Ok(Self {
            timestamp: reader.u32()?,
            type_code: reader.u8()?,
            server_id: reader.u32()?,
            length: reader.u32()?,
            end_pos: reader.u32()?,
            flags: reader.u16()?,
        })
    }

    /// May a reader that does not know the type skip the event?
    pub fn is_ignorable(&self) -> bool {
        self.flags & Self::FLAG_IGNORABLE != 0
    }

    /// Was the event made up by the sending server?
    pub fn is_artificial(&self) -> bool {
        self.flags & Self::FLAG_ARTIFICIAL != 0
    }
}
