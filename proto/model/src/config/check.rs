//! Stub.
use super::{SourceConfig, TaskConfig};
use crate::error::DmError;
use serde_json::Value;
pub(super) fn source_id(_value: &Value) -> Result<(), DmError> {
    Ok(())
}
pub(super) fn source(_value: &SourceConfig) -> Result<(), DmError> {
    Ok(())
}
pub(super) fn task(_value: &TaskConfig) -> Result<(), DmError> {
    Ok(())
}
pub(super) fn required_task_keys(_value: &Value) -> Result<(), DmError> {
    Ok(())
}
