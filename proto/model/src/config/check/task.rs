//! Rules of `task.yaml`.

use std::collections::BTreeSet;

use regex::Regex;

use super::{blocks, references};
use crate::config::{FilterAction, Instance, Named, TaskConfig, TaskMode};
use crate::error::{DmError, codes};
use crate::position::GtidSet;
use crate::rules::{BlockAllowList, ColumnMappings, EventFilter, ExpressionFilters, Masks, Router};

/// What servers allow for a schema's name.
const SCHEMA_CHARS_MAX: usize = 64;

/// Items of the pre-check that can be left out. `all` leaves out everything.
const CHECKING_ITEMS: &[&str] = &[
    "all",
    "version",
    "server_id",
    "binlog_enable",
    "binlog_format",
    "binlog_row_image",
    "binlog_db",
    "replication_privilege",
    "online_ddl",
    "dump_privilege",
    "meta_position",
    "conn_number",
    "target_privilege",
    "table_schema",
    "schema_of_shard_tables",
    "auto_increment_ID",
    "empty_region",
    "region_distribution",
    "downstream_version",
    "free_space",
    "downstream_mutex_features",
    "downstream_table_empty",
    "primary_key",
];

/// Checks a task; gives notices about what is allowed but may surprise.
pub(in crate::config) fn task(task: &TaskConfig) -> Result<Vec<String>, DmError> {
    checking_items(task)?;
    meta_schema(task)?;
    if task.target_database.host.is_empty() {
        return Err(DmError::new(
            &codes::CONFIG_NEED_TARGET_DB,
            "the key target-database.host is missing or empty",
        ));
    }
    online_ddl_rules("shadow-table-rules", &task.shadow_table_rules)?;
    online_ddl_rules("trash-table-rules", &task.trash_table_rules)?;
    let mut notices = rules(task)?;
    instances(task, &mut notices)?;
    references::references(task)?;
    blocks::blocks(task)?;
    Ok(notices)
}

fn checking_items(task: &TaskConfig) -> Result<(), DmError> {
    let unknown = task
        .ignore_checking_items
        .iter()
        .find(|item| !CHECKING_ITEMS.contains(&item.as_str()));
    match unknown {
        None => Ok(()),
        Some(item) => Err(DmError::new(
            &codes::CONFIG_CHECK_ITEM_NOT_SUPPORT,
            format!(
                "ignore-checking-items: {item:?} is not known; known are {}",
                CHECKING_ITEMS.join(", ")
            ),
        )),
    }
}

fn meta_schema(task: &TaskConfig) -> Result<(), DmError> {
    let name = &task.meta_schema;
    let fits = (1..=SCHEMA_CHARS_MAX).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) && !name.ends_with(' ') {
        return Ok(());
    }
    Err(DmError::new(
        &codes::CONFIG_YAML_TRANSFORM,
        format!("meta-schema: {name:?} cannot be the name of a schema"),
    ))
}

fn online_ddl_rules(key: &str, rules: &[String]) -> Result<(), DmError> {
    for rule in rules {
        let problem = match Regex::new(rule) {
            // Group 0 is the whole match.
            Ok(regex) if regex.captures_len() == 2 => continue,
            Ok(regex) => format!(
                "has {} capture groups instead of one",
                regex.captures_len().saturating_sub(1)
            ),
            Err(error) => format!("is not a regular expression: {error}"),
        };
        return Err(DmError::new(
            &codes::CONFIG_ONLINE_DDL_INVALID_REGEX,
            format!("{key}: {rule:?} {problem}"),
        ));
    }
    Ok(())
}

/// Compiles all rules, also those that no source uses.
fn rules(task: &TaskConfig) -> Result<Vec<String>, DmError> {
    let case = task.case_sensitive;
    let mut notices = Vec::new();
    for (name, rule) in &task.block_allow_list {
        BlockAllowList::new(rule, case)
            .map_err(|error| error.annotate(format_args!("block-allow-list {name}")))?;
    }
    for (name, rule) in &task.routes {
        Router::new(&[Named::new(name, rule.clone())], case)?;
        if rule.table_pattern.is_empty() && !rule.target_table.is_empty() {
            notices.push(format!(
                "routes.{name}.target-table: has no effect without table-pattern"
            ));
        }
    }
    for (name, rule) in &task.filters {
        EventFilter::new(&[Named::new(name, rule.clone())], case)?;
        if rule.action == Some(FilterAction::Do) && rule.events.is_empty() {
            notices.push(format!(
                "filters.{name}: a Do rule without events ignores every row and every statement that has a name of its own"
            ));
        }
    }
    for (name, rule) in &task.expression_filter {
        ExpressionFilters::new(&[Named::new(name, rule.clone())], case)?;
    }
    for (name, rule) in &task.column_mappings {
        ColumnMappings::new(&[Named::new(name, rule.clone())], case)?;
    }
    for (name, rule) in &task.masks {
        Masks::new(&[Named::new(name, rule.clone())], case)?;
    }
    Ok(notices)
}

fn instances(task: &TaskConfig, notices: &mut Vec<String>) -> Result<(), DmError> {
    let mut seen = BTreeSet::new();
    for instance in &task.mysql_instances {
        if !seen.insert(&instance.source_id) {
            return Err(DmError::new(
                &codes::CONFIG_MYSQL_INST_SAME_SOURCE_ID,
                format!(
                    "mysql-instances: source {} stands there twice",
                    instance.source_id
                ),
            ));
        }
        meta(task, instance, notices)?;
    }
    Ok(())
}

fn meta(task: &TaskConfig, instance: &Instance, notices: &mut Vec<String>) -> Result<(), DmError> {
    let source = &instance.source_id;
    let Some(meta) = &instance.meta else {
        if task.task_mode == TaskMode::Incremental {
            notices.push(format!(
                "mysql-instances: source {source} has no meta: without --start-time the task starts at the source's present position"
            ));
        }
        return Ok(());
    };
    if meta.binlog_name.is_empty() && meta.binlog_gtid.is_empty() {
        return Err(DmError::new(
            &codes::CONFIG_META_INVALID,
            format!(
                "mysql-instances: source {source}: meta has neither binlog-name nor binlog-gtid"
            ),
        ));
    }
    GtidSet::parse(&meta.binlog_gtid).map_err(|error| {
        error.annotate(format_args!(
            "mysql-instances: source {source}: meta.binlog-gtid"
        ))
    })?;
    if task.task_mode != TaskMode::Incremental {
        notices.push(format!(
            "mysql-instances: source {source}: meta is used by task-mode incremental only"
        ));
    }
    Ok(())
}
