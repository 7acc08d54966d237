//! Tree → plain values, led by the key table.
//!
//! What comes out has only known keys with values of the right type, in the spelling that the
//! structs deserialise; so serde's own messages, which know no line, are never seen.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::yaml::{self, Body, Entry, Node, Place};
use super::{Parsed, scalar, suggest};
use crate::error::{DmError, ErrorCode, codes};
use crate::keys::{Key, Treatment, Ty};

/// Reads a text. `file` is what messages call it.
pub(super) fn read(
    text: &str,
    file: &'static str,
    keys: &'static [Key],
) -> Result<Parsed<Value>, DmError> {
    let mut reader = Reader {
        root: keys,
        notices: Vec::new(),
    };
    let value = yaml::parse(text)
        .and_then(|tree| reader.block(&tree, "", keys))
        .map_err(|error| error.annotate(format_args!("{file} configuration")))?;
    Ok(Parsed {
        value,
        notices: reader.notices,
    })
}

/// Plain values → struct.
pub(super) fn into_struct<T: DeserializeOwned>(value: Value, file: &str) -> Result<T, DmError> {
    serde_json::from_value(value).map_err(|error| {
        let text = error.to_string();
        DmError::parse(&text).unwrap_or_else(|| {
            DmError::new(
                &codes::CONFIG_YAML_TRANSFORM,
                format!("{file} configuration: {text}"),
            )
        })
    })
}

/// Struct → text.
pub(super) fn to_yaml<T: Serialize>(value: &T) -> Result<String, DmError> {
    serde_saphyr::to_string(value).map_err(|error| {
        DmError::new(
            &codes::CONFIG_YAML_TRANSFORM,
            "the configuration cannot be written as YAML",
        )
        .with_cause(error)
    })
}

struct Reader {
    root: &'static [Key],
    notices: Vec<String>,
}

impl Reader {
    fn block(&mut self, node: &Node, path: &str, keys: &'static [Key]) -> Result<Value, DmError> {
        let Body::Map(entries) = &node.body else {
            return Err(wrong_type(node, path, "a block of keys"));
        };
        let mut values = Map::new();
        for entry in entries {
            let Some(key) = keys.iter().find(|key| key.name == entry.key) else {
                return Err(self.unknown(entry, path, keys));
            };
            if entry.value.is_null() {
                continue;
            }
            let path = join(path, key.name);
            let value = self.value(&entry.value, &path, key.ty)?;
            self.treat(key, &value, entry.place, &path)?;
            if key.kept {
                values.insert(key.name.to_owned(), value);
            }
        }
        Ok(Value::Object(values))
    }

    fn value(&mut self, node: &Node, path: &str, ty: Ty) -> Result<Value, DmError> {
        match ty {
            Ty::Block(keys) => self.block(node, path, keys),
            Ty::BlockList(keys) => self.list(node, path, |reader, item, path| {
                reader.block(item, path, keys)
            }),
            Ty::TextList => self.list(node, path, |_, item, path| {
                scalar::read(item, path, Ty::Text)
            }),
            Ty::Bytes => self.list(node, path, |_, item, path| {
                scalar::read(item, path, Ty::Int(0, 255))
            }),
            Ty::NamedBlocks(keys) => self.map(node, path, |reader, item, path| {
                if item.is_null() {
                    return Ok(Value::Object(Map::new()));
                }
                reader.block(item, path, keys)
            }),
            Ty::TextMap => self.map(node, path, |_, item, path| {
                scalar::read(item, path, Ty::Text)
            }),
            Ty::Any => Ok(untyped(node)),
            Ty::Text
            | Ty::Secret
            | Ty::Bool
            | Ty::Int(..)
            | Ty::Duration
            | Ty::OneOf(..)
            | Ty::OneOfAnyCase(..) => scalar::read(node, path, ty),
        }
    }

    fn list(
        &mut self,
        node: &Node,
        path: &str,
        mut item: impl FnMut(&mut Self, &Node, &str) -> Result<Value, DmError>,
    ) -> Result<Value, DmError> {
        let Body::List(items) = &node.body else {
            return Err(wrong_type(node, path, "a list"));
        };
        items
            .iter()
            .enumerate()
            .map(|(index, node)| item(self, node, &format!("{path}[{index}]")))
            .collect()
    }

    fn map(
        &mut self,
        node: &Node,
        path: &str,
        mut item: impl FnMut(&mut Self, &Node, &str) -> Result<Value, DmError>,
    ) -> Result<Value, DmError> {
        let Body::Map(entries) = &node.body else {
            return Err(wrong_type(node, path, "a block of named entries"));
        };
        let mut values = Map::new();
        for entry in entries {
            let value = item(self, &entry.value, &join(path, &entry.key))?;
            values.insert(entry.key.clone(), value);
        }
        Ok(Value::Object(values))
    }

    /// Gives the notice or the refusal that the table says.
    fn treat(&mut self, key: &Key, value: &Value, place: Place, path: &str) -> Result<(), DmError> {
        if is_harmless(key, value) {
            return Ok(());
        }
        match key.treatment {
            Treatment::Honoured => Ok(()),
            Treatment::Mapped(text) | Treatment::Notice(text) => {
                self.notices
                    .push(format!("line {}: {path}: {text}", place.line));
                Ok(())
            }
            Treatment::Refused(why) => Err(DmError::new(
                refusal_code(key.name),
                format!("{place}: {path}: {why}"),
            )),
        }
    }

    fn unknown(&self, entry: &Entry, path: &str, keys: &'static [Key]) -> DmError {
        let hint = suggest::hint(&entry.key, keys, self.root);
        DmError::new(
            &codes::CONFIG_YAML_TRANSFORM,
            format!(
                "{}: {}: this key is not known; {hint}",
                entry.place,
                join(path, &entry.key)
            ),
        )
    }
}

/// DM has numbers for some of what is refused.
fn refusal_code(name: &str) -> &'static ErrorCode {
    match name {
        "task-mode" => &codes::CONFIG_INVALID_TASK_MODE,
        _ => &codes::NOT_YET_SUPPORTED,
    }
}

fn is_harmless(key: &Key, value: &Value) -> bool {
    match value {
        Value::Object(entries) => entries.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => {
            let any_case = matches!(key.ty, Ty::OneOfAnyCase(..));
            key.harmless
                .iter()
                .any(|harmless| harmless == text || any_case && harmless.eq_ignore_ascii_case(text))
        }
        other => key.harmless.contains(&other.to_string().as_str()),
    }
}

/// For keys whose content nobody reads: only emptiness matters.
fn untyped(node: &Node) -> Value {
    match &node.body {
        Body::Scalar { text, .. } => Value::String(text.clone()),
        Body::List(items) => items.iter().map(untyped).collect(),
        Body::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), untyped(&entry.value)))
            .collect(),
    }
}

pub(super) fn wrong_type(node: &Node, path: &str, expected: &str) -> DmError {
    let path = if path.is_empty() { "the file" } else { path };
    DmError::new(
        &codes::CONFIG_YAML_TRANSFORM,
        format!(
            "{}: {path}: expected {expected}, found {}",
            node.place,
            node.describe()
        ),
    )
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
#[path = "reader_test.rs"]
mod tests;
