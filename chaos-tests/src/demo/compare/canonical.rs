//! One byte form per value, whatever server it came from.
//!
//! Integers are numbers of any width, floats are their bits, decimals and strings the bytes of their text, dates and
//! times their fields (the session's zone is UTC). JSON is parsed, and its objects sorted. Each value starts with a
//! tag and variable ones carry their length, so no two rows share a form.

use mysql_async::Value;
use serde_json::Value as Json;

pub(super) fn append(row: &mut Vec<u8>, value: &Value, is_json: bool) {
    match value {
        Value::NULL => row.push(0),
        Value::Int(number) => integer(row, i128::from(*number)),
        Value::UInt(number) => integer(row, i128::from(*number)),
        Value::Float(number) => {
            row.push(2);
            row.extend(number.to_bits().to_be_bytes());
        }
        Value::Double(number) => {
            row.push(3);
            row.extend(number.to_bits().to_be_bytes());
        }
        Value::Bytes(bytes) => match parse_json(bytes, is_json) {
            Some(parsed) => json(row, &parsed),
            None => tagged(row, 4, bytes),
        },
        Value::Date(year, month, day, hour, minute, second, micros) => {
            row.push(5);
            row.extend(year.to_be_bytes());
            row.extend([*month, *day, *hour, *minute, *second]);
            row.extend(micros.to_be_bytes());
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            row.extend([6, u8::from(*negative)]);
            row.extend(days.to_be_bytes());
            row.extend([*hours, *minutes, *seconds]);
            row.extend(micros.to_be_bytes());
        }
    }
}

fn integer(row: &mut Vec<u8>, number: i128) {
    row.push(1);
    row.extend(number.to_be_bytes());
}

fn tagged(row: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    row.push(tag);
    row.extend((bytes.len() as u64).to_be_bytes());
    row.extend(bytes);
}

fn parse_json(bytes: &[u8], is_json: bool) -> Option<Json> {
    if is_json {
        serde_json::from_slice(bytes).ok()
    } else {
        None
    }
}

fn json(row: &mut Vec<u8>, value: &Json) {
    match value {
        Json::Null => row.push(10),
        Json::Bool(value) => row.extend([11, u8::from(*value)]),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => integer(row, i128::from(number)),
            (_, Some(number), _) => integer(row, i128::from(number)),
            (_, _, number) => {
                row.push(3);
                row.extend(number.unwrap_or(f64::NAN).to_bits().to_be_bytes());
            }
        },
        Json::String(text) => tagged(row, 12, text.as_bytes()),
        Json::Array(list) => {
            row.push(13);
            row.extend((list.len() as u64).to_be_bytes());
            list.iter().for_each(|inner| json(row, inner));
        }
        Json::Object(map) => {
            row.push(14);
            row.extend((map.len() as u64).to_be_bytes());
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            for (name, inner) in entries {
                tagged(row, 12, name.as_bytes());
                json(row, inner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(value: Value, is_json: bool) -> Vec<u8> {
        let mut row = Vec::new();
        append(&mut row, &value, is_json);
        row
    }

    #[test]
    fn what_is_equal_looks_equal() {
        assert_eq!(form(Value::Int(7), false), form(Value::UInt(7), false));
        let (spaced, dense) = (r#"{"b": 1, "a": [1, 2]}"#, r#"{"a":[1,2],"b":1}"#);
        assert_eq!(
            form(Value::Bytes(spaced.into()), true),
            form(Value::Bytes(dense.into()), true)
        );
    }

    #[test]
    fn what_differs_looks_different() {
        assert_ne!(
            form(Value::Float(0.0), false),
            form(Value::Float(-0.0), false)
        );
        assert_ne!(
            form(Value::Bytes("1.0".into()), false),
            form(Value::Bytes("1.00".into()), false)
        );
        assert_ne!(
            form(Value::Bytes("".into()), false),
            form(Value::NULL, false)
        );
        assert_ne!(
            form(Value::Bytes("[1]".into()), true),
            form(Value::Bytes("[1.0]".into()), true)
        );
        assert_ne!(
            form(Value::Bytes("null".into()), true),
            form(Value::NULL, true)
        );
    }
}
