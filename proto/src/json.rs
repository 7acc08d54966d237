//! DM's JSON spelling of `pb` messages: what scripts read from `dmctl`.
//!
//! Four spaces of indentation; fields in declaration order under their JSON names; defaults written; 64-bit integers quoted;
//! enums by name; bytes in base64 or `null`; an unset message is `null`, an unset oneof member is absent; an empty list takes two
//! lines; strings are escaped as Go does it. The messages are walked by their descriptors, so a new field needs no code here.

use std::{fmt::Write as _, sync::OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost::{Message, Name};
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey,
    ReflectMessage as _, Value,
};

#[cfg(test)]
mod json_test;

const INDENT: &str = "    ";

/// Renders a message of the public contract, without a final newline.
pub fn render<M: Message + Name>(message: &M) -> String {
    // Both lookups read what the build wrote; `json_test` renders every message type once.
    let descriptor = pool().get_message_by_name(&M::full_name());
    let dynamic = descriptor
        .and_then(|found| DynamicMessage::decode(found, message.encode_to_vec().as_slice()).ok());
    let mut out = String::new();
    match dynamic {
        Some(dynamic) => write_message(&mut out, &dynamic, 0),
        None => out.push_str("null"),
    }
    out
}

/// A string as a JSON literal with Go's escapes: also `<`, `>`, `&`, U+2028 and U+2029.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    out
}

/// A floating point number as Go's JSON writes it: shortest digits, an exponent only when very large or small.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    if !value.is_finite() {
        return "null".to_owned();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
        DescriptorPool::decode(bytes.as_slice()).unwrap_or_default()
    })
}

/// Fields as written in the `.proto` file; the descriptor itself lists them by number.
fn declared_fields(message: &DynamicMessage) -> Vec<FieldDescriptor> {
    let descriptor = message.descriptor();
    let numbers = descriptor
        .descriptor_proto()
        .field
        .iter()
        .map(|field| field.number().unsigned_abs());
    numbers
        .filter_map(|number| descriptor.get_field(number))
        .collect()
}

fn write_message(out: &mut String, message: &DynamicMessage, depth: usize) {
    out.push('{');
    let mut first = true;
    for field in declared_fields(message) {
        if field.containing_oneof().is_some() && !message.has_field(&field) {
            continue;
        }
        start_item(out, &mut first, depth);
        write_string(out, field.json_name());
        out.push_str(": ");
        write_field(out, message, &field, depth + 1);
    }
    line(out, depth);
    out.push('}');
}

fn write_field(out: &mut String, message: &DynamicMessage, field: &FieldDescriptor, depth: usize) {
    let unset_message =
        matches!(field.kind(), Kind::Message(_)) && !field.is_list() && !field.is_map();
    if unset_message && !message.has_field(field) {
        out.push_str("null");
        return;
    }
    write_value(out, &message.get_field(field), &field.kind(), depth);
}

fn write_value(out: &mut String, value: &Value, kind: &Kind, depth: usize) {
    match value {
        Value::Bool(value) => push(out, value),
        Value::I32(value) => push(out, value),
        Value::U32(value) => push(out, value),
        Value::I64(value) => push(out, format_args!("\"{value}\"")),
        Value::U64(value) => push(out, format_args!("\"{value}\"")),
        Value::F32(value) => out.push_str(&number(f64::from(*value))),
        Value::F64(value) => out.push_str(&number(*value)),
        Value::String(text) => write_string(out, text),
        Value::Bytes(bytes) if bytes.is_empty() => out.push_str("null"),
        Value::Bytes(bytes) => push(out, format_args!("\"{}\"", STANDARD.encode(bytes))),
        Value::EnumNumber(number) => write_enum(out, kind.as_enum(), *number),
        Value::Message(message) => write_message(out, message, depth),
        Value::List(items) => write_list(out, items, kind, depth),
        Value::Map(entries) => {
            let mut sorted: Vec<(String, &Value)> = entries
                .iter()
                .map(|(key, value)| (map_key(key), value))
                .collect();
            sorted.sort_by(|left, right| left.0.cmp(&right.0));
            write_map(out, &sorted, kind, depth);
        }
    }
}

fn write_list(out: &mut String, items: &[Value], kind: &Kind, depth: usize) {
    out.push('[');
    let mut first = true;
    for item in items {
        start_item(out, &mut first, depth);
        write_value(out, item, kind, depth + 1);
    }
    line(out, depth);
    out.push(']');
}

fn write_map(out: &mut String, entries: &[(String, &Value)], kind: &Kind, depth: usize) {
    let value_kind = kind
        .as_message()
        .map(|entry| entry.map_entry_value_field().kind());
    out.push('{');
    let mut first = true;
    for (key, value) in entries {
        start_item(out, &mut first, depth);
        write_string(out, key);
        out.push_str(": ");
        write_value(out, value, value_kind.as_ref().unwrap_or(kind), depth + 1);
    }
    line(out, depth);
    out.push('}');
}

fn map_key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
        MapKey::String(value) => value.clone(),
    }
}

/// A number that this program does not know yet stays a number.
fn write_enum(out: &mut String, descriptor: Option<&EnumDescriptor>, number: i32) {
    match descriptor.and_then(|descriptor| descriptor.get_value(number)) {
        Some(value) => write_string(out, value.name()),
        None => push(out, number),
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                push(out, format_args!("\\u{:04x}", u32::from(character)));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

fn start_item(out: &mut String, first: &mut bool, depth: usize) {
    if !*first {
        out.push(',');
    }
    *first = false;
    line(out, depth + 1);
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str(INDENT);
    }
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    // Writing into a String cannot fail.
    let _ = write!(out, "{value}");
}
