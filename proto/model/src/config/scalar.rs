//! Single values, with the freedoms that DM's YAML reader allows.

use serde_json::Value;

use super::parse_duration;
use super::reader::wrong_type;
use super::yaml::{Body, Node};
use crate::error::{DmError, ErrorCode, codes};
use crate::keys::Ty;

/// Longest value quoted in a message.
const SHOWN_CHARS_MAX: usize = 60;

/// Reads a value of one of the single-value types.
pub(super) fn read(node: &Node, path: &str, ty: Ty) -> Result<Value, DmError> {
    let Body::Scalar { text, .. } = &node.body else {
        return Err(wrong_type(node, path, &expected(ty)));
    };
    let value = match ty {
        Ty::Bool => boolean(text).map(Value::Bool),
        Ty::Int(min, max) => integer(text)
            .filter(|number| (i128::from(min)..=i128::from(max)).contains(number))
            .and_then(|number| i64::try_from(number).ok())
            .map(Value::from),
        Ty::Duration => {
            return match parse_duration(text) {
                Ok(_) => Ok(Value::String(text.trim().to_owned())),
                Err(problem) => Err(error(node, path, &problem, &codes::CONFIG_YAML_TRANSFORM)),
            };
        }
        Ty::OneOf(words, code) => return one_of(node, path, text, words, code, false),
        Ty::OneOfAnyCase(words, code) => return one_of(node, path, text, words, code, true),
        _ if node.is_null() => Some(Value::String(String::new())),
        _ => Some(Value::String(text.clone())),
    };
    value.ok_or_else(|| {
        let problem = format!("expected {}, found {}", expected(ty), shown(text));
        error(node, path, &problem, &codes::CONFIG_YAML_TRANSFORM)
    })
}

fn one_of(
    node: &Node,
    path: &str,
    text: &str,
    words: &[&str],
    code: &'static ErrorCode,
    any_case: bool,
) -> Result<Value, DmError> {
    let word = words
        .iter()
        .find(|word| **word == text || any_case && word.eq_ignore_ascii_case(text));
    match word {
        Some(word) => Ok(Value::String((*word).to_owned())),
        None => {
            let problem = format!("expected {}, found {}", choices(words), shown(text));
            Err(error(node, path, &problem, code))
        }
    }
}

/// YAML 1.1's words, which Go's reader accepts.
fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// Decimal, `0x`, `0o`, `0b`, and a leading zero for octal; `_` between digits.
fn integer(text: &str) -> Option<i128> {
    let text = text.trim().replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = if let Some(rest) = lower.strip_prefix("0x") {
        (rest, 16)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (rest, 8)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (rest, 2)
    } else if let Some(rest) = lower.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        (rest, 8)
    } else {
        (lower.as_str(), 10)
    };
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    i128::from_str_radix(digits, radix).ok()?.checked_mul(sign)
}

/// What a type wants, for messages and for the documentation.
pub(crate) fn expected(ty: Ty) -> String {
    match ty {
        Ty::Text | Ty::Secret => "a text".to_owned(),
        Ty::Bool => "true or false".to_owned(),
        Ty::Int(min, i64::MAX) => format!("a whole number, {min} or more"),
        Ty::Int(min, max) => format!("a whole number from {min} to {max}"),
        Ty::Duration => "a duration such as 30s".to_owned(),
        Ty::OneOf(words, _) | Ty::OneOfAnyCase(words, _) => choices(words),
        Ty::TextList | Ty::Bytes | Ty::BlockList(_) => "a list".to_owned(),
        Ty::TextMap | Ty::NamedBlocks(_) | Ty::Block(_) | Ty::Any => "a block of keys".to_owned(),
    }
}

fn choices(words: &[&str]) -> String {
    let words: Vec<&str> = words.iter().copied().filter(|w| !w.is_empty()).collect();
    words.join(" or ")
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

fn error(node: &Node, path: &str, problem: &str, code: &'static ErrorCode) -> DmError {
    DmError::new(code, format!("{}: {path}: {problem}", node.place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_go_reads_them() {
        let cases = [
            ("12", Some(12)),
            ("1_000", Some(1000)),
            ("0x1F", Some(31)),
            ("010", Some(8)),
            ("0", Some(0)),
            ("-5", Some(-5)),
            ("+5", Some(5)),
            ("", None),
            ("1.5", None),
            ("--5", None),
            ("0x-5", None),
            ("09", None),
        ];
        for (text, number) in cases {
            assert_eq!(integer(text), number, "{text}");
        }
    }
}
