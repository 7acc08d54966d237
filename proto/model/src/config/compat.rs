//! Stub.
use crate::error::DmError;
use serde_json::Value;
pub(super) fn move_old_keys(_value: &mut Value) -> Result<(), DmError> {
    Ok(())
}
