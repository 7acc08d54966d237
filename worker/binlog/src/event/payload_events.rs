//! The events of a TRANSACTION_PAYLOAD one after the other, without holding all of them unpacked.

use std::io::{Cursor, Read};

use super::payload::{
    Compression, DECOMPRESSED_BYTES_MAX, TransactionPayload, ZSTD_WINDOW_LOG_MAX,
};
use crate::DecodeError;
use crate::decoder::{HEADER_BYTES, Header};

const WHAT: &str = "the transaction payload";

/// Unpacks a payload event by event. Holds the compressed bytes, the decompressor's window and one event.
///
/// The bound on expansion is the size that the payload declares; one event may not be larger than
/// [`DECOMPRESSED_BYTES_MAX`].
pub struct PayloadEvents {
    source: Source,
    /// Bytes that are still to come.
    left: u64,
}

enum Source {
    Plain(Cursor<Vec<u8>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Cursor<Vec<u8>>>>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(source) => source.read(buffer),
            Self::Zstd(source) => source.read(buffer),
        }
    }
}

impl PayloadEvents {
    /// Over a payload; its compressed bytes are copied.
    pub fn new(payload: TransactionPayload<'_>) -> Result<Self, DecodeError> {
        let data = Cursor::new(payload.data.to_vec());
        let source = match payload.algorithm {
            Compression::None => Source::Plain(data),
            Compression::Zstd => {
                let mut source = zstd::stream::read::Decoder::with_buffer(data).map_err(failed)?;
                source.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(failed)?;
                Source::Zstd(Box::new(source))
            }
        };
        Ok(Self {
            source,
            left: payload.uncompressed_size,
        })
    }

    /// The next event, for [`crate::Decoder::decode_inner`]; `None` at the end. Nothing more comes after an error.
    pub fn next_event(&mut self) -> Result<Option<Vec<u8>>, DecodeError> {
        let event = self.read_event();
        if event.is_err() {
            self.left = 0;
        }
        event
    }

    fn read_event(&mut self) -> Result<Option<Vec<u8>>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut event = Vec::new();
        self.read_to(&mut event, HEADER_BYTES as u64)?;
        let length = u64::from(Header::read(&event)?.length);
        if length > DECOMPRESSED_BYTES_MAX {
            return Err(DecodeError::TooLarge {
                what: WHAT,
                bytes: length,
                limit_bytes: DECOMPRESSED_BYTES_MAX,
            });
        }
        let body = length
            .checked_sub(HEADER_BYTES as u64)
            .ok_or(DecodeError::Malformed {
                what: "an event inside a payload is shorter than its header",
            })?;
        self.read_to(&mut event, body)?;
        if self.left == 0 && self.source.read(&mut [0]).map_err(failed)? != 0 {
            return Err(DecodeError::Malformed {
                what: "a transaction payload is longer than it declares",
            });
        }
        Ok(Some(event))
    }

    /// Reads exactly `count` bytes. Memory grows with what really arrives.
    fn read_to(&mut self, event: &mut Vec<u8>, count: u64) -> Result<(), DecodeError> {
        let truncated = DecodeError::Truncated { what: WHAT };
        self.left = self.left.checked_sub(count).ok_or(truncated.clone())?;
        let read = (&mut self.source)
            .take(count)
            .read_to_end(event)
            .map_err(failed)?;
        if read as u64 == count {
            Ok(())
        } else {
            Err(truncated)
        }
    }
}

fn failed(error: std::io::Error) -> DecodeError {
    DecodeError::Decompress {
        what: WHAT,
        reason: error.to_string(),
    }
}
