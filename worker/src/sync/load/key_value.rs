//! Values of key columns: compared as the source compares them, where we can (R7), and handed back to it. Pure.

use std::cmp::Ordering;

use dm_ddl::{Table, TypeKind};
use mysql_async::Value as Raw;
use serde::{Deserialize, Serialize};

use crate::sync::{
    transform::{Charset, TablePlan},
    value::Value,
};

/// A value of one key column. Never NULL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyValue {
    Int(i128),
    Bytes(Vec<u8>),
    /// Text, or a printed date.
    Text(String),
}

/// The values of a key, in its order.
pub(crate) type Key = Vec<KeyValue>;

impl KeyValue {
    fn new(value: &Value) -> Option<Self> {
        match value {
            Value::Int(value) => Some(Self::Int(i128::from(*value))),
            Value::UInt(value) => Some(Self::Int(i128::from(*value))),
            Value::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Value::Text(text) | Value::Time(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }

    /// As a parameter of a statement.
    pub(crate) fn to_raw(&self) -> Raw {
        match self {
            Self::Int(value) => i64::try_from(*value).map_or_else(
                |_| u64::try_from(*value).map_or(Raw::NULL, Raw::UInt),
                Raw::Int,
            ),
            Self::Bytes(bytes) => Raw::Bytes(bytes.clone()),
            Self::Text(text) => Raw::Bytes(text.as_bytes().to_vec()),
        }
    }
}

impl std::fmt::Display for KeyValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Bytes(bytes) => {
                write!(f, "0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// A key for people.
pub(crate) fn shown(key: &[KeyValue]) -> String {
    let parts: Vec<String> = key.iter().map(ToString::to_string).collect();
    format!("({})", parts.join(", "))
}

/// How a table's key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyUse {
    /// There is none that comes back to the server as it compared it: one stream.
    None,
    /// Ranges can be read, but only the server can compare.
    Ranges,
    /// We compare exactly as the source does: finished ranges survive a crash (R7).
    Compared,
}

/// What the key of a plan is good for.
pub(crate) fn key_use(plan: &TablePlan, structure: &Table) -> KeyUse {
    use TypeKind::{
        BigInt, Binary, Char, Date, DateTime, Int, MediumInt, SmallInt, Timestamp, TinyInt,
        VarBinary, VarChar,
    };
    if plan.key.is_empty() {
        return KeyUse::None;
    }
    let mut found = KeyUse::Compared;
    for index in &plan.key {
        let Some(column) = plan.columns.get(*index) else {
            return KeyUse::None;
        };
        let ty = &column.column.ty;
        match ty.kind {
            TinyInt | SmallInt | MediumInt | Int | BigInt | Binary | VarBinary => {}
            Date | DateTime | Timestamp => found = KeyUse::Ranges,
            Char | VarChar if column.charset == Charset::Utf8 => {
                let collation = ty.collation.as_ref().or(structure.collation.as_ref());
                if !collation.is_some_and(|name| pads_or_binary(name)) {
                    found = KeyUse::Ranges;
                }
            }
            // DECIMAL travels as text, which servers compare with it as a double.
            _ => return KeyUse::None,
        }
    }
    // Changes are judged by what the rules have made of their keys, ranges by the source's keys.
    if plan.rules.is_some() && found == KeyUse::Compared {
        found = KeyUse::Ranges;
    }
    found
}

/// Collations under which code points, padded by spaces, decide.
fn pads_or_binary(collation: &str) -> bool {
    ["utf8mb4_bin", "utf8mb3_bin", "utf8_bin", "ascii_bin"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(collation))
}

/// The key of a row, its values in the order of the plan's columns.
pub(crate) fn key_of(row: &[Value], plan: &TablePlan) -> Option<Key> {
    plan.key
        .iter()
        .map(|index| row.get(*index).and_then(KeyValue::new))
        .collect()
}

/// Compares two keys for which [`KeyUse::Compared`] holds, as the source does.
pub(crate) fn compare(left: &[KeyValue], right: &[KeyValue]) -> Ordering {
    for (left, right) in left.iter().zip(right) {
        let order = match (left, right) {
            (KeyValue::Int(left), KeyValue::Int(right)) => left.cmp(right),
            (KeyValue::Bytes(left), KeyValue::Bytes(right)) => left.cmp(right),
            (KeyValue::Text(left), KeyValue::Text(right)) => padded(left, right),
            // Of one column all are of one kind.
            _ => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// PAD SPACE: the shorter text is compared as if spaces followed. UTF-8 orders as its code points do.
fn padded(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.bytes(), right.bytes());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (left, right) => {
                let order = left.unwrap_or(b' ').cmp(&right.unwrap_or(b' '));
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<KeyValue> {
        vec![KeyValue::Text(text.to_owned())]
    }

    #[test]
    fn r07_text_is_compared_padded_by_spaces() {
        assert_eq!(compare(&text("a"), &text("a ")), Ordering::Equal);
        assert_eq!(compare(&text("a\t"), &text("a")), Ordering::Less);
        assert_eq!(compare(&text("a"), &text("a!")), Ordering::Less);
        assert_eq!(compare(&text("Z"), &text("a")), Ordering::Less);
        assert_eq!(compare(&text("\u{ffff}"), &text("😀")), Ordering::Less);
    }

    #[test]
    fn r07_numbers_are_compared_over_both_signs() {
        let key = |first, second| vec![KeyValue::Int(first), KeyValue::Int(second)];
        assert_eq!(compare(&key(-1, 9), &key(0, 0)), Ordering::Less);
        assert_eq!(
            compare(&key(i128::from(u64::MAX), 0), &key(1, 0)),
            Ordering::Greater
        );
        assert_eq!(compare(&key(1, 2), &key(1, 2)), Ordering::Equal);
    }

    #[test]
    fn keys_go_back_to_the_server_as_they_came() {
        assert_eq!(
            KeyValue::Int(i128::from(u64::MAX)).to_raw(),
            Raw::UInt(u64::MAX)
        );
        assert_eq!(KeyValue::Int(-5).to_raw(), Raw::Int(-5));
    }
}
