//! Keys that must be there.

use serde_json::Value;

use crate::error::{DmError, ErrorCode, codes};
use crate::ids::SOURCE_ID_BYTES_MAX;

pub(in crate::config) fn required_source_keys(source: &Value) -> Result<(), DmError> {
    present(source, "source-id", "source", &codes::WORKER_NEED_SOURCE_ID)?;
    present(source, "from", "source", &codes::CONFIG_YAML_TRANSFORM)
        .map_err(|error| error.with_workaround("Set from with host, port, user and password."))
}

pub(in crate::config) fn required_task_keys(task: &Value) -> Result<(), DmError> {
    present(task, "name", "task", &codes::CONFIG_NEED_UNIQUE_TASK_NAME)?;
    present(task, "task-mode", "task", &codes::CONFIG_INVALID_TASK_MODE)?;
    present(
        task,
        "target-database",
        "task",
        &codes::CONFIG_NEED_TARGET_DB,
    )?;
    let code = &codes::CONFIG_MYSQL_INSTS_AT_LEAST_ONE;
    present(task, "mysql-instances", "task", code)?;
    let instances = task.get("mysql-instances").and_then(Value::as_array);
    for (index, instance) in instances.into_iter().flatten().enumerate() {
        source_id(instance, index)?;
    }
    Ok(())
}

fn present(block: &Value, key: &str, file: &str, code: &'static ErrorCode) -> Result<(), DmError> {
    let empty = match block.get(key) {
        None => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(entries)) => entries.is_empty(),
        Some(_) => false,
    };
    if empty {
        return Err(DmError::new(
            code,
            format!("{file} configuration: the key {key} is missing or empty"),
        ));
    }
    Ok(())
}

fn source_id(instance: &Value, index: usize) -> Result<(), DmError> {
    let text = instance.get("source-id").and_then(Value::as_str);
    match text.unwrap_or_default().len() {
        0 => Err(DmError::new(
            &codes::CONFIG_EMPTY_SOURCE_ID,
            format!("mysql-instances[{index}]: the key source-id is missing or empty"),
        )),
        1..=SOURCE_ID_BYTES_MAX => Ok(()),
        bytes => Err(DmError::new(
            &codes::CONFIG_TOO_LONG_SOURCE_ID,
            format!(
                "mysql-instances[{index}].source-id has {bytes} bytes; at most {SOURCE_ID_BYTES_MAX} are allowed"
            ),
        )),
    }
}
