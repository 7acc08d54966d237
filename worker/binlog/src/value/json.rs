//! MySQL's binary JSON, printed as the server prints it.
//!
//! A value is a type byte and data. Objects and arrays are: element count, size in bytes, (objects) offset
//! and length of each key, then type and offset of each value, or the value itself where it is small
//! enough; then keys and values. Offsets count from the element count. "Small" containers use two bytes
//! for these numbers, "large" ones four. Partial updates leave gaps, so offsets are followed, never order.

use super::double::push_double;
use super::json_opaque::push_opaque;
use crate::DecodeError;
use crate::reader::Reader;

/// Deepest nesting read; the server's own limit is 100.
pub const JSON_DEPTH_MAX: usize = 128;
/// Text per binary byte, at most: a control character in a string becomes six characters, other encodings
/// grow less. Crossed offsets in damaged values would multiply without a limit.
const TEXT_PER_BYTE_MAX: usize = 12;
/// Text that any value may have, however short its encoding.
const TEXT_BYTES_MIN: usize = 128;

const SMALL_OBJECT: u8 = 0;
const LARGE_OBJECT: u8 = 1;
const SMALL_ARRAY: u8 = 2;
const LARGE_ARRAY: u8 = 3;
const LITERAL: u8 = 4;
const INT16: u8 = 5;
const UINT16: u8 = 6;
const INT32: u8 = 7;
const UINT32: u8 = 8;
const INT64: u8 = 9;
const UINT64: u8 = 10;
const DOUBLE: u8 = 11;
const STRING: u8 = 12;
const OPAQUE: u8 = 15;

/// The text of a stored JSON value. Zero bytes mean `null`: an ADD COLUMN or IGNORE leaves them.
pub(crate) fn json_text(bytes: &[u8]) -> Result<String, DecodeError> {
    let Some((kind, data)) = bytes.split_first() else {
        return Ok("null".to_owned());
    };
    let limit = bytes
        .len()
        .saturating_mul(TEXT_PER_BYTE_MAX)
        .max(TEXT_BYTES_MIN);
    let mut printer = Printer {
        out: String::with_capacity(bytes.len()),
        limit,
    };
    printer.value(*kind, data, 0)?;
    Ok(printer.out)
}

struct Printer {
    out: String,
    limit: usize,
}

/// One container's header.
struct Container<'a> {
    /// From the element count to the end of the container.
    bytes: &'a [u8],
    count: usize,
    /// Bytes of an offset.
    width: usize,
}

impl Printer {
    fn value(&mut self, kind: u8, data: &[u8], depth: usize) -> Result<(), DecodeError> {
        if self.out.len() > self.limit {
            return Err(DecodeError::Json {
                what: "values overlap",
            });
        }
        match kind {
            SMALL_OBJECT | LARGE_OBJECT => {
                self.object(&Container::read(data, kind == LARGE_OBJECT)?, depth)
            }
            SMALL_ARRAY | LARGE_ARRAY => {
                self.array(&Container::read(data, kind == LARGE_ARRAY)?, depth)
            }
            _ => self.scalar(kind, &mut Reader::new(data, "a JSON value")),
        }
    }

    fn scalar(&mut self, kind: u8, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        match kind {
            LITERAL => self.out.push_str(literal(reader.u8()?)?),
            INT16 => self.display(i16::from_le_bytes(reader.array()?)),
            UINT16 => self.display(reader.u16()?),
            INT32 => self.display(i32::from_le_bytes(reader.array()?)),
            UINT32 => self.display(reader.u32()?),
            INT64 => self.display(i64::from_le_bytes(reader.array()?)),
            UINT64 => self.display(reader.u64()?),
            DOUBLE => {
                let number = f64::from_le_bytes(reader.array()?);
                if !number.is_finite() {
                    return Err(DecodeError::Json {
                        what: "a number is not finite",
                    });
                }
                push_double(&mut self.out, number);
            }
            STRING => {
                let length = text_length(reader)?;
                push_string(&mut self.out, reader.bytes(length)?);
            }
            OPAQUE => {
                let field_type = reader.u8()?;
                let length = text_length(reader)?;
                push_opaque(&mut self.out, field_type, reader.bytes(length)?)?;
            }
            _ => {
                return Err(DecodeError::Json {
                    what: "unknown value type",
                });
            }
        }
        Ok(())
    }

