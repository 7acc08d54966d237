//! Arguments that are files, or may be.

use std::{fs, path::Path};

use dm_model::{SourceConfig, TaskConfig};

use crate::CtlError;

/// Reads a configuration file that must be there.
pub fn read(path: &str) -> Result<String, CtlError> {
    fs::read_to_string(path)
        .map_err(|error| CtlError::message(format!("cannot read file {path}: {error}")))
}

/// Reads a task file and checks it as strictly as the master does, so that a typing error costs no round trip.
pub fn read_task(path: &str) -> Result<String, CtlError> {
    let text = read(path)?;
    TaskConfig::parse(&text).map_err(|error| CtlError::message(format!("{path}: {error}")))?;
    Ok(text)
}

/// As [`read_task`], for a source; only here is it known which of several files is wrong.
pub fn read_source(path: &str) -> Result<String, CtlError> {
    let text = read(path)?;
    SourceConfig::parse(&text).map_err(|error| CtlError::message(format!("{path}: {error}")))?;
    Ok(text)
}

/// The task that an argument names: the name inside a task file, or the argument itself.
pub fn task_name(argument: &str) -> String {
    let is_file = Path::new(argument)
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    let named = if is_file {
        fs::read_to_string(argument)
            .ok()
            .and_then(|text| name_inside(&text))
    } else {
        None
    };
    named.unwrap_or_else(|| argument.to_owned())
}

fn name_inside(text: &str) -> Option<String> {
    let parsed = TaskConfig::parse(text).ok()?;
    Some(parsed.value.name.to_string())
}
