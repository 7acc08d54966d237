//! What source tables are called in the target.

use super::pattern::Pattern;
use crate::config::RouteRule;
use crate::error::{DmError, codes};
use crate::table_name::TableName;

/// The compiled route rules of one source.
#[derive(Debug, Clone, Default)]
pub struct Router {
    table_rules: Vec<TableRule>,
    schema_rules: Vec<SchemaRule>,
}

#[derive(Debug, Clone)]
struct TableRule {
    schema: Pattern,
    table: Pattern,
    target_schema: String,
    /// `None` keeps the source's table name.
    target_table: Option<String>,
}

#[derive(Debug, Clone)]
struct SchemaRule {
    schema: Pattern,
    target_schema: String,
}

impl Router {
    /// Compiles rules. Patterns ignore case unless told otherwise; targets are taken as written.
    pub fn new(rules: &[RouteRule], case_sensitive: bool) -> Result<Self, DmError> {
        let mut router = Router::default();
        for rule in rules {
            if rule.target_schema.is_empty() {
                return Err(bad("target-schema", "is missing"));
            }
            let schema = Pattern::new(&rule.schema_pattern, case_sensitive)
                .map_err(|problem| bad("schema-pattern", &problem))?;
            if rule.table_pattern.is_empty() {
                router.schema_rules.push(SchemaRule {
                    schema,
                    target_schema: rule.target_schema.clone(),
                });
            } else {
                let table = Pattern::new(&rule.table_pattern, case_sensitive)
                    .map_err(|problem| bad("table-pattern", &problem))?;
                router.table_rules.push(TableRule {
                    schema,
                    table,
                    target_schema: rule.target_schema.clone(),
                    target_table: Some(rule.target_table.clone()).filter(|t| !t.is_empty()),
                });
            }
        }
        Ok(router)
    }

    /// The target's name of a source table. A rule with a table pattern beats one without; two
    /// that match on the winning level are an error.
    pub fn route(&self, source: &TableName) -> Result<TableName, DmError> {
        let mut matching = self
            .table_rules
            .iter()
            .filter(|r| r.schema.matches(&source.schema) && r.table.matches(&source.table));
        match (matching.next(), matching.next()) {
            (Some(_), Some(_)) => Err(ambiguous(&format!("{}.{}", source.schema, source.table))),
            (Some(rule), None) => Ok(TableName::new(
                rule.target_schema.clone(),
                rule.target_table.as_ref().unwrap_or(&source.table).clone(),
            )),
            (None, _) => {
                let schema = self
                    .matching_schema(&source.schema)
                    .map_err(|()| ambiguous(&format!("{}.{}", source.schema, source.table)))?;
                Ok(TableName::new(schema, source.table.clone()))
            }
        }
    }

    /// The target's name of a source schema, for statements about the schema itself.
    pub fn route_schema(&self, schema: &str) -> Result<String, DmError> {
        self.matching_schema(schema).map_err(|()| ambiguous(schema))
    }

    /// Unchanged when no rule matches; an error when more than one does.
    fn matching_schema(&self, schema: &str) -> Result<String, ()> {
        let mut matching = self
            .schema_rules
            .iter()
            .filter(|r| r.schema.matches(schema));
        match (matching.next(), matching.next()) {
            (Some(_), Some(_)) => Err(()),
            (Some(rule), None) => Ok(rule.target_schema.clone()),
            (None, _) => Ok(schema.to_owned()),
        }
    }
}

fn bad(key: &str, problem: &str) -> DmError {
    DmError::new(
        &codes::CONFIG_GEN_TABLE_ROUTER,
        format!("routes: {key}: {problem}"),
    )
}

fn ambiguous(name: &str) -> DmError {
    DmError::new(
        &codes::WORKER_ROUTE_TABLE_DUP_MATCH,
        format!("table {name} matches more than one rule"),
    )
}

#[cfg(test)]
#[path = "router_test.rs"]
mod tests;
