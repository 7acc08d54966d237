//! What source tables are called in the target, and which columns there keep where a row comes from.

use regex::Regex;

use super::pattern::Pattern;
use crate::config::{Named, RouteRule};
use crate::error::{DmError, codes};
use crate::ids::SourceId;
use crate::table_name::TableName;

/// The compiled route rules of one source.
#[derive(Debug, Clone, Default)]
pub struct Router {
    table_rules: Vec<TableRule>,
    schema_rules: Vec<SchemaRule>,
}

#[derive(Debug, Clone)]
struct TableRule {
    name: String,
    schema: Pattern,
    table: Pattern,
    target_schema: String,
    /// `None` keeps the source's table name.
    target_table: Option<String>,
    extract: Vec<Extractor>,
}

#[derive(Debug, Clone)]
struct SchemaRule {
    name: String,
    schema: Pattern,
    target_schema: String,
    extract: Vec<Extractor>,
}

#[derive(Debug, Clone)]
struct Extractor {
    from: From,
    regex: Regex,
    column: String,
}

#[derive(Debug, Clone, Copy)]
enum From {
    Table,
    Schema,
    Source,
}

/// A column of the target that the source doesn't have, the same for all rows of a source table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The column.
    pub column: String,
    /// Its value.
    pub value: String,
}

impl Router {
    /// Compiles rules. Patterns ignore case unless told otherwise; targets are taken as written.
    pub fn new(rules: &[Named<RouteRule>], case_sensitive: bool) -> Result<Self, DmError> {
        let mut router = Router::default();
        for Named { name, rule } in rules {
            if rule.target_schema.is_empty() {
                return Err(bad(name, "target-schema", "is missing"));
            }
            let schema = Pattern::new(&rule.schema_pattern, case_sensitive)
                .map_err(|problem| bad(name, "schema-pattern", &problem))?;
            let extract = extractors(name, rule)?;
            if rule.table_pattern.is_empty() {
                router.schema_rules.push(SchemaRule {
                    name: name.clone(),
                    schema,
                    target_schema: rule.target_schema.clone(),
                    extract,
                });
            } else {
                let table = Pattern::new(&rule.table_pattern, case_sensitive)
                    .map_err(|problem| bad(name, "table-pattern", &problem))?;
                router.table_rules.push(TableRule {
                    name: name.clone(),
                    schema,
                    table,
                    target_schema: rule.target_schema.clone(),
                    target_table: Some(rule.target_table.clone()).filter(|t| !t.is_empty()),
                    extract,
                });
            }
        }
        Ok(router)
    }

    /// The target's name of a source table. A rule with a table pattern beats one without; two
    /// that match on the winning level are an error.
    pub fn route(&self, source: &TableName) -> Result<TableName, DmError> {
        Ok(match self.winner(source)? {
            Winner::Table(rule) => TableName::new(
                rule.target_schema.clone(),
                rule.target_table.as_ref().unwrap_or(&source.table).clone(),
            ),
            Winner::Schema(rule) => {
                TableName::new(rule.target_schema.clone(), source.table.clone())
            }
            Winner::None => source.clone(),
        })
    }

    /// The columns that keep where the rows of a table come from: table, schema, source.
    pub fn extracted(
        &self,
        source: &SourceId,
        table: &TableName,
    ) -> Result<Vec<Extracted>, DmError> {
        let extract = match self.winner(table)? {
            Winner::Table(rule) => rule.extract.as_slice(),
            Winner::Schema(rule) => rule.extract.as_slice(),
            Winner::None => &[],
        };
        let value = |extractor: &Extractor| {
            let text = match extractor.from {
                From::Table => table.table.as_str(),
                From::Schema => table.schema.as_str(),
                From::Source => source.as_str(),
            };
            extractor.value(text)
        };
        Ok(extract
            .iter()
            .map(|extractor| Extracted {
                column: extractor.column.clone(),
                value: value(extractor),
            })
            .collect())
    }

