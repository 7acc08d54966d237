//! The walk over row images.

use super::codec::Codec;
use super::{RowPlan, RowsKind};
use crate::reader::{Reader, bit};
use crate::{DecodeError, Value};

/// One entry per column of the table; `None` if the column is not in this image (`binlog_row_image`).
pub type Image<'a> = Vec<Option<Value<'a>>>;

/// One changed row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowChange<'a> {
    /// The row as it was; `None` for inserts.
    pub before: Option<Image<'a>>,
    /// The row as it is; `None` for deletes.
    pub after: Option<Image<'a>>,
}

/// Iterator over the rows of one event. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    kind: RowsKind,
    codecs: &'a [Codec],
    width: usize,
    present: [Present<'a>; 2],
    data: Reader<'a>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No row was read yet: an event without any data still has one row, without columns.
    Fresh,
    Walking,
    Ended,
}

/// Columns of an image. The NULL bitmap counts present columns only.
#[derive(Debug, Clone, Copy)]
struct Present<'a> {
    bitmap: &'a [u8],
    null_bytes: usize,
}

impl<'a> Present<'a> {
    fn new(bitmap: &'a [u8], width: usize) -> Self {
        let count = (0..width).filter(|index| bit(bitmap, *index)).count();
        Self {
            bitmap,
            null_bytes: count.div_ceil(8),
        }
    }
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        kind: RowsKind,
        plan: &'a RowPlan,
        width: usize,
        present: [&'a [u8]; 2],
        data: &'a [u8],
    ) -> Self {
        let present = present.map(|bitmap| Present::new(bitmap, width));
        Self {
            kind,
            codecs: plan.codecs(),
            width,
            present,
            data: Reader::new(data, "a row image"),
            state: State::Fresh,
        }
    }

    fn change(&mut self) -> Result<RowChange<'a>, DecodeError> {
        if self.codecs.len() != self.width {
            return Err(DecodeError::ColumnCount {
                expected: self.codecs.len(),
                actual: self.width,
            });
        }
        let left = self.data.remaining();
        let [first, second] = self.present;
        let change = match self.kind {
            RowsKind::Insert => RowChange {
                before: None,
                after: Some(self.image(first)?),
            },
            RowsKind::Delete => RowChange {
                before: Some(self.image(first)?),
                after: None,
            },
            RowsKind::Update => {
                let before = self.image(first)?;
                RowChange {
                    before: Some(before),
                    after: Some(self.image(second)?),
                }
            }
        };
        if left != 0 && self.data.remaining() == left {
            return Err(DecodeError::Malformed {
                what: "a rows event has data but no columns",
            });
        }
        Ok(change)
    }

    fn image(&mut self, present: Present<'a>) -> Result<Image<'a>, DecodeError> {
        let nulls = self.data.bytes(present.null_bytes)?;
        let mut image = Vec::with_capacity(self.width);
        let mut nth_present = 0usize;
        for (column, codec) in self.codecs.iter().enumerate() {
            if !bit(present.bitmap, column) {
                image.push(None);
                continue;
            }
            let value = if bit(nulls, nth_present) {
                Value::Null
            } else {
                codec.read(&mut self.data)?
            };
            nth_present = nth_present.saturating_add(1);
            image.push(Some(value));
        }
        Ok(image)
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<RowChange<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Ended || (self.state == State::Walking && self.data.is_empty()) {
            return None;
        }
        let change = self.change();
        self.state = if change.is_ok() {
            State::Walking
        } else {
            State::Ended
        };
        Some(change)
    }
}
