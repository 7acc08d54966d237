//! The decoder's state between events.

use super::table_maps::TableMaps;
use super::{HEADER_BYTES, Header, checksum, dispatch, type_code};
use crate::DecodeError;
use crate::event::{ChecksumAlgorithm, Event, FormatDescription};
use crate::reader::Reader;

/// Decodes the events of one stream or file in their order.
///
/// Holds the FORMAT_DESCRIPTION event in force and the table maps of the current statement. After an
/// error the state is as before the event; going on with the next one is the caller's decision.
#[derive(Debug, Clone)]
pub struct Decoder {
    declared_checksum: bool,
    pub(super) description: Option<FormatDescription>,
    pub(super) table_maps: TableMaps,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that has seen nothing. Events before the first FORMAT_DESCRIPTION are taken to carry no
    /// checksum, see [`Self::declared_checksum`].
    pub fn new() -> Self {
        Self {
            declared_checksum: false,
            description: None,
            table_maps: TableMaps::default(),
        }
    }

    /// What the connection declared in `@source_binlog_checksum`. The fake ROTATE that precedes the first
    /// FORMAT_DESCRIPTION event carries a checksum exactly if CRC32 was declared.
    pub fn declared_checksum(&mut self, crc32: bool) {
        self.declared_checksum = crc32;
    }

    /// The FORMAT_DESCRIPTION event in force, if one was seen.
    pub fn format_description(&self) -> Option<&FormatDescription> {
        self.description.as_ref()
    }

    /// Decodes one event as delivered, its checksum verified.
    pub fn decode<'a>(&mut self, event: &'a [u8]) -> Result<(Header, Event<'a>), DecodeError> {
        let header = self.header(event)?;
        if header.type_code == type_code::FORMAT_DESCRIPTION {
            return self.format_description_event(header, event);
        }
        let body = checksum::strip(event, self.checksummed())?;
        let event = dispatch::decode_body(self, &header, body)?;
        Ok((header, event))
    }

    /// Verifies length and checksum of an event that need not be decoded. It must not be a FORMAT_DESCRIPTION.
    pub fn verify(&self, event: &[u8]) -> Result<Header, DecodeError> {
        let header = self.header(event)?;
        checksum::strip(event, self.checksummed())?;
        Ok(header)
    }

    fn checksummed(&self) -> bool {
        match &self.description {
            Some(description) => description.checksum == ChecksumAlgorithm::Crc32,
            None => self.declared_checksum,
        }
    }

    /// Decodes one event from inside a TRANSACTION_PAYLOAD; it has no checksum and no position.
    pub fn decode_inner<'a>(
        &mut self,
        event: &'a [u8],
    ) -> Result<(Header, Event<'a>), DecodeError> {
        let header = self.header(event)?;
        let forbidden = [
            type_code::FORMAT_DESCRIPTION,
            type_code::TRANSACTION_PAYLOAD,
            type_code::ROTATE,
        ];
        if forbidden.contains(&header.type_code) {
            return Err(DecodeError::Malformed {
                what: "a transaction payload contains an event that cannot be inside one",
            });
        }
        let body = checksum::strip(event, false)?;
        let event = dispatch::decode_body(self, &header, body)?;
        Ok((header, event))
    }

    fn header(&self, event: &[u8]) -> Result<Header, DecodeError> {
        let header = Header::read(event)?;
        if usize::try_from(header.length) != Ok(event.len()) {
            return Err(DecodeError::Length {
                declared: header.length,
                actual: event.len(),
            });
        }
        Ok(header)
    }

    fn format_description_event<'a>(
        &mut self,
        header: Header,
        event: &'a [u8],
    ) -> Result<(Header, Event<'a>), DecodeError> {
        let body = event.get(HEADER_BYTES..).unwrap_or_default();
        let description =
            FormatDescription::read(Reader::new(body, "the FORMAT_DESCRIPTION event"))?;
        checksum::verify_format_description(event, &description)?;
        self.table_maps.clear();
        self.description = Some(description.clone());
        Ok((header, Event::FormatDescription(description)))
    }

    /// Length of the fixed part of a body: what this file's FORMAT_DESCRIPTION says, else `usual`.
    pub(super) fn post_header_bytes(&self, type_code: u8, usual: usize) -> usize {
        self.description
            .as_ref()
            .and_then(|description| description.post_header_bytes(type_code))
            .unwrap_or(usual)
    }
}