    /// The name of the rule that decides about a table.
    pub fn rule_name(&self, table: &TableName) -> Result<Option<&str>, DmError> {
        Ok(match self.winner(table)? {
            Winner::Table(rule) => Some(rule.name.as_str()),
            Winner::Schema(rule) => Some(rule.name.as_str()),
            Winner::None => None,
        })
    }

    /// The target's name of a source schema, for statements about the schema itself.
    pub fn route_schema(&self, schema: &str) -> Result<String, DmError> {
        Ok(self
            .matching_schema(schema, schema)?
            .map_or_else(|| schema.to_owned(), |rule| rule.target_schema.clone()))
    }

    fn winner(&self, source: &TableName) -> Result<Winner<'_>, DmError> {
        let name = || format!("{}.{}", source.schema, source.table);
        let mut matching = self
            .table_rules
            .iter()
            .filter(|r| r.schema.matches(&source.schema) && r.table.matches(&source.table));
        match (matching.next(), matching.next()) {
            (Some(_), Some(_)) => Err(ambiguous(&name())),
            (Some(rule), None) => Ok(Winner::Table(rule)),
            (None, _) => Ok(self
                .matching_schema(&source.schema, &name())?
                .map_or(Winner::None, Winner::Schema)),
        }
    }

    /// `None` when no rule matches; an error when more than one does.
    fn matching_schema(&self, schema: &str, shown: &str) -> Result<Option<&SchemaRule>, DmError> {
        let mut matching = self
            .schema_rules
            .iter()
            .filter(|r| r.schema.matches(schema));
        match (matching.next(), matching.next()) {
            (Some(_), Some(_)) => Err(ambiguous(shown)),
            (found, _) => Ok(found),
        }
    }
}

enum Winner<'a> {
    Table(&'a TableRule),
    Schema(&'a SchemaRule),
    None,
}

impl Extractor {
    /// All capture groups of the first match, put together; empty without a match.
    fn value(&self, text: &str) -> String {
        let Some(captures) = self.regex.captures(text) else {
            return String::new();
        };
        captures
            .iter()
            .skip(1)
            .flatten()
            .map(|group| group.as_str())
            .collect()
    }
}

fn extractors(name: &str, rule: &RouteRule) -> Result<Vec<Extractor>, DmError> {
    let parts = [
        rule.extract_table.as_ref().map(|extract| {
            let keys = ("extract-table", "table-regexp");
            (
                keys,
                From::Table,
                &extract.table_regexp,
                &extract.target_column,
            )
        }),
        rule.extract_schema.as_ref().map(|extract| {
            let keys = ("extract-schema", "schema-regexp");
            (
                keys,
                From::Schema,
                &extract.schema_regexp,
                &extract.target_column,
            )
        }),
        rule.extract_source.as_ref().map(|extract| {
            let keys = ("extract-source", "source-regexp");
            (
                keys,
                From::Source,
                &extract.source_regexp,
                &extract.target_column,
            )
        }),
    ];
    let mut extractors: Vec<Extractor> = Vec::new();
    for ((block, key), from, regexp, column) in parts.into_iter().flatten() {
        let key = format!("{block}.{key}");
        if column.is_empty() {
            return Err(bad(name, &format!("{block}.target-column"), "is missing"));
        }
        if extractors
            .iter()
            .any(|other| other.column.eq_ignore_ascii_case(column))
        {
            let problem = format!("{column:?} keeps something else already");
            return Err(bad(name, &format!("{block}.target-column"), &problem));
        }
        let regex = Regex::new(regexp).map_err(|error| bad(name, &key, &format!("{error}")))?;
        // Group 0 is the whole match.
        if regex.captures_len() < 2 {
            return Err(bad(
                name,
                &key,
                "has no capture group, so its value is always empty",
            ));
        }
        extractors.push(Extractor {
            from,
            regex,
            column: column.clone(),
        });
    }
    Ok(extractors)
}

fn bad(name: &str, key: &str, problem: &str) -> DmError {
    DmError::new(
        &codes::CONFIG_GEN_TABLE_ROUTER,
        format!("routes {name}: {key}: {problem}"),
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
