//! Rules within the blocks for reading, loading and applying.

use crate::config::size::parse_size;
use crate::config::{MydumperConfig, SyncerConfig, TaskConfig};
use crate::error::{DmError, codes};

/// Flags of the dump program that choose what is copied.
const CHOOSING_FLAGS: &[&str] = &[
    "--database",
    "--tables-list",
    "--where",
    "--filter",
    "--snapshot",
];
/// Their short forms; a value may follow without a space.
const CHOOSING_SHORT: &[&str] = &["-B", "-T", "-f"];

pub(super) fn blocks(task: &TaskConfig) -> Result<(), DmError> {
    for (name, block) in &task.mydumpers {
        mydumper(&format!("mydumpers.{name}"), block)?;
    }
    for (name, block) in &task.syncers {
        syncer(&format!("syncers.{name}"), block, task)?;
    }
    for (name, block) in &task.validators {
        size(&format!("validators.{name}"), &block.max_pending_row_size)?;
    }
    for instance in &task.mysql_instances {
        let path = format!("mysql-instances: source {}", instance.source_id);
        if let Some(block) = &instance.mydumper {
            mydumper(&format!("{path}: mydumper"), block)?;
        }
        if let Some(block) = &instance.syncer {
            syncer(&format!("{path}: syncer"), block, task)?;
        }
    }
    Ok(())
}

fn mydumper(path: &str, block: &MydumperConfig) -> Result<(), DmError> {
    match block.chunk_bytes() {
        Ok(0) => Err("\"0\" leaves no room for a row".to_owned()),
        Ok(_) => Ok(()),
        Err(problem) => Err(problem),
    }
    .map_err(|problem| {
        DmError::new(
            &codes::CONFIG_INVALID_CHUNK_FILE_SIZE,
            format!("{path}.chunk-filesize: {problem}"),
        )
    })?;
    match choosing_flag(&block.extra_args) {
        None => Ok(()),
        Some(flag) => Err(DmError::new(
            &codes::NOT_YET_SUPPORTED,
            format!("{path}.extra-args: {flag} chooses what is copied, which the dump flags cannot do yet"),
        )
        .with_workaround("Choose tables with block-allow-list.")),
    }
}

/// Words may stand in quotes; a value follows its flag after a space or `=`.
fn choosing_flag(extra_args: &str) -> Option<&str> {
    extra_args
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']))
        .find_map(|word| {
            let name = word.split('=').next().unwrap_or(word);
            let long = CHOOSING_FLAGS.contains(&name);
            let short = CHOOSING_SHORT.iter().any(|flag| word.starts_with(flag));
            (long || short).then_some(name)
        })
}

fn syncer(path: &str, block: &SyncerConfig, task: &TaskConfig) -> Result<(), DmError> {
    if block.safe_mode && block.safe_mode_duration.is_zero() {
        return Err(DmError::new(
            &codes::CONFIG_CONFICT_SAFE_MODE_DURATION_AND_SAFE_MODE,
            format!("{path}: safe-mode is true and safe-mode-duration is 0"),
        ));
    }
    let checks_on = task
        .target_database
        .session
        .get("foreign_key_checks")
        .is_some_and(|v| {
            ["1", "on", "true"]
                .iter()
                .any(|on| v.eq_ignore_ascii_case(on))
        });
    if checks_on && (block.compact || block.multiple_rows) {
        return Err(DmError::new(
            &codes::CONFIG_UNSUPPORTED_FOREIGN_KEY_CHECKS_OPTION,
            format!("{path}: compact and multiple-rows cannot be used with foreign_key_checks=1"),
        ));
    }
    Ok(())
}

fn size(path: &str, text: &str) -> Result<(), DmError> {
    parse_size(text, 1).map(drop).map_err(|problem| {
        DmError::new(
            &codes::CONFIG_YAML_TRANSFORM,
            format!("{path}.max-pending-row-size: {problem}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_choose_are_found_in_every_spelling() {
        for args in [
            "-T a.b",
            "-Ta.b",
            "--where 'id>5'",
            "--no-locks \"--filter=x\"",
            "-B db",
            "-f '*.*'",
        ] {
            assert!(choosing_flag(args).is_some(), "{args}");
        }
        for args in [
            "",
            "-t 8 -F 64 -r 1000 -s 100 -W",
            "--consistency none --no-locks",
            "--threads=4",
        ] {
            assert_eq!(choosing_flag(args), None, "{args}");
        }
    }
}
