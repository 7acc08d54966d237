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
    /// Every column is there.
    all: bool,
}

impl<'a> Present<'a> {
    fn new(bitmap: &'a [u8], width: usize) -> Self {
        let count = (0..width).filter(|index| bit(bitmap, *index)).count();
        Self {
            bitmap,
            null_bytes: count.div_ceil(8),
            all: count == width,
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

    /// The next row into buffers that are used again: `before` stays empty for inserts, `after` for deletes. Ends as the
    /// iterator does.
    pub fn next_into(
        &mut self,
        before: &mut Image<'a>,
        after: &mut Image<'a>,
    ) -> Option<Result<(), DecodeError>> {
        if self.state == State::Ended || (self.state == State::Walking && self.data.is_empty()) {
            return None;
        }
        let read = self.read_into(before, after);
        self.state = if read.is_ok() {
            State::Walking
        } else {
            State::Ended
        };
        Some(read)
    }

    fn read_into(
        &mut self,
        before: &mut Image<'a>,
        after: &mut Image<'a>,
    ) -> Result<(), DecodeError> {
        before.clear();
        after.clear();
        if self.codecs.len() != self.width {
            return Err(DecodeError::ColumnCount {
                expected: self.codecs.len(),
                actual: self.width,
            });
        }
        let left = self.data.remaining();
        let [first, second] = self.present;
        match self.kind {
            RowsKind::Insert => self.image(first, after)?,
            RowsKind::Delete => self.image(first, before)?,
            RowsKind::Update => {
                self.image(first, before)?;
                self.image(second, after)?;
            }
        }
        if left != 0 && self.data.remaining() == left {
            return Err(DecodeError::Malformed {
                what: "a rows event has data but no columns",
            });
        }
        Ok(())
    }

    pub(super) fn count_rows(mut self) -> Result<u64, DecodeError> {
        let mut count = 0u64;
        let images = if self.kind == RowsKind::Update { 2 } else { 1 };
        loop {
            let left = self.data.remaining();
            for present in self.present.into_iter().take(images) {
                self.skip_image(present)?;
            }
            count = count.saturating_add(1);
            if self.data.is_empty() {
                return Ok(count);
            }
            if self.data.remaining() == left {
                return Err(DecodeError::Malformed {
                    what: "a rows event has data but no columns",
                });
            }
        }
    }

    fn skip_image(&mut self, present: Present<'a>) -> Result<(), DecodeError> {
        let nulls = self.data.bytes(present.null_bytes)?;
        let mut nth_present = 0usize;
        for (column, codec) in self.codecs.iter().enumerate() {
            if bit(present.bitmap, column) {
                if !bit(nulls, nth_present) {
                    codec.skip(&mut self.data)?;
                }
                nth_present = nth_present.saturating_add(1);
            }
        }
        Ok(())
    }

    fn image(&mut self, present: Present<'a>, image: &mut Image<'a>) -> Result<(), DecodeError> {
        let nulls = self.data.bytes(present.null_bytes)?;
        image.reserve(self.width);
        if present.all && nulls.iter().all(|byte| *byte == 0) {
            for codec in self.codecs {
                image.push(Some(codec.read(&mut self.data)?));
            }
            return Ok(());
        }
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
        Ok(())
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<RowChange<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let read = self.next_into(&mut before, &mut after)?;
        let kind = self.kind;
        Some(read.map(|()| RowChange {
            before: (kind != RowsKind::Insert).then_some(before),
            after: (kind != RowsKind::Delete).then_some(after),
        }))
    }
}
