//! One source's share of a task.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    BlockAllowRule, CollationCompatible, ColumnMappingRule, DbConfig, ExpressionRule, FilterRule,
    Instance, LoaderConfig, MaskRule, Meta, MydumperConfig, Named, OnError, OnRowMismatch,
    RouteRule, SourceConfig, SyncerConfig, TaskConfig, TaskMode, Timezone, ValidatorConfig,
};
use crate::error::{DmError, ErrorCode, codes};
use crate::ids::{SourceId, TaskName};
use crate::rules::RuleSet;

/// What one worker runs for one source of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtaskConfig {
    /// The task.
    pub task: TaskName,
    /// The source.
    pub source_id: SourceId,
    /// What it does.
    pub mode: TaskMode,
    /// Where an incremental task starts.
    pub meta: Option<Meta>,
    /// Schema of our tables in the target.
    pub meta_schema: String,
    /// Session time zone on both sides.
    pub timezone: Option<Timezone>,
    /// The task's setting; the source's can switch it on too.
    pub case_sensitive: bool,
    /// What happens to collations the target does not have.
    pub collation_compatible: CollationCompatible,
    /// Recognise gh-ost and pt-osc.
    pub online_ddl: bool,
    /// Pre-check items that are left out.
    pub ignore_checking_items: Vec<String>,
    /// What an error of one table does to the others.
    pub on_error: OnError,
    /// What happens when the target has not the row that a change needs.
    pub on_row_mismatch: OnRowMismatch,
    /// Transactions become visible in upstream order.
    pub preserve_order: bool,
    /// Where rows go.
    pub target: DbConfig,
    /// Which tables take part.
    pub block_allow_list: BlockAllowRule,
    /// What they are called in the target.
    pub routes: Vec<Named<RouteRule>>,
    /// Which events take part; those of the source come last.
    pub filters: Vec<Named<FilterRule>>,
    /// Which rows take part.
    pub expressions: Vec<Named<ExpressionRule>>,
    /// What becomes of column values.
    pub mappings: Vec<Named<ColumnMappingRule>>,
    /// Which values are hidden.
    pub masks: Vec<Named<MaskRule>>,
    /// How existing rows are read.
    pub mydumper: MydumperConfig,
    /// How existing rows are written.
    pub loader: LoaderConfig,
    /// How changes are written.
    pub syncer: SyncerConfig,
    /// How the target is compared.
    pub validator: ValidatorConfig,
}

impl SubtaskConfig {
    /// Compiles all rules for a source's tables.
    pub fn rules(&self, source: &SourceConfig) -> Result<RuleSet, DmError> {
        RuleSet::new(self, source)
    }
}

pub(super) fn resolve(task: &TaskConfig, source: &SourceId) -> Result<SubtaskConfig, DmError> {
    let instance = task
        .mysql_instances
        .iter()
        .find(|instance| instance.source_id == *source)
        .ok_or_else(|| {
            DmError::new(
                &codes::CONFIG_MYSQL_INST_NOT_FOUND,
                format!(
                    "task {} has no source {source} in mysql-instances",
                    task.name
                ),
            )
        })?;
    Ok(SubtaskConfig {
        task: task.name.clone(),
        source_id: source.clone(),
        mode: task.task_mode,
        meta: instance.meta.clone(),
        meta_schema: task.meta_schema.clone(),
        timezone: task.timezone.clone(),
        case_sensitive: task.case_sensitive,
        collation_compatible: task.collation_compatible,
        online_ddl: task.online_ddl,
        ignore_checking_items: task.ignore_checking_items.clone(),
        on_error: task.on_error,
        on_row_mismatch: task.on_row_mismatch,
        preserve_order: task.preserve_order,
        target: task.target_database.clone(),
        block_allow_list: block_allow_list(task, instance)?,
        routes: named_rules(
            instance,
            "route-rules",
            &instance.route_rules,
            &task.routes,
            &codes::CONFIG_ROUTE_RULE_NOT_FOUND,
        )?,
        filters: named_rules(
            instance,
            "filter-rules",
            &instance.filter_rules,
            &task.filters,
            &codes::CONFIG_FILTER_RULE_NOT_FOUND,
        )?,
        expressions: named_rules(
            instance,
            "expression-filters",
            &instance.expression_filters,
            &task.expression_filter,
            &codes::CONFIG_EXPR_FILTER_NOT_FOUND,
        )?,
        mappings: named_rules(
            instance,
            "column-mapping-rules",
            &instance.column_mapping_rules,
            &task.column_mappings,
            &codes::CONFIG_COLUMN_MAPPING_NOT_FOUND,
        )?,
        masks: named_rules(
            instance,
            "mask-rules",
            &instance.mask_rules,
            &task.masks,
            &codes::CONFIG_MASK_NOT_FOUND,
        )?,
        mydumper: mydumper(task, instance)?,
        loader: loader(task, instance)?,
        syncer: syncer(task, instance)?,
        validator: validator(task, instance)?,
    })
}

