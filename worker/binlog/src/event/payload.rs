//! TRANSACTION_PAYLOAD: a transaction's events, compressed as a whole (MySQL ≥ 8.0.20).
//!
//! Fields of (tag, length, value), each a length-encoded integer, up to tag 0; then the data. The events
//! inside have no checksum and no position.

use super::compressed::read_declared;
use crate::DecodeError;
use crate::decoder::{HEADER_BYTES, Header};
use crate::reader::Reader;

/// Largest decompressed size accepted; MySQL's own limit for an event is 1 GiB.
pub const DECOMPRESSED_BYTES_MAX: u64 = 1 << 30;
/// Largest zstd window in bits: 128 MiB, the most that a decoder has to support.
pub(super) const ZSTD_WINDOW_LOG_MAX: u32 = 27;
const WHAT: &str = "the transaction payload";

/// How a payload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Stored as is.
    None,
    /// Zstandard.
    Zstd,
}

/// A payload as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionPayload<'a> {
    /// Its compression.
    pub algorithm: Compression,
    /// Declared size after decompression.
    pub uncompressed_size: u64,
    /// Compressed bytes.
    pub data: &'a [u8],
}

impl<'a> TransactionPayload<'a> {
    pub(crate) fn read(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        const END: u64 = 0;
        const SIZE: u64 = 1;
        const ALGORITHM: u64 = 2;
        const UNCOMPRESSED_SIZE: u64 = 3;
        let (mut size, mut algorithm, mut uncompressed_size) = (None, None, None);
        loop {
            let tag = reader.packed()?;
            if tag == END {
                break;
            }
            let mut value = Reader::new(reader.packed_bytes()?, "the TRANSACTION_PAYLOAD event");
            match tag {
                SIZE => size = Some(value.packed_len()?),
                ALGORITHM => algorithm = Some(Self::algorithm(value.packed()?)?),
                UNCOMPRESSED_SIZE => uncompressed_size = Some(value.packed()?),
                _ => {}
            }
        }
        let missing = || DecodeError::Malformed {
            what: "a transaction payload lacks its size or algorithm",
        };
        let size = size.ok_or_else(missing)?;
        let algorithm = algorithm.ok_or_else(missing)?;
        let data = reader.bytes(size)?;
        Ok(Self {
            algorithm,
            uncompressed_size: uncompressed_size.unwrap_or(data.len() as u64),
            data,
        })
    }

    fn algorithm(code: u64) -> Result<Compression, DecodeError> {
        match code {
            0 => Ok(Compression::Zstd),
            255 => Ok(Compression::None),
            other => Err(DecodeError::unsupported(format!(
                "transaction compression algorithm {other}"
            ))),
        }
    }

    /// The events as one run of bytes, to be walked by [`InnerEvents`]. Refuses more than `limit_bytes`
    /// (never above [`DECOMPRESSED_BYTES_MAX`]) and a size other than the declared one.
    pub fn decompress(&self, limit_bytes: u64) -> Result<Vec<u8>, DecodeError> {
        let limit_bytes = limit_bytes.min(DECOMPRESSED_BYTES_MAX);
        if self.uncompressed_size > limit_bytes {
            return Err(DecodeError::TooLarge {
                what: WHAT,
                bytes: self.uncompressed_size,
                limit_bytes,
            });
        }
        match self.algorithm {
            Compression::None => read_declared(self.data, self.uncompressed_size, WHAT),
            Compression::Zstd => {
                let failed = |error: std::io::Error| DecodeError::Decompress {
                    what: WHAT,
                    reason: error.to_string(),
                };
                let mut source =
                    zstd::stream::read::Decoder::with_buffer(self.data).map_err(failed)?;
                source.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(failed)?;
                read_declared(source, self.uncompressed_size, WHAT)
            }
        }
    }
}

/// Walks the events of a decompressed payload; each goes to [`crate::Decoder::decode_inner`].
#[derive(Debug, Clone)]
pub struct InnerEvents<'a> {
    rest: &'a [u8],
}

impl<'a> InnerEvents<'a> {
    /// Over the bytes that [`TransactionPayload::decompress`] returned.
    pub fn new(plain: &'a [u8]) -> Self {
        Self { rest: plain }
    }
}

impl<'a> Iterator for InnerEvents<'a> {
    type Item = Result<&'a [u8], DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let event = Header::read(rest).and_then(|header| {
            let length = header.length as usize;
            if length < HEADER_BYTES {
                return Err(DecodeError::Malformed {
                    what: "an event inside a payload is shorter than its header",
                });
            }
            rest.split_at_checked(length)
                .ok_or(DecodeError::Truncated { what: WHAT })
        });
        Some(event.map(|(event, tail)| {
            self.rest = tail;
            event
        }))
    }
}
