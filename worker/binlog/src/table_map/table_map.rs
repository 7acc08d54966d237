//! The table map itself.

use super::{OptionalMetadata, column_type as t};
use crate::DecodeError;
use crate::reader::{Reader, bit, text};

/// Type of one column as logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColumnMeta {
    /// A code of [`crate::column_type`]; ENUM and SET are unpacked from the STRING they are logged as.
    pub type_code: u8,
    /// What the type needs: bytes at most of VARCHAR and STRING (BINARY(n) arrives with its trailing zero
    /// bytes cut and must be padded to this), length bytes of BLOB, JSON and GEOMETRY, precision and
    /// scale (low byte precision) of DECIMAL, bits (low byte) and whole bytes of BIT, fraction digits of
    /// temporal types, bytes of an ENUM or SET value.
    pub meta: u16,
    /// May it be NULL?
    pub nullable: bool,
}

/// Structure of a table during one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableMap {
    /// Valid until the end of the statement.
    pub table_id: u64,
    /// Database.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Columns in their order, generated and invisible ones included.
    pub columns: Vec<ColumnMeta>,
    /// What `binlog_row_metadata` adds.
    pub metadata: OptionalMetadata,
}

impl TableMap {
    /// `fixed_bytes` is the length of the fixed part by the file's FORMAT_DESCRIPTION: 8, or 6 when the
    /// table id has four bytes.
    pub(crate) fn read(
        mut reader: Reader<'_>,
        fixed_bytes: usize,
        mariadb: bool,
    ) -> Result<Self, DecodeError> {
        let table_id = read_table_id(&mut reader, fixed_bytes)?;
        reader.skip(2)?;
        reader.skip(fixed_bytes.saturating_sub(8))?;
        let schema = text(reader.packed_bytes()?);
        reader.skip(1)?;
        let table = text(reader.packed_bytes()?);
        reader.skip(1)?;
        let count = reader.packed_len()?;
        let codes = reader.bytes(count)?;
        let mut meta = Reader::new(
            reader.packed_bytes()?,
            "the column metadata of a TABLE_MAP event",
        );
        let nullable = reader.bytes(count.div_ceil(8))?;
        let columns = codes
            .iter()
            .enumerate()
            .map(|(index, code)| ColumnMeta::read(*code, &mut meta, bit(nullable, index)))
            .collect::<Result<Vec<_>, _>>()?;
        let metadata = OptionalMetadata::read(reader, &columns, mariadb)?;
        Ok(Self {
            table_id,
            schema,
            table,
            columns,
            metadata,
        })
    }

    /// Equal in everything that a plan depends on: columns and metadata, whatever the table is called.
    pub fn same_structure(&self, other: &Self) -> bool {
        self.columns == other.columns && self.metadata == other.metadata
    }
}

/// Table id at the front of TABLE_MAP and rows events.
pub(crate) fn read_table_id(
    reader: &mut Reader<'_>,
    fixed_bytes: usize,
) -> Result<u64, DecodeError> {
    match fixed_bytes {
        6 => Ok(u64::from(reader.u32()?)),
        8.. => reader.uint_le(6),
        _ => Err(DecodeError::Malformed {
            what: "the fixed part of a TABLE_MAP or rows event is too short",
        }),
    }
}

impl ColumnMeta {
    fn read(code: u8, meta: &mut Reader<'_>, nullable: bool) -> Result<Self, DecodeError> {
        let column = |type_code, meta| Self {
            type_code,
            meta,
            nullable,
        };
        Ok(match code {
            t::STRING => {
                let (type_code, length) = unpack_string(meta.u8()?, meta.u8()?);
                column(type_code, length)
            }
            // Logged as STRING by all known servers; by their own code they would look like this.
            t::ENUM | t::SET => {
                meta.skip(1)?;
                column(code, u16::from(meta.u8()?))
            }
            t::VARCHAR | t::VAR_STRING | t::MARIADB_VARCHAR_COMPRESSED | t::BIT | t::NEWDECIMAL => {
                column(code, meta.u16()?)
            }
            t::FLOAT | t::DOUBLE | t::TIMESTAMP2 | t::DATETIME2 | t::TIME2 => {
                column(code, u16::from(meta.u8()?))
            }
            t::TINY_BLOB..=t::BLOB
            | t::GEOMETRY
            | t::JSON
            | t::VECTOR
            | t::MARIADB_BLOB_COMPRESSED => column(code, u16::from(meta.u8()?)),
            t::TINY..=t::LONG | t::NULL..=t::NEWDATE => column(code, 0),
            other => return Err(DecodeError::unsupported(format!("column type {other}"))),
        })
    }
}

/// CHAR and BINARY may be longer than the one byte there is for their length: two bits of it stand,
/// inverted, in the type byte, where STRING, ENUM and SET all have ones.
fn unpack_string(first: u8, second: u8) -> (u8, u16) {
    const LENGTH_BITS: u8 = 0x30;
    if first & LENGTH_BITS == LENGTH_BITS {
        return (first, u16::from(second));
    }
    let high = u16::from((first & LENGTH_BITS) ^ LENGTH_BITS) << 4;
    (first | LENGTH_BITS, high | u16::from(second))
}
