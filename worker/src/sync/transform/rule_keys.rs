//! The secrets of masks.

use std::collections::BTreeMap;

use dm_model::{
    DmError, codes,
    rules::{MaskKey, RuleSet, SecretPlace},
};

/// Longest secret that is read.
const SECRET_BYTES_MAX: u64 = 4_096;

/// The keys of a subtask's masks, by where they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleKeys {
    keys: BTreeMap<SecretPlace, MaskKey>,
}

impl RuleKeys {
    /// Reads them from this worker's files and environment.
    pub(crate) fn read(rules: &RuleSet) -> Result<Self, DmError> {
        let mut keys = BTreeMap::new();
        for place in rules.masks.secrets() {
            if keys.contains_key(&place) {
                continue;
            }
            let key = secret(&place)
                .and_then(|bytes| MaskKey::new(&bytes))
                .map_err(|problem| {
                    let message = match &place {
                        SecretPlace::File(path) => format!("masks: secret-file {path}: {problem}"),
                        SecretPlace::Env(name) => format!("masks: secret-env {name}: {problem}"),
                    };
                    DmError::new(&codes::CONFIG_MASK, message).with_workaround(
                        "put the same secret on every worker that may get the source",
                    )
                })?;
            keys.insert(place, key);
        }
        Ok(Self { keys })
    }

    pub(super) fn get(&self, place: &SecretPlace) -> Option<&MaskKey> {
        self.keys.get(place)
    }
}

fn secret(place: &SecretPlace) -> Result<Vec<u8>, String> {
    match place {
        SecretPlace::File(path) => {
            let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
            if !about.is_file() || about.len() > SECRET_BYTES_MAX {
                return Err(format!(
                    "it is not a file of at most {SECRET_BYTES_MAX} bytes"
                ));
            }
            let mut bytes = std::fs::read(path).map_err(|error| error.to_string())?;
            while matches!(bytes.last(), Some(b'\n' | b'\r')) {
                bytes.pop();
            }
            Ok(bytes)
        }
        SecretPlace::Env(name) => std::env::var_os(name)
            .map(std::os::unix::ffi::OsStringExt::into_vec)
            .ok_or_else(|| "it is not set".to_owned()),
    }
}
