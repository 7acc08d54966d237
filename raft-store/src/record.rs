//! The frame around every stored value: version, CRC, body.
//!
//! The CRC covers the record's place too, so a record that RocksDB handed out for another key is damaged.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 5;

/// Where a record stands: column family and key.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) family: &'static str,
    pub(crate) key: &'a [u8],
}

impl Place<'_> {
    fn crc(&self, body: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&[VERSION]);
        hasher.update(self.family.as_bytes());
        hasher.update(self.key);
        hasher.update(body);
        hasher.finalize()
    }

    /// The place in words, for errors.
    pub(crate) fn name(&self) -> String {
        match <[u8; 8]>::try_from(self.key) {
            Ok(index) if self.family == "logs" => format!("logs/{}", u64::from_be_bytes(index)),
            _ if self.key.is_ascii() && self.family == "meta" => {
                format!("meta/{}", String::from_utf8_lossy(self.key))
            }
            _ => {
                let hex: String = self.key.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{}/{hex}", self.family)
            }
        }
    }

    fn damaged(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Damaged {
            record: self.name(),
            reason: reason.into(),
        }
    }

    /// Frames bytes.
    pub(crate) fn seal(&self, body: &[u8]) -> Vec<u8> {
        let mut framed = Vec::with_capacity(HEADER_BYTES + body.len());
        framed.push(VERSION);
        framed.extend_from_slice(&self.crc(body).to_be_bytes());
        framed.extend_from_slice(body);
        framed
    }

    /// Checks the frame and gives the bytes in it.
    pub(crate) fn open<'b>(&self, framed: &'b [u8]) -> Result<&'b [u8], StoreError> {
        let (version, rest) = framed
            .split_first()
            .ok_or_else(|| self.damaged("it is empty"))?;
        if *version != VERSION {
            return Err(self.damaged(format!("format {version} is unknown to this program")));
        }
        let (crc, body) = rest
            .split_first_chunk::<4>()
            .ok_or_else(|| self.damaged("it is cut off"))?;
        if u32::from_be_bytes(*crc) != self.crc(body) {
            return Err(self.damaged("its checksum does not fit"));
        }
        Ok(body)
    }

    /// Frames a value as JSON.
    pub(crate) fn encode<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, StoreError> {
        let body = serde_json::to_vec(value).map_err(|error| StoreError::Encode {
            record: self.name(),
            reason: error.to_string(),
        })?;
        Ok(self.seal(&body))
    }

    /// Checks the frame and decodes the JSON in it.
    pub(crate) fn decode<T: DeserializeOwned>(&self, framed: &[u8]) -> Result<T, StoreError> {
        let body = self.open(framed)?;
        serde_json::from_slice(body).map_err(|error| self.damaged(error.to_string()))
    }
}
