//! Character sets that rows are transcoded from.

use std::fmt;

/// A character set whose bytes we turn into UTF-8.
///
/// Only sets whose mapping equals MySQL's are here; a column in another one stops its table by name instead of being guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Binary,
    Utf8,
    Latin1,
    Gbk,
    Gb18030,
    Utf16,
    Utf16Le,
    Utf32,
}

impl Charset {
    /// By MySQL's name; `None` when we have no table for it.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "binary" => Self::Binary,
            "utf8mb4" | "utf8mb3" | "utf8" | "ascii" => Self::Utf8,
            "latin1" => Self::Latin1,
            "gbk" | "gb2312" => Self::Gbk,
            "gb18030" => Self::Gb18030,
            "ucs2" | "utf16" => Self::Utf16,
            "utf16le" => Self::Utf16Le,
            "utf32" => Self::Utf32,
            _ => return None,
        })
    }

    /// The text, or `None` when the bytes are not valid.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Binary => None,
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            // MySQL's latin1 is cp1252 with the five undefined bytes kept as control characters, as the WHATWG table has it.
            Self::Latin1 => known(encoding_rs::WINDOWS_1252, bytes),
            Self::Gbk => known(encoding_rs::GBK, bytes),
            Self::Gb18030 => known(encoding_rs::GB18030, bytes),
            Self::Utf16 => known(encoding_rs::UTF_16BE, bytes),
            Self::Utf16Le => known(encoding_rs::UTF_16LE, bytes),
            Self::Utf32 => {
                let (units, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return None;
                }
                units
                    .iter()
                    .map(|unit| char::from_u32(u32::from_be_bytes(*unit)))
                    .collect()
            }
        }
    }
}

fn known(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> Option<String> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(std::borrow::Cow::into_owned)
}

impl fmt::Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Binary => "binary",
            Self::Utf8 => "utf8mb4",
            Self::Latin1 => "latin1",
            Self::Gbk => "gbk",
            Self::Gb18030 => "gb18030",
            Self::Utf16 => "utf16",
            Self::Utf16Le => "utf16le",
            Self::Utf32 => "utf32",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin1_has_all_256_bytes() {
        let all: Vec<u8> = (0..=255).collect();
        let text = Charset::Latin1.decode(&all).unwrap();
        assert_eq!(text.chars().count(), 256);
        assert!(text.contains('€') && text.contains('\u{81}'));
    }

    #[test]
    fn damaged_text_is_refused() {
        assert_eq!(Charset::Utf8.decode(&[0xc3]), None);
        assert_eq!(Charset::Gbk.decode(&[0x81]), None);
        assert_eq!(Charset::Utf32.decode(&[0, 0, 0]), None);
    }
}
