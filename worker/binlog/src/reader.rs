//! A cursor over outside bytes in which every read can fail and none can panic.

use crate::DecodeError;

/// Reads integers and slices from the front of a buffer. `what` names the part for the error text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// All bytes that are left, without consuming them.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    fn truncated(&self) -> DecodeError {
        DecodeError::Truncated { what: self.what }
    }

    #[inline]
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(count) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.truncated()),
        }
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(*head)
            }
            None => Err(self.truncated()),
        }
    }

    pub(crate) fn skip(&mut self, count: usize) -> Result<(), DecodeError> {
        self.bytes(count).map(|_| ())
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Little-endian unsigned integer of up to eight bytes.
    #[inline]
    pub(crate) fn uint_le(&mut self, width: usize) -> Result<u64, DecodeError> {
        let bytes = self.bytes(width)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, byte| (value << 8) | u64::from(*byte)))
    }

    /// Big-endian unsigned integer of up to eight bytes.
    #[inline]
    pub(crate) fn uint_be(&mut self, width: usize) -> Result<u64, DecodeError> {
        let bytes = self.bytes(width)?;
        Ok(bytes
            .iter()
            .fold(0, |value, byte| (value << 8) | u64::from(*byte)))
    }

    /// Length-encoded integer of the client/server protocol.
    pub(crate) fn packed(&mut self) -> Result<u64, DecodeError> {
        match self.u8()? {
            small @ 0..=250 => Ok(u64::from(small)),
            252 => self.uint_le(2),
            253 => self.uint_le(3),
            254 => self.u64(),
            _ => Err(DecodeError::Malformed {
                what: "length-encoded integer starts with 251 or 255",
            }),
        }
    }

    /// Length-encoded integer that counts bytes or items, as `usize`.
    pub(crate) fn packed_len(&mut self) -> Result<usize, DecodeError> {
        usize::try_from(self.packed()?).map_err(|_| self.truncated())
    }

    /// String after a length-encoded length.
    pub(crate) fn packed_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.packed_len()?;
        self.bytes(length)
    }

    /// String after a one-byte length.
    pub(crate) fn short_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u8()?;
        self.bytes(usize::from(length))
    }

    /// String up to a zero byte, which is consumed too.
    pub(crate) fn zero_ended(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self
            .rest
            .iter()
            .position(|byte| *byte == 0)
            .ok_or_else(|| self.truncated())?;
        let text = self.bytes(length)?;
        self.skip(1)?;
        Ok(text)
    }
}

/// Identifiers and file names are UTF-8 in every binlog; a damaged one is better shown than refused.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Is bit `index` set, counted from the lowest bit of the first byte?
#[inline]
pub(crate) fn bit(bitmap: &[u8], index: usize) -> bool {
    bitmap
        .get(index / 8)
        .is_some_and(|byte| byte & (1u8 << (index % 8)) != 0)
}
