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

/// A value of a COMPRESSED column.
///
/// Format (MariaDB's field.cc): nothing for an empty value; else one byte, 0 for bytes that follow as they are, or `1000_RLLL`: zlib
/// (R: raw deflate without zlib's frame, the default of `column_compression_zlib_wrap`), L bytes of length in big-endian order, the stream.
pub(crate) fn inflate_column(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    const WHAT: &str = "a compressed column";
    const RAW: u8 = 0x08;
    let Some((head, rest)) = bytes.split_first() else {
        return Ok(Vec::new());
    };
    if *head == 0 {
        return Ok(rest.to_vec());
    }
    let width = usize::from(head & 0x07);
    if head & 0xf0 != 0x80 || width == 0 || width > 4 {
        return Err(DecodeError::Decompress {
            what: WHAT,
            reason: format!("unknown compression header {head:#04x}"),
        });
    }
    let mut reader = Reader::new(rest, WHAT);
    let declared = reader.uint_be(width)?;
    if declared > DECOMPRESSED_BYTES_MAX {
        return Err(DecodeError::TooLarge {
            what: WHAT,
            bytes: declared,
            limit_bytes: DECOMPRESSED_BYTES_MAX,
        });
    }
    if head & RAW != 0 {
        let source = flate2::read::DeflateDecoder::new(reader.rest());
        read_declared(source, declared, WHAT)
    } else {
        let source = flate2::read::ZlibDecoder::new(reader.rest());
        read_declared(source, declared, WHAT)
    }
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
