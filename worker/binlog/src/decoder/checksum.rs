//! CRC32 of an event: which four bytes, over what.

use super::header::{HEADER_BYTES, Header};
use crate::DecodeError;
use crate::event::{ChecksumAlgorithm, FormatDescription};

/// Bytes of a checksum behind the body.
pub(super) const CHECKSUM_BYTES: usize = 4;
/// Where the flags stand in the common header.
const FLAGS_OFFSET: usize = 17;

/// Splits the checksum off a body and verifies it.
pub(super) fn strip(event: &[u8], checksummed: bool) -> Result<&[u8], DecodeError> {
    let truncated = DecodeError::Truncated {
        what: "the event checksum",
    };
    let covered = if checksummed {
        let (covered, stored) = event
            .split_last_chunk::<CHECKSUM_BYTES>()
            .ok_or(truncated.clone())?;
        verify(crc32fast::hash(covered), *stored)?;
        covered
    } else {
        event
    };
    covered.get(HEADER_BYTES..).ok_or(truncated)
}

/// A FORMAT_DESCRIPTION event declares the algorithm for itself too, and its checksum was computed before
/// the server set the "in use" flag.
pub(super) fn verify_format_description(
    event: &[u8],
    description: &FormatDescription,
) -> Result<(), DecodeError> {
    if description.checksum != ChecksumAlgorithm::Crc32 {
        return Ok(());
    }
    let truncated = DecodeError::Truncated {
        what: "the event checksum",
    };
    let (covered, stored) = event
        .split_last_chunk::<CHECKSUM_BYTES>()
        .ok_or(truncated.clone())?;
    let (before, rest) = covered
        .split_at_checked(FLAGS_OFFSET)
        .ok_or(truncated.clone())?;
    let (flags, after) = rest.split_first_chunk::<2>().ok_or(truncated)?;
    let flags = u16::from_le_bytes(*flags) & !Header::FLAG_IN_USE;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(before);
    hasher.update(&flags.to_le_bytes());
    hasher.update(after);
    verify(hasher.finalize(), *stored)
}

fn verify(computed: u32, stored: [u8; CHECKSUM_BYTES]) -> Result<(), DecodeError> {
    let stored = u32::from_le_bytes(stored);
    if stored == computed {
        Ok(())
    } else {
        Err(DecodeError::Checksum { stored, computed })
    }
}
