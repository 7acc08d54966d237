//! Stub.
use super::Parsed;
use crate::error::{DmError, codes};
use crate::keys::Key;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
pub(super) fn read(
    yaml: &str,
    what: &str,
    _keys: &'static [Key],
) -> Result<Parsed<Value>, DmError> {
    let value = serde_saphyr::from_str(yaml)
        .map_err(|e| DmError::new(&codes::CONFIG_YAML_TRANSFORM, format!("{what}: {e}")))?;
    Ok(Parsed {
        value,
        notices: Vec::new(),
    })
}
pub(super) fn into_struct<T: DeserializeOwned>(value: Value, what: &str) -> Result<T, DmError> {
    serde_json::from_value(value)
        .map_err(|e| DmError::new(&codes::CONFIG_YAML_TRANSFORM, format!("{what}: {e}")))
}
pub(super) fn to_yaml<T: Serialize>(value: &T) -> Result<String, DmError> {
    serde_saphyr::to_string(value)
        .map_err(|e| DmError::new(&codes::CONFIG_YAML_TRANSFORM, e.to_string()))
}
