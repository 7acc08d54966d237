//! Why bytes could not be decoded. Everything here is definite: reading the same bytes again gives the
//! same answer; only a damaged transfer ([`DecodeError::Checksum`], [`DecodeError::Length`],
//! [`DecodeError::Truncated`]) may be cured by fetching them again.

/// A decoding failure. File and position are added by whoever read the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside `what`.
    #[error("binlog event is cut short inside {what}")]
    Truncated {
        /// The part being read.
        what: &'static str,
    },
    /// The header's length is not the number of bytes delivered.
    #[error("binlog event declares {declared} bytes but {actual} were delivered")]
    Length {
        /// Length in the event header.
        declared: u32,
        /// Bytes given to the decoder.
        actual: usize,
    },
    /// CRC32 mismatch: the bytes were damaged on disk or on the way.
    #[error("binlog event checksum is {stored:#010x} but its bytes give {computed:#010x}")]
    Checksum {
        /// The checksum that came with the event.
        stored: u32,
        /// The checksum of what came.
        computed: u32,
    },
    /// An event type this decoder does not know, without the flag that allows skipping it.
    #[error("binlog event type {type_code} is unknown and not marked as ignorable")]
    UnknownEvent {
        /// The type byte of the header.
        type_code: u8,
    },
    /// Known to exist, not decoded by this version.
    #[error("binlog contains {what}, which is not supported")]
    Unsupported {
        /// What it is, in words for the user.
        what: String,
    },
    /// A rows event whose TABLE_MAP was not seen: reading started in the middle of a statement.
    #[error(
        "rows event refers to table id {table_id}, but no TABLE_MAP event of this statement describes it"
    )]
    MissingTableMap {
        /// The id that the rows event names.
        table_id: u64,
    },
    /// The bytes contradict the format.
    #[error("binlog event is malformed: {what}")]
    Malformed {
        /// The contradiction.
        what: &'static str,
    },
    /// The caller's column list and the TABLE_MAP differ.
    #[error("table has {expected} columns where the binlog describes {actual}")]
    ColumnCount {
        /// Columns that the caller knows.
        expected: usize,
        /// Columns in the TABLE_MAP or rows event.
        actual: usize,
    },
    /// A size beyond a named limit.
    #[error("{what} is {bytes} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// What is large.
        what: &'static str,
        /// Its declared or reached size.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The compressed part does not decompress to what it declares.
    #[error("{what} does not decompress: {reason}")]
    Decompress {
        /// Which part.
        what: &'static str,
        /// What the decompressor says.
        reason: String,
    },
    /// Binary JSON that contradicts its format.
    #[error("JSON value is malformed: {what}")]
    Json {
        /// The contradiction.
        what: &'static str,
    },
}

impl DecodeError {
    /// `Unsupported` with a composed text.
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }
}
