//! Values in an expression.

use super::{DateTime, Decimal};

/// A value of a row, or of a part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// NULL.
    Null,
    /// Any integer type.
    Int(i128),
    /// DECIMAL.
    Decimal(Decimal),
    /// FLOAT and DOUBLE.
    Double(f64),
    /// Character data.
    Text(String),
    /// Binary data.
    Bytes(Vec<u8>),
    /// DATE, DATETIME and TIMESTAMP.
    DateTime(DateTime),
    /// TIME, in microseconds.
    Time(i64),
}

impl Datum {
    pub(super) fn truth(value: bool) -> Self {
        Self::Int(i128::from(value))
    }

    /// As a double: a text by what it begins with.
    pub(super) fn to_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Decimal(value) => Some(value.to_f64()),
            Self::Double(value) => Some(*value),
            Self::Text(text) => Some(leading_number(text)),
            _ => None,
        }
    }

    pub(super) fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Int(value) => Some(Decimal::whole(*value)),
            Self::Decimal(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether a condition holds; `None` for NULL and for what is no number.
    pub(super) fn is_true(&self) -> Option<bool> {
        match self {
            Self::Null => None,
            Self::Int(value) => Some(*value != 0),
            Self::Decimal(value) => Some(!value.is_zero()),
            other => other.to_f64().map(|value| value != 0.0),
        }
    }
}

/// `12.5e1abc` is 125, `abc` is 0.
fn leading_number(text: &str) -> f64 {
    let text = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let mut best = 0.0;
    // The longest beginning that is a number; such numbers are short.
    for (at, c) in text.char_indices() {
        if !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E')) {
            break;
        }
        let head = text.get(..at + c.len_utf8());
        if let Some(value) = head.and_then(|head| head.parse::<f64>().ok()) {
            best = value;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_numbers_by_what_they_begin_with() {
        for (text, value) in [
            ("12", 12.0),
            (" 12.5e1abc", 125.0),
            ("abc", 0.0),
            ("-3x", -3.0),
            ("1e", 1.0),
            ("1-2", 1.0),
            (".5", 0.5),
            ("inf", 0.0),
            ("", 0.0),
        ] {
            assert_eq!(leading_number(text), value, "{text:?}");
        }
    }
}
