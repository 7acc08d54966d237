//! `task.yaml`: one migration.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    BlockAllowRule, ColumnMappingRule, DbConfig, ExpressionRule, FilterRule, Instance,
    LoaderConfig, MaskRule, MydumperConfig, Parsed, RouteRule, SubtaskConfig, SyncerConfig,
    TaskMode, Timezone, ValidatorConfig, check, compat, reader, subtask,
};
use crate::error::{DmError, codes};
use crate::ids::{SourceId, TaskName};
use crate::keys;

/// A migration of one or more sources into one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TaskConfig {
    /// Its name in the cluster.
    pub name: TaskName,
    /// What it does.
    pub task_mode: TaskMode,
    /// Pre-check items that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore_checking_items: Vec<String>,
    /// Schema of our tables in the target.
    #[serde(default = "default_meta_schema")]
    pub meta_schema: String,
    /// Session time zone on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Timezone>,
    /// Names that differ in letter case are different; the source's setting can switch it on too.
    #[serde(default)]
    pub case_sensitive: bool,
    /// What happens to collations the target does not have.
    #[serde(default, rename = "collation_compatible")]
    pub collation_compatible: CollationCompatible,
    /// Recognise gh-ost and pt-osc.
    #[serde(default = "yes")]
    pub online_ddl: bool,
    /// Names of their shadow tables.
    #[serde(default = "default_shadow_rules")]
    pub shadow_table_rules: Vec<String>,
    /// Names of tables they leave behind.
    #[serde(default = "default_trash_rules")]
    pub trash_table_rules: Vec<String>,
    /// Kept for `get-config`; there are no dump files.
    #[serde(default = "yes")]
    pub clean_dump_file: bool,
    /// What an error of one table does to the others.
    #[serde(default)]
    pub on_error: OnError,
    /// What happens when the target has not the row that a change needs.
    #[serde(default)]
    pub on_row_mismatch: OnRowMismatch,
    /// Transactions become visible in upstream order, also those that do not conflict.
    #[serde(default)]
    pub preserve_order: bool,
    /// Where rows go.
    pub target_database: DbConfig,
    /// The sources.
    pub mysql_instances: Vec<Instance>,
    /// Route rules by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub routes: BTreeMap<String, RouteRule>,
    /// Binlog event filters by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filters: BTreeMap<String, FilterRule>,
    /// Expression filters by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub expression_filter: BTreeMap<String, ExpressionRule>,
    /// Column mappings by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub column_mappings: BTreeMap<String, ColumnMappingRule>,
    /// Masks by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masks: BTreeMap<String, MaskRule>,
    /// Block-allow lists by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub block_allow_list: BTreeMap<String, BlockAllowRule>,
    /// Blocks for reading existing rows, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mydumpers: BTreeMap<String, MydumperConfig>,
    /// Blocks for writing existing rows, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loaders: BTreeMap<String, LoaderConfig>,
    /// Blocks for writing changes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub syncers: BTreeMap<String, SyncerConfig>,
    /// Blocks for comparing, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub validators: BTreeMap<String, ValidatorConfig>,
    /// Settings that DM calls experimental.
    #[serde(default, skip_serializing_if = "Experimental::is_default")]
    pub experimental: Experimental,
}

/// What happens to collations the target does not have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CollationCompatible {
    /// Statements go as they are.
    #[default]
    Loose,
    /// Statements name their collation.
    Strict,
}

/// What an error of one table does to the others.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// That table stops alone.
    #[default]
    Table,
    /// The subtask is paused.
    Task,
}

/// What happens when the target has not the row that a change needs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnRowMismatch {
    /// It is counted and shown.
    #[default]
    Count,
    /// The table stops.
    Strict,
    /// The row is written as it is after the change, counted and shown.
    Repair,
}

/// Settings that DM calls experimental.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Experimental {
    /// No effect here: checkpoints are part of the data's transactions.
    pub async_checkpoint_flush: bool,
}

impl Experimental {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl TaskConfig {
    /// Reads and checks a file's text.
    pub fn parse(yaml: &str) -> Result<Parsed<Self>, DmError> {
        let Parsed {
            mut value,
            mut notices,
        } = reader::read(yaml, "task", keys::TASK)?;
        compat::normalise_task(&mut value);
        check::required_task_keys(&value)?;
        let task: Self = reader::into_struct(value, "task")?;
        notices.extend(check::task(&task)?);
        Ok(Parsed {
            value: task,
            notices,
        })
    }

    /// Writes it in the form that [`Self::parse`] reads.
    pub fn to_yaml(&self) -> Result<String, DmError> {
        reader::to_yaml(self)
    }

    /// As [`Self::to_yaml`], without secrets.
    pub fn redacted_yaml(&self) -> Result<String, DmError> {
        let mut copy = self.clone();
        copy.target_database.redact();
        copy.to_yaml()
    }

    /// Its sources, in the order of the file.
    pub fn sources(&self) -> impl Iterator<Item = &SourceId> {
        self.mysql_instances.iter().map(|i| &i.source_id)
    }

    /// Refuses sources that the cluster does not have.
    pub fn check_sources(&self, known: &BTreeSet<SourceId>) -> Result<(), DmError> {
        let missing: Vec<&str> = self
            .sources()
            .filter(|source| !known.contains(*source))
            .map(SourceId::as_str)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(DmError::new(
            &codes::CONFIG_SOURCE_ID_NOT_FOUND,
            format!(
                "task {}: mysql-instances names sources that do not exist: {}",
                self.name,
                missing.join(", ")
            ),
        ))
    }

    /// One source's share of the task, all references resolved.
    pub fn subtask(&self, source: &SourceId) -> Result<SubtaskConfig, DmError> {
        subtask::resolve(self, source)
    }
}

/// The schema of our tables unless the task says otherwise.
fn default_meta_schema() -> String {
    "dm_meta".to_owned()
}

fn default_shadow_rules() -> Vec<String> {
    vec!["^_(.+)_(?:new|gho)$".to_owned()]
}

fn default_trash_rules() -> Vec<String> {
    vec!["^_(.+)_(?:ghc|del|old)$".to_owned()]
}

fn yes() -> bool {
    true
}

#[cfg(test)]
#[path = "task_test.rs"]
mod tests;
