//! FORMAT_DESCRIPTION: the rules of the file that begins with it.

use crate::DecodeError;
use crate::decoder::HEADER_BYTES;
use crate::reader::{Reader, text};

/// Bytes of the zero-padded server version.
const SERVER_VERSION_BYTES: usize = 50;
/// Algorithm byte and checksum, at the end of the event even when the algorithm is "none".
const CHECKSUM_TAIL_BYTES: usize = 5;

/// Algorithm of the checksum behind each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    /// No checksum bytes.
    None,
    /// Four bytes of CRC32.
    Crc32,
}

/// What a FORMAT_DESCRIPTION event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatDescription {
    /// Always 4.
    pub binlog_version: u16,
    /// Like `8.0.46` or `10.11.6-MariaDB-log`.
    pub server_version: String,
    /// When the server started if this is the first file since, else 0.
    pub created: u32,
    /// Fixed body length per type code, from type 1.
    pub post_header_lengths: Vec<u8>,
    /// Of the events that follow.
    pub checksum: ChecksumAlgorithm,
}

impl FormatDescription {
    pub(crate) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let binlog_version = reader.u16()?;
        if binlog_version != 4 {
            return Err(DecodeError::unsupported(format!(
                "binlog format version {binlog_version}"
            )));
        }
        let version = reader.bytes(SERVER_VERSION_BYTES)?;
        let server_version = text(version.split(|byte| *byte == 0).next().unwrap_or_default());
        let created = reader.u32()?;
        if usize::from(reader.u8()?) != HEADER_BYTES {
            return Err(DecodeError::unsupported(
                "an event header of another length than 19 bytes",
            ));
        }
        let (post_header_lengths, checksum) = if knows_checksums(&server_version) {
            let lengths = reader.remaining().checked_sub(CHECKSUM_TAIL_BYTES);
            let lengths = lengths.ok_or(DecodeError::Truncated {
                what: "the FORMAT_DESCRIPTION event",
            })?;
            let lengths = reader.bytes(lengths)?.to_vec();
            (lengths, algorithm(reader.u8()?)?)
        } else {
            (reader.take_rest().to_vec(), ChecksumAlgorithm::None)
        };
        Ok(Self {
            binlog_version,
            server_version,
            created,
            post_header_lengths,
            checksum,
        })
    }

    /// Was the file written by MariaDB?
    pub fn is_mariadb(&self) -> bool {
        self.server_version.contains("MariaDB")
    }

    /// Length of the fixed part of a body; `None` for types that the writing server does not list.
    pub fn post_header_bytes(&self, type_code: u8) -> Option<usize> {
        let index = usize::from(type_code).checked_sub(1)?;
        self.post_header_lengths
            .get(index)
            .map(|length| usize::from(*length))
    }
}

fn algorithm(code: u8) -> Result<ChecksumAlgorithm, DecodeError> {
    match code {
        // 255: a server that knows checksums relays events of one that does not.
        0 | 255 => Ok(ChecksumAlgorithm::None),
        1 => Ok(ChecksumAlgorithm::Crc32),
        other => Err(DecodeError::unsupported(format!(
            "checksum algorithm {other}"
        ))),
    }
}

/// MySQL writes the algorithm byte since 5.6.1, MariaDB since 5.3.
fn knows_checksums(version: &str) -> bool {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let found = (next(), next(), next());
    found
        >= if version.contains("MariaDB") {
            (5, 3, 0)
        } else {
            (5, 6, 1)
        }
}
