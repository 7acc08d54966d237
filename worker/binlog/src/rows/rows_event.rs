//! One rows event, its rows not yet walked.

use std::borrow::Cow;
use std::sync::Arc;

use super::{RowPlan, Rows};
use crate::DecodeError;
use crate::event::inflate_mariadb;
use crate::reader::{Reader, bit};
use crate::table_map::{TableMap, read_table_id};

/// Table id of an event that only ends a statement.
pub(crate) const DUMMY_TABLE_ID: u64 = 0x00ff_ffff;
/// Flag: last rows event of the statement.
const FLAG_STMT_END: u16 = 1;

/// What happened to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowsKind {
    /// Only after images.
    Insert,
    /// Before and after image in turn.
    Update,
    /// Only before images.
    Delete,
}

/// What the type code and the file's FORMAT_DESCRIPTION say about an event's layout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowsLayout {
    pub(crate) kind: RowsKind,
    pub(crate) post_header_bytes: usize,
    /// Version 2: extra data of a declared length follows the fixed part.
    pub(crate) extended: bool,
    /// MariaDB: the rows are compressed.
    pub(crate) compressed: bool,
}

/// The fixed part.
#[derive(Debug)]
pub(crate) struct RowsHead<'a> {
    pub(crate) table_id: u64,
    pub(crate) stmt_end: bool,
    flags: u16,
    body: Reader<'a>,
}

impl RowsLayout {
    pub(crate) fn head<'a>(&self, mut reader: Reader<'a>) -> Result<RowsHead<'a>, DecodeError> {
        let table_id = read_table_id(&mut reader, self.post_header_bytes)?;
        let flags = reader.u16()?;
        if self.extended {
            const OWN_BYTES: usize = 2;
            let extra = usize::from(reader.u16()?).checked_sub(OWN_BYTES);
            reader.skip(extra.ok_or(DecodeError::Malformed {
                what: "the extra data of a rows event is shorter than its length",
            })?)?;
        }
        Ok(RowsHead {
            table_id,
            stmt_end: flags & FLAG_STMT_END != 0,
            flags,
            body: reader,
        })
    }
}

/// Rows of one table, changed by one statement.
#[derive(Debug, Clone)]
pub struct RowsEvent<'a> {
    /// What happened to them.
    pub kind: RowsKind,
    /// As in the TABLE_MAP.
    pub table_id: u64,
    /// Their structure.
    pub map: Arc<TableMap>,
    /// Last rows event of the statement.
    pub stmt_end: bool,
    /// All flags as stored.
    pub flags: u16,
    /// Columns in the before (or only) image.
    present_first: Cow<'a, [u8]>,
    /// Columns in the after image of an update.
    present_second: Cow<'a, [u8]>,
    data: Cow<'a, [u8]>,
}

impl<'a> RowsEvent<'a> {
    pub(crate) fn read(
        layout: RowsLayout,
        head: RowsHead<'a>,
        map: Arc<TableMap>,
    ) -> Result<Self, DecodeError> {
        let mut body = head.body;
        let width = body.packed_len()?;
        if width != map.columns.len() {
            return Err(DecodeError::ColumnCount {
                expected: map.columns.len(),
                actual: width,
            });
        }
        let bitmap_bytes = width.div_ceil(8);
        let present_first = Cow::Borrowed(body.bytes(bitmap_bytes)?);
        let present_second = if layout.kind == RowsKind::Update {
            Cow::Borrowed(body.bytes(bitmap_bytes)?)
        } else {
            present_first.clone()
        };
        let data = body.take_rest();
        let data = if layout.compressed {
            Cow::Owned(inflate_mariadb(data, "compressed rows")?)
        } else {
            Cow::Borrowed(data)
        };
        Ok(Self {
            kind: layout.kind,
            table_id: head.table_id,
            map,
            stmt_end: head.stmt_end,
            flags: head.flags,
            present_first,
            present_second,
            data,
        })
    }

    /// Walks the rows. `plan` must have been made for a map of the same structure; a plan of another
    /// column count gives one error.
    pub fn rows<'r>(&'r self, plan: &'r RowPlan) -> Rows<'r> {
        Rows::new(
            self.kind,
            plan,
            self.map.columns.len(),
            [&self.present_first, &self.present_second],
            &self.data,
        )
    }

    /// The same rows with bytes of their own, for keeping them beyond the buffer.
    pub fn into_owned(self) -> RowsEvent<'static> {
        RowsEvent {
            kind: self.kind,
            table_id: self.table_id,
            map: self.map,
            stmt_end: self.stmt_end,
            flags: self.flags,
            present_first: Cow::Owned(self.present_first.into_owned()),
            present_second: Cow::Owned(self.present_second.into_owned()),
            data: Cow::Owned(self.data.into_owned()),
        }
    }

    /// Is the column in the before image (or, for inserts, in the after image)?
    pub fn is_present_before(&self, column: usize) -> bool {
        bit(&self.present_first, column)
    }

    /// Is the column in the after image (or, for deletes, in the before image)?
    pub fn is_present_after(&self, column: usize) -> bool {
        bit(&self.present_second, column)
    }

    /// Bitmaps of the columns in the before (or only) and in the after image.
    pub fn present(&self) -> (&[u8], &[u8]) {
        (&self.present_first, &self.present_second)
    }

    /// All row images, decompressed.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// How many rows there are. Walks the images without making values.
    pub fn count_rows(&self, plan: &RowPlan) -> Result<u64, DecodeError> {
        self.rows(plan).count_rows()
    }

    /// Bytes of all row images, decompressed: what the event costs to hold.
    pub fn data_bytes(&self) -> usize {
        self.data.len()
    }
}
