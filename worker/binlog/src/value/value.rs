//! One column value.

/// A value as logged, not yet in anybody's text form.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    UInt(u64),
    /// FLOAT, exact.
    Float(f32),
    /// DOUBLE, exact.
    Double(f64),
    /// DECIMAL with all digits of its scale.
    Decimal(String),
    /// CHAR, VARCHAR, BINARY, VARBINARY, TEXT, BLOB, GEOMETRY (4 bytes SRID, then WKB), VECTOR: in the
    /// column's character set. CHAR comes without trailing spaces, BINARY without trailing zero bytes, and so
    /// do MariaDB's UUID and INET6, which are logged as BINARY.
    Bytes(&'a [u8]),
    /// As [`Self::Bytes`], unpacked from a MariaDB COMPRESSED column.
    Unpacked(Vec<u8>),
    /// Index of the label from 1; 0 is the value of an invalid assignment.
    Enum(u32),
    /// One bit per label.
    Set(u64),
    /// BIT(len).
    Bit {
        /// The bits, right-aligned.
        bits: u64,
        /// Width of the column in bits.
        len: u8,
    },
    /// 1901 to 2155, or 0 for 0000.
    Year(u16),
    /// DATE; zero dates and zeros in dates are possible.
    Date {
        /// 0 to 9999.
        year: u16,
        /// 0 to 12.
        month: u8,
        /// 0 to 31.
        day: u8,
    },
    /// TIME.
    Time {
        /// Below zero?
        negative: bool,
        /// 0 to 838.
        hours: u16,
        /// 0 to 59.
        minutes: u8,
        /// 0 to 59.
        seconds: u8,
        /// 0 to 999999.
        micros: u32,
        /// Fraction digits of the column.
        decimals: u8,
    },
    /// DATETIME; zero dates and zeros in dates are possible.
    DateTime {
        /// 0 to 9999.
        year: u16,
        /// 0 to 12.
        month: u8,
        /// 0 to 31.
        day: u8,
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
        /// 0 to 59.
        second: u8,
        /// 0 to 999999.
        micros: u32,
        /// Fraction digits of the column.
        decimals: u8,
    },
    /// TIMESTAMP, UTC; seconds 0 with micros 0 is the zero timestamp.
    Timestamp {
        /// Since 1970.
        seconds: i64,
        /// 0 to 999999.
        micros: u32,
        /// Fraction digits of the column.
        decimals: u8,
    },
    /// MySQL's JSON as the server would print it. MariaDB's JSON is text and comes as bytes.
    Json(String),
}
