//! The plain encoder: how DM prints what is no protobuf message. As Go's `MarshalIndent` with four spaces.

use dm_proto::json;
use serde_json::Value;

/// Renders a value, without a final newline. Members keep the order in which they were put in.
pub fn plain(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::String(text) => out.push_str(&json::quote(text)),
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().map(|item| (None, item));
            write_members(out, ('[', ']'), items, depth);
        }
        Value::Object(members) if !members.is_empty() => {
            let members = members
                .iter()
                .map(|(key, value)| (Some(key.as_str()), value));
            write_members(out, ('{', '}'), members, depth);
        }
        simple => out.push_str(&simple.to_string()),
    }
}

fn write_members<'a>(
    out: &mut String,
    (open, close): (char, char),
    members: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
    depth: usize,
) {
    out.push(open);
    for (index, (key, value)) in members.enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&"    ".repeat(depth + 1));
        if let Some(key) = key {
            out.push_str(&json::quote(key));
            out.push_str(": ");
        }
        write(out, value, depth + 1);
    }
    out.push('\n');
    out.push_str(&"    ".repeat(depth));
    out.push(close);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn empty_lists_stay_on_one_line() {
        let value = json!({"result": true, "msg": "<", "tasks": [], "one": [{"a": 1}]});
        let expected = "{\n    \"result\": true,\n    \"msg\": \"\\u003c\",\n    \"tasks\": [],\n    \"one\": [\n        {\n            \"a\": 1\n        }\n    ]\n}";
        assert_eq!(plain(&value), expected);
    }
}
