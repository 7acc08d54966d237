//! All rules of one source in a task.

use super::{
    BlockAllowList, ColumnMappings, EventFilter, ExpressionFilters, Extracted, Masks, Router,
};
use crate::config::{Named, SourceConfig, SubtaskConfig};
use crate::error::DmError;
use crate::ids::SourceId;
use crate::table_name::TableName;

/// The compiled rules of one source: the same for the copy and for the stream.
#[derive(Debug, Clone)]
pub struct RuleSet {
    /// The source that they are for.
    pub source: SourceId,
    /// Which tables take part.
    pub list: BlockAllowList,
    /// Which of their events.
    pub events: EventFilter,
    /// What they are called in the target.
    pub router: Router,
    /// Which of their rows.
    pub expressions: ExpressionFilters,
    /// What becomes of their values.
    pub mappings: ColumnMappings,
    /// Which values are hidden.
    pub masks: Masks,
}

impl RuleSet {
    /// Compiles them.
    pub fn new(config: &SubtaskConfig, source: &SourceConfig) -> Result<Self, DmError> {
        let case = config.case_sensitive || source.is_case_sensitive();
        Ok(Self {
            source: config.source_id.clone(),
            list: BlockAllowList::new(&config.block_allow_list, case)?,
            events: EventFilter::new(&filters(config, source), case)?,
            router: Router::new(&config.routes, case)?,
            expressions: ExpressionFilters::new(&config.expressions, case)?,
            mappings: ColumnMappings::new(&config.mappings, case)?,
            masks: Masks::new(&config.masks, case)?,
        })
    }

    /// What tells the rows of a table from those of others in one target: the same text means the same
    /// origin, `None` that nothing tells.
    pub fn origin(&self, table: &TableName) -> Result<Option<String>, DmError> {
        let extracted = self.extracted(table)?;
        if !extracted.is_empty() {
            let parts: Vec<String> = extracted
                .iter()
                .map(|one| format!("{}={:?}", one.column, one.value))
                .collect();
            return Ok(Some(parts.join(" ")));
        }
        let mappings = self.mappings.for_table(table)?;
        Ok(mappings.iter().find_map(|mapping| {
            let (least, most) = mapping.mapped.range()?;
            Some(format!("{} from {least} to {most}", mapping.column))
        }))
    }

    /// The columns that keep where the rows of a table come from.
    pub fn extracted(&self, table: &TableName) -> Result<Vec<Extracted>, DmError> {
        self.router.extracted(&self.source, table)
    }
}

/// The task's filters, then the source's whose patterns no filter of the task has.
fn filters(config: &SubtaskConfig, source: &SourceConfig) -> Vec<Named<crate::config::FilterRule>> {
    let mut filters = config.filters.clone();
    for (index, rule) in source.filters.iter().enumerate() {
        let replaced = config.filters.iter().any(|own| {
            own.rule.schema_pattern == rule.schema_pattern
                && own.rule.table_pattern == rule.table_pattern
        });
        if !replaced {
            filters.push(Named::new(
                format!("{}.filters[{index}]", source.source_id),
                rule.clone(),
            ));
        }
    }
    filters
}
