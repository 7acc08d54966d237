//! Configurations as the leader sends them, with their passwords made readable.
//!
//! Decrypted configurations stay in memory: they are never logged and never sent back.

use dm_model::{DbConfig, DmError, Parsed, Secret, SecretKey, SourceConfig, TaskConfig};

/// The cluster's key; none when passwords are plain text.
pub(crate) fn key(bytes: &[u8]) -> Result<Option<SecretKey>, DmError> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        SecretKey::from_bytes(bytes).map(Some)
    }
}

/// A `source.yaml`, its password decrypted.
pub(crate) fn source(yaml: &str, key: Option<&SecretKey>) -> Result<Parsed<SourceConfig>, DmError> {
    let mut parsed = SourceConfig::parse(yaml)?;
    reveal(&mut parsed.value.from, key);
    Ok(parsed)
}

/// A `task.yaml`, its password decrypted.
pub(crate) fn task(yaml: &str, key: Option<&SecretKey>) -> Result<Parsed<TaskConfig>, DmError> {
    let mut parsed = TaskConfig::parse(yaml)?;
    reveal(&mut parsed.value.target_database, key);
    Ok(parsed)
}

fn reveal(config: &mut DbConfig, key: Option<&SecretKey>) {
    if let Some(key) = key {
        config.password = Secret::new(key.decrypt(config.password.expose()));
    }
}
