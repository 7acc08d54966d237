//! Which schemas and tables take part.

use super::pattern::Pattern;
use crate::config::{BlockAllowRule, TableItem};
use crate::error::{DmError, codes};

/// Schemas that never take part, whatever the rules say.
pub const SYSTEM_SCHEMAS: &[&str] = &[
    "mysql",
    "sys",
    "information_schema",
    "performance_schema",
    "metrics_schema",
    "inspection_schema",
    "dm_heartbeat",
];

/// True for the schemas of the server itself, in any letter case.
pub fn is_system_schema(schema: &str) -> bool {
    SYSTEM_SCHEMAS
        .iter()
        .any(|system| schema.eq_ignore_ascii_case(system))
}

/// A compiled `block-allow-list` entry. Without rules everything but system schemas takes part.
#[derive(Debug, Clone, Default)]
pub struct BlockAllowList {
    do_dbs: Vec<Pattern>,
    do_tables: Vec<(Pattern, Pattern)>,
    ignore_dbs: Vec<Pattern>,
    ignore_tables: Vec<(Pattern, Pattern)>,
}

impl BlockAllowList {
    /// Compiles a rule.
    pub fn new(rule: &BlockAllowRule, case_sensitive: bool) -> Result<Self, DmError> {
        Ok(Self {
            do_dbs: schemas("do-dbs", &rule.do_dbs, case_sensitive)?,
            do_tables: tables("do-tables", &rule.do_tables, case_sensitive)?,
            ignore_dbs: schemas("ignore-dbs", &rule.ignore_dbs, case_sensitive)?,
            ignore_tables: tables("ignore-tables", &rule.ignore_tables, case_sensitive)?,
        })
    }

    /// True when the table takes part; without a table, when statements about the schema do.
    pub fn allows(&self, schema: &str, table: Option<&str>) -> bool {
        if is_system_schema(schema) || !self.allows_schema(schema) {
            return false;
        }
        match table {
            Some(table) => self.allows_table(schema, table),
            None => true,
        }
    }

    fn allows_schema(&self, schema: &str) -> bool {
        if self.do_dbs.is_empty() {
            !self.ignore_dbs.iter().any(|p| p.matches(schema))
        } else {
            self.do_dbs.iter().any(|p| p.matches(schema))
        }
    }

    fn allows_table(&self, schema: &str, table: &str) -> bool {
        let listed = |list: &[(Pattern, Pattern)]| {
            list.iter()
                .any(|(s, t)| s.matches(schema) && t.matches(table))
        };
        if listed(&self.do_tables) {
            return true;
        }
        !listed(&self.ignore_tables) && self.do_tables.is_empty()
    }
}

fn schemas(key: &str, names: &[String], case_sensitive: bool) -> Result<Vec<Pattern>, DmError> {
    names
        .iter()
        .map(|name| pattern(key, name, case_sensitive))
        .collect()
}

fn tables(
    key: &str,
    items: &[TableItem],
    case_sensitive: bool,
) -> Result<Vec<(Pattern, Pattern)>, DmError> {
    items
        .iter()
        .map(|item| {
            let schema = pattern(&format!("{key}: db-name"), &item.db_name, case_sensitive)?;
            let table = pattern(&format!("{key}: tbl-name"), &item.tbl_name, case_sensitive)?;
            Ok((schema, table))
        })
        .collect()
}

fn pattern(key: &str, text: &str, case_sensitive: bool) -> Result<Pattern, DmError> {
    Pattern::new(text, case_sensitive).map_err(|problem| {
        DmError::new(
            &codes::CONFIG_GEN_BA_LIST,
            format!("block-allow-list: {key}: {problem}"),
        )
    })
}

#[cfg(test)]
#[path = "block_allow_list_test.rs"]
mod tests;
