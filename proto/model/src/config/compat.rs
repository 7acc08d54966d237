//! Old and empty spellings → present ones, before values become structs.

use serde_json::{Map, Value};

const OLD_LIST: &str = "black-white-list";
const LIST: &str = "block-allow-list";

/// A source: an empty text stands for the default, and session variables are lower case.
pub(super) fn normalise_source(source: &mut Value) {
    let Value::Object(keys) = source else {
        return;
    };
    remove_if_empty(keys, "flavor");
    lower_session(keys, "from");
}

/// A task: the same, and what stands under old keys moves; a present key that is not empty wins.
pub(super) fn normalise_task(task: &mut Value) {
    let Value::Object(keys) = task else {
        return;
    };
    remove_if_empty(keys, "timezone");
    remove_if_empty(keys, "meta-schema");
    lower_session(keys, "target-database");
    move_key(keys, OLD_LIST, LIST);
    if let Some(Value::Array(instances)) = keys.get_mut("mysql-instances") {
        for instance in instances.iter_mut().filter_map(Value::as_object_mut) {
            move_key(instance, OLD_LIST, LIST);
        }
    }
    if let Some(Value::String(scheme)) = keys.remove("online-ddl-scheme")
        && !scheme.is_empty()
    {
        keys.insert("online-ddl".to_owned(), Value::Bool(true));
    }
}

fn move_key(keys: &mut Map<String, Value>, old: &str, new: &str) {
    let Some(value) = keys.remove(old) else {
        return;
    };
    if keys.get(new).is_none_or(is_empty) {
        keys.insert(new.to_owned(), value);
    }
}

fn remove_if_empty(keys: &mut Map<String, Value>, key: &str) {
    if keys.get(key).is_some_and(is_empty) {
        keys.remove(key);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    }
}

fn lower_session(keys: &mut Map<String, Value>, database: &str) {
    let session = keys
        .get_mut(database)
        .and_then(|database| database.get_mut("session"))
        .and_then(Value::as_object_mut);
    if let Some(session) = session {
        *session = std::mem::take(session)
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
    }
}
