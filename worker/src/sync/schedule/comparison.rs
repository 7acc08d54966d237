//! How the target compares the values of one key column, as a function from value to bytes (R16).
//!
//! Two values that the target's index calls equal must give equal bytes; the other way round is not needed. So where the target
//! may convert, round, fold or pad in ways that we don't follow exactly, the function forgets more than the target does.

use dm_ddl::{Column, TypeKind};

use crate::sync::value::Value;

/// What is kept of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    how: How,
    /// Leading characters (texts) or bytes (binary) that the index holds.
    prefix: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Integers and everything that is one inside: exactly.
    Integer,
    /// Exactly, but for the two zeros.
    Float,
    /// DECIMAL by its value.
    Decimal,
    /// The canonical text of a date, time, UUID or address.
    Canonical,
    /// Bytes without trailing zeros: BINARY is padded with them.
    Bytes,
    /// Characters without trailing spaces: most collations pad.
    Exact,
    /// ASCII letters and digits without what any collation ignores or takes for the same. Other characters may equal any of these.
    Folded,
    /// Nothing: all values count as equal.
    Opaque,
}

/// What of a value goes into a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It was appended.
    Bytes,
    /// The value may equal any other one.
    Wild,
}

/// Character sets in which distinct characters of ours stay distinct.
const FAITHFUL: [&str; 10] = [
    "utf8mb4", "utf8mb3", "utf8", "ascii", "latin1", "ucs2", "utf16", "utf16le", "utf32", "binary",
];
/// Character sets with collations whose equality `Folded` is known to contain (see `comparison_test.rs`).
const KNOWN: [&str; 11] = [
    "utf8mb4", "utf8mb3", "utf8", "ascii", "latin1", "gb18030", "ucs2", "utf16", "utf16le",
    "utf32", "uca1400",
];
/// Lithuanian takes "ch" for "c".
const UNLIKE_OTHERS: [&str; 2] = ["lithuanian", "_lt_"];

impl Comparison {
    /// All values are equal.
    pub(crate) const OPAQUE: Self = Self {
        how: How::Opaque,
        prefix: None,
    };

