//! Names that one part of a task uses for another.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Instance, TaskConfig};
use crate::error::{DmError, ErrorCode, codes};

/// Every name that is used is defined, and every definition is used.
pub(super) fn references(task: &TaskConfig) -> Result<(), DmError> {
    for instance in &task.mysql_instances {
        conflicts(instance)?;
        repeated(instance)?;
        task.subtask(&instance.source_id)?;
    }
    unused(task)
}

/// A block is named or written in place, not both.
fn conflicts(instance: &Instance) -> Result<(), DmError> {
    let conflict = |key: &str, code: &'static ErrorCode| {
        DmError::new(
            code,
            format!(
                "mysql-instances: source {}: both {key}-config-name and {key} are set",
                instance.source_id
            ),
        )
    };
    if !instance.mydumper_config_name.is_empty() && instance.mydumper.is_some() {
        return Err(conflict("mydumper", &codes::CONFIG_MYDUMPER_CFG_CONFLICT));
    }
    if !instance.loader_config_name.is_empty() && instance.loader.is_some() {
        return Err(conflict("loader", &codes::CONFIG_LOADER_CFG_CONFLICT));
    }
    if !instance.syncer_config_name.is_empty() && instance.syncer.is_some() {
        return Err(conflict("syncer", &codes::CONFIG_SYNCER_CFG_CONFLICT));
    }
    Ok(())
}

fn repeated(instance: &Instance) -> Result<(), DmError> {
    let lists = [
        ("route-rules", &instance.route_rules),
        ("filter-rules", &instance.filter_rules),
        ("expression-filters", &instance.expression_filters),
        ("column-mapping-rules", &instance.column_mapping_rules),
        ("mask-rules", &instance.mask_rules),
    ];
    for (key, names) in lists {
        let mut seen = BTreeSet::new();
        if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
            return Err(DmError::new(
                &codes::CONFIG_DUPLICATE_CFG_ITEM,
                format!(
                    "mysql-instances: source {}: {key} names {name:?} twice",
                    instance.source_id
                ),
            ));
        }
    }
    Ok(())
}

/// Lists all of them at once. Block-allow lists may stay unused, as in DM.
fn unused(task: &TaskConfig) -> Result<(), DmError> {
    let one = |name: fn(&Instance) -> &String| {
        let names = task.mysql_instances.iter().map(move |i| name(i).as_str());
        names.collect::<BTreeSet<&str>>()
    };
    let many = |names: fn(&Instance) -> &Vec<String>| {
        let names = task.mysql_instances.iter().flat_map(names);
        names.map(String::as_str).collect::<BTreeSet<&str>>()
    };
    let lists = [
        left_over("routes", &task.routes, &many(|i| &i.route_rules)),
        left_over("filters", &task.filters, &many(|i| &i.filter_rules)),
        left_over(
            "expression-filter",
            &task.expression_filter,
            &many(|i| &i.expression_filters),
        ),
        left_over(
            "column-mappings",
            &task.column_mappings,
            &many(|i| &i.column_mapping_rules),
        ),
        left_over("masks", &task.masks, &many(|i| &i.mask_rules)),
        left_over(
            "mydumpers",
            &task.mydumpers,
            &one(|i| &i.mydumper_config_name),
        ),
        left_over("loaders", &task.loaders, &one(|i| &i.loader_config_name)),
        left_over("syncers", &task.syncers, &one(|i| &i.syncer_config_name)),
        left_over(
            "validators",
            &task.validators,
            &one(|i| &i.validator_config_name),
        ),
    ];
    let lists: Vec<String> = lists.into_iter().flatten().collect();
    if lists.is_empty() {
        return Ok(());
    }
    Err(DmError::new(
        &codes::CONFIG_GLOBAL_CONFIGS_UNUSED,
        format!("no source uses these definitions: {}", lists.join("; ")),
    ))
}

fn left_over<T>(key: &str, defined: &BTreeMap<String, T>, used: &BTreeSet<&str>) -> Option<String> {
    let names: Vec<&str> = defined
        .keys()
        .map(String::as_str)
        .filter(|name| !used.contains(name))
        .collect();
    (!names.is_empty()).then(|| format!("{key}: {}", names.join(", ")))
}
