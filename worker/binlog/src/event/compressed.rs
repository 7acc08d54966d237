//! MariaDB's compressed queries and rows (`log_bin_compress`).
//!
//! Format: one byte `1AAA_0LLL` (algorithm, number of length bytes), the length of the plain bytes in
//! big-endian order, then the stream. Algorithm 0 is zlib, the only one there is.

use std::io::Read;

use super::DECOMPRESSED_BYTES_MAX;
use crate::DecodeError;
use crate::reader::Reader;

/// Decompresses; the result has exactly the declared length.
pub(crate) fn inflate_mariadb(bytes: &[u8], what: &'static str) -> Result<Vec<u8>, DecodeError> {
    let mut reader = Reader::new(bytes, what);
    let head = reader.u8()?;
    if head & 0xf8 != 0x80 {
        return Err(DecodeError::Decompress {
            what,
            reason: format!("unknown compression header {head:#04x}"),
        });
    }
    let width = usize::from(head & 0x07);
    if width == 0 || width > 4 {
        return Err(DecodeError::Decompress {
            what,
            reason: format!("length of {width} bytes"),
        });
    }
    let declared = reader.uint_be(width)?;
    if declared > DECOMPRESSED_BYTES_MAX {
        return Err(DecodeError::TooLarge {
            what,
            bytes: declared,
            limit_bytes: DECOMPRESSED_BYTES_MAX,
        });
    }
    read_declared(
        flate2::read::ZlibDecoder::new(reader.rest()),
        declared,
        what,
    )
}

/// Reads exactly `declared` bytes. Memory grows with what really arrives, not with what is claimed.
pub(super) fn read_declared(
    source: impl Read,
    declared: u64,
    what: &'static str,
) -> Result<Vec<u8>, DecodeError> {
    let mut plain = Vec::new();
    let failed = |error: std::io::Error| DecodeError::Decompress {
        what,
        reason: error.to_string(),
    };
    source
        .take(declared.saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(failed)?;
    if u64::try_from(plain.len()) != Ok(declared) {
        let reason = format!(
            "{declared} bytes were declared, the stream has {} or more",
            plain.len()
        );
        return Err(DecodeError::Decompress { what, reason });
    }
    Ok(plain)
}