    fn display(&mut self, number: impl std::fmt::Display) {
        use std::fmt::Write;
        // Writing to a String cannot fail.
        let _ = write!(self.out, "{number}");
    }

    fn object(&mut self, object: &Container<'_>, depth: usize) -> Result<(), DecodeError> {
        let mut keys = object.entries(object.keys_bytes())?;
        let mut values = object.entries(object.values_bytes())?;
        object.skip_keys(&mut values)?;
        self.out.push('{');
        for index in 0..object.count {
            if index > 0 {
                self.out.push_str(", ");
            }
            let offset = keys.uint_le(object.width)?;
            let length = usize::from(keys.u16()?);
            push_string(&mut self.out, object.at(offset)?.bytes(length)?);
            self.out.push_str(": ");
            self.element(object, &mut values, depth)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn array(&mut self, array: &Container<'_>, depth: usize) -> Result<(), DecodeError> {
        let mut values = array.entries(array.values_bytes())?;
        self.out.push('[');
        for index in 0..array.count {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.element(array, &mut values, depth)?;
        }
        self.out.push(']');
        Ok(())
    }

    /// A value entry: the value itself, or where it stands.
    fn element(
        &mut self,
        parent: &Container<'_>,
        entries: &mut Reader<'_>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        let depth = depth.saturating_add(1);
        if depth > JSON_DEPTH_MAX {
            return Err(DecodeError::Json {
                what: "nesting is too deep",
            });
        }
        let kind = entries.u8()?;
        let slot = entries.bytes(parent.width)?;
        let inlined = match kind {
            LITERAL | INT16 | UINT16 => true,
            INT32 | UINT32 => parent.width == 4,
            _ => false,
        };
        if inlined {
            return self.value(kind, slot, depth);
        }
        let offset = Reader::new(slot, "a JSON value").uint_le(parent.width)?;
        self.value(kind, parent.at(offset)?.rest(), depth)
    }
}

impl<'a> Container<'a> {
    fn read(data: &'a [u8], large: bool) -> Result<Self, DecodeError> {
        let width = if large { 4 } else { 2 };
        let mut reader = Reader::new(data, "a JSON value");
        let count = reader.uint_le(width)? as usize;
        let size = reader.uint_le(width)? as usize;
        let bytes = data.get(..size).ok_or(DecodeError::Truncated {
            what: "a JSON value",
        })?;
        Ok(Self {
            bytes,
            count,
            width,
        })
    }

    /// The entries behind count and size; `needed_bytes` is checked once, before anything is printed.
    fn entries(&self, needed_bytes: usize) -> Result<Reader<'a>, DecodeError> {
        let mut reader = Reader::new(self.bytes, "a JSON value");
        reader.skip(self.width.saturating_mul(2))?;
        if reader.remaining() < needed_bytes {
            return Err(DecodeError::Truncated {
                what: "a JSON value",
            });
        }
        Ok(reader)
    }

    fn keys_bytes(&self) -> usize {
        self.count.saturating_mul(self.width.saturating_add(2))
    }

    fn values_bytes(&self) -> usize {
        self.count.saturating_mul(self.width.saturating_add(1))
    }

    fn skip_keys(&self, entries: &mut Reader<'a>) -> Result<(), DecodeError> {
        entries.skip(self.keys_bytes())
    }

    fn at(&self, offset: u64) -> Result<Reader<'a>, DecodeError> {
        let mut reader = Reader::new(self.bytes, "a JSON value");
        reader.skip(usize::try_from(offset).unwrap_or(usize::MAX))?;
        Ok(reader)
    }
}

fn literal(code: u8) -> Result<&'static str, DecodeError> {
    match code {
        0 => Ok("null"),
        1 => Ok("true"),
        2 => Ok("false"),
        _ => Err(DecodeError::Json {
            what: "unknown literal",
        }),
    }
}

/// Seven bits per byte, the lowest first; the top bit says that another byte follows.
fn text_length(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let mut length = 0u64;
    for shift in [0u32, 7, 14, 21, 28] {
        let byte = reader.u8()?;
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(length).map_err(|_| DecodeError::Json {
                what: "a length is out of range",
            });
        }
    }
    Err(DecodeError::Json {
        what: "a length is out of range",
    })
}

/// Quotes and escapes like the server: short escapes where JSON has them, `\u00xx` for other control
/// characters, everything else as it is.
pub(super) fn push_string(out: &mut String, bytes: &[u8]) {
    use std::fmt::Write;
    out.push('"');
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