    /// How `target` compares what is written from `source`; `prefix` is the length of the key's part.
    pub(crate) fn new(source: &Column, target: &Column, prefix: Option<u32>) -> Self {
        Self {
            how: how(source, target),
            prefix: prefix.and_then(|prefix| usize::try_from(prefix).ok()),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_opaque(self) -> bool {
        self.how == How::Opaque
    }

    /// Whether some values can't be told from others.
    pub(crate) fn may_be_wild(self) -> bool {
        self.how == How::Folded
    }

    /// Appends what is kept of a value that is not NULL.
    pub(crate) fn keep(self, value: &Value, out: &mut Vec<u8>) -> Kept {
        match (self.how, value) {
            (How::Integer, Value::Int(number)) => {
                out.extend_from_slice(&i128::from(*number).to_le_bytes());
            }
            (How::Integer, Value::UInt(number)) => {
                out.extend_from_slice(&i128::from(*number).to_le_bytes());
            }
            (How::Float, Value::Float(number)) => keep_float(f64::from(*number), out),
            (How::Float, Value::Double(number)) => keep_float(*number, out),
            (How::Decimal, Value::Number(text)) => keep_decimal(text, out),
            (How::Decimal, Value::Int(number)) => keep_decimal(&number.to_string(), out),
            (How::Decimal, Value::UInt(number)) => keep_decimal(&number.to_string(), out),
            (How::Canonical, Value::Time(text) | Value::Text(text)) => {
                out.extend_from_slice(text.as_bytes());
            }
            (How::Bytes, Value::Bytes(bytes)) => {
                let bytes = match self.prefix {
                    Some(prefix) => bytes.get(..prefix).unwrap_or(bytes),
                    None => bytes,
                };
                let end = bytes.iter().rposition(|byte| *byte != 0);
                out.extend_from_slice(bytes.get(..end.map_or(0, |at| at + 1)).unwrap_or(bytes));
            }
            (How::Exact, Value::Text(text)) => {
                out.extend_from_slice(self.cut(text).trim_end_matches(' ').as_bytes());
            }
            (How::Folded, Value::Text(text)) => {
                let text = self.cut(text);
                if !text.is_ascii() {
                    return Kept::Wild;
                }
                out.extend(text.bytes().filter_map(folded));
            }
            // Another kind of value than the column's type says: forget it.
            _ => {}
        }
        Kept::Bytes
    }

    fn cut(self, text: &str) -> &str {
        let Some(prefix) = self.prefix else {
            return text;
        };
        let end = text.char_indices().nth(prefix).map(|(at, _)| at);
        end.and_then(|end| text.get(..end)).unwrap_or(text)
    }
}

fn how(source: &Column, target: &Column) -> How {
    use TypeKind::{
        Bit, Date, DateTime, Decimal, Double, Enum, Float, Inet4, Inet6, Set, Time, Timestamp,
        Uuid, Year,
    };
    let (from, to) = (source.ty.kind, target.ty.kind);
    let decimals = |column: &Column| column.ty.decimals.unwrap_or(0);
    let keeps_decimals = decimals(target) >= decimals(source);
    match (from, to) {
        _ if from.is_integer() && to.is_integer() => How::Integer,
        (Bit, Bit) | (Year, Year) | (Enum, Enum) | (Set, Set) => How::Integer,
        _ if (from.is_integer() || from == Decimal) && to == Decimal && keeps_decimals => {
            How::Decimal
        }
        // With digits after the point declared, values are rounded to them.
        (Float | Double, Double) | (Float, Float)
            if target.ty.decimals.is_none() || same_shape(source, target) =>
        {
            How::Float
        }
        (Date, Date) | (Uuid, Uuid) | (Inet4, Inet4) | (Inet6, Inet6) => How::Canonical,
        (Time, Time) | (DateTime | Timestamp, DateTime | Timestamp) if keeps_decimals => {
            How::Canonical
        }
        _ if is_bytes(from) && is_bytes(to) => How::Bytes,
        _ if from.is_text() && to.is_text() => text(target),
        _ => How::Opaque,
    }
}

fn text(target: &Column) -> How {
    let Some(collation) = target.ty.collation.as_deref() else {
        return How::Opaque;
    };
    let charset = collation.split('_').next().unwrap_or_default();
    if !KNOWN.contains(&charset) || UNLIKE_OTHERS.iter().any(|part| collation.contains(part)) {
        How::Opaque
    } else if collation.ends_with("_bin") && FAITHFUL.contains(&charset) {
        How::Exact
    } else {
        How::Folded
    }
}

fn same_shape(source: &Column, target: &Column) -> bool {
    (source.ty.kind, source.ty.length, source.ty.decimals)
        == (target.ty.kind, target.ty.length, target.ty.decimals)
}

fn is_bytes(kind: TypeKind) -> bool {
    use TypeKind::{Binary, Blob, LongBlob, MediumBlob, TinyBlob, VarBinary};
    matches!(
        kind,
        Binary | VarBinary | TinyBlob | Blob | MediumBlob | LongBlob
    )
}

/// What collations have in common with this ASCII character. Some ignore control characters, the roman ones take i for j and u for
/// v, the Swedish one v for w, the Lithuanian one i for y. Everything that is neither letter nor digit is left out.
fn folded(byte: u8) -> Option<u8> {
    match byte.to_ascii_lowercase() {
        b'j' | b'y' => Some(b'i'),
        b'u' | b'w' => Some(b'v'),
        byte if byte.is_ascii_alphanumeric() => Some(byte),
        _ => None,
    }
}

fn keep_float(number: f64, out: &mut Vec<u8>) {
    // Adding zero makes the negative zero positive.
    out.extend_from_slice(&(number + 0.0).to_bits().to_le_bytes());
}

fn keep_decimal(text: &str, out: &mut Vec<u8>) {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() && fraction.is_empty() {
        return;
    }
    for part in [sign, whole, ".", fraction] {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
#[path = "comparison_test.rs"]
mod tests;