fn block_allow_list(task: &TaskConfig, instance: &Instance) -> Result<BlockAllowRule, DmError> {
    named(
        &task.block_allow_list,
        &instance.block_allow_list,
        instance,
        "block-allow-list",
        &codes::CONFIG_BA_LIST_NOT_FOUND,
    )
}

/// The rules of these names, in the order in which the source lists them.
fn named_rules<T: Clone>(
    instance: &Instance,
    key: &str,
    names: &[String],
    rules: &BTreeMap<String, T>,
    code: &'static ErrorCode,
) -> Result<Vec<Named<T>>, DmError> {
    names
        .iter()
        .map(|name| {
            let rule = rules
                .get(name)
                .ok_or_else(|| not_found(instance, key, name, code))?;
            Ok(Named::new(name, rule.clone()))
        })
        .collect()
}

fn mydumper(task: &TaskConfig, instance: &Instance) -> Result<MydumperConfig, DmError> {
    let mut block = match &instance.mydumper {
        Some(block) => block.clone(),
        None => named(
            &task.mydumpers,
            &instance.mydumper_config_name,
            instance,
            "mydumper-config-name",
            &codes::CONFIG_MYDUMPER_CFG_NOT_FOUND,
        )?,
    };
    override_number(&mut block.threads, instance.mydumper_thread);
    Ok(block)
}

fn loader(task: &TaskConfig, instance: &Instance) -> Result<LoaderConfig, DmError> {
    let mut block = match &instance.loader {
        Some(block) => block.clone(),
        None => named(
            &task.loaders,
            &instance.loader_config_name,
            instance,
            "loader-config-name",
            &codes::CONFIG_LOADER_CFG_NOT_FOUND,
        )?,
    };
    override_number(&mut block.pool_size, instance.loader_thread);
    Ok(block)
}

fn syncer(task: &TaskConfig, instance: &Instance) -> Result<SyncerConfig, DmError> {
    let mut block = match &instance.syncer {
        Some(block) => block.clone(),
        None => named(
            &task.syncers,
            &instance.syncer_config_name,
            instance,
            "syncer-config-name",
            &codes::CONFIG_SYNCER_CFG_NOT_FOUND,
        )?,
    };
    override_number(&mut block.worker_count, instance.syncer_thread);
    Ok(block)
}

fn validator(task: &TaskConfig, instance: &Instance) -> Result<ValidatorConfig, DmError> {
    named(
        &task.validators,
        &instance.validator_config_name,
        instance,
        "validator-config-name",
        &codes::CONTINUOUS_VALIDATOR_CFG_NOT_FOUND,
    )
}

/// The block of that name; the default block when no name is given.
fn named<T: Clone + Default>(
    blocks: &BTreeMap<String, T>,
    name: &str,
    instance: &Instance,
    key: &str,
    code: &'static ErrorCode,
) -> Result<T, DmError> {
    if name.is_empty() {
        return Ok(T::default());
    }
    blocks
        .get(name)
        .cloned()
        .ok_or_else(|| not_found(instance, key, name, code))
}

fn not_found(instance: &Instance, key: &str, name: &str, code: &'static ErrorCode) -> DmError {
    DmError::new(
        code,
        format!(
            "mysql-instances: source {}: {key} names {name:?}, which is not defined",
            instance.source_id
        ),
    )
}

fn override_number(number: &mut u32, replacement: u32) {
    if replacement != 0 {
        *number = replacement;
    }
}
