//! Values that are changed on their way, as DM 1.0 did it.
//!
//! `partition id` puts where a row comes from into its number, so that numbers of shards don't collide.
//! From the most significant bit on: a zero for the sign, 4 bits instance, 7 bits schema, 8 bits table,
//! 44 bits of the number itself. A part whose argument is empty takes no bits.

use super::pattern::Pattern;
use crate::config::{ColumnMappingRule, Named};
use crate::error::{DmError, codes};
use crate::table_name::TableName;

const INSTANCE_BITS: u32 = 4;
const SCHEMA_BITS: u32 = 7;
const TABLE_BITS: u32 = 8;
/// What is left for the number itself, whatever parts there are.
const NUMBER_BITS: u32 = 44;
/// The sign has the 64th.
const BITS: u32 = 63;

/// The compiled `column-mappings` of one source.
#[derive(Debug, Clone, Default)]
pub struct ColumnMappings {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    name: String,
    schema: Pattern,
    table: Option<Pattern>,
    column: String,
    expression: Expression,
}

#[derive(Debug, Clone)]
enum Expression {
    Prefix(String),
    Suffix(String),
    PartitionId {
        instance: Option<u64>,
        schema: Option<Affix>,
        table: Option<Affix>,
    },
}

/// A name's number follows this.
#[derive(Debug, Clone)]
struct Affix {
    prefix: String,
    separator: String,
    case_sensitive: bool,
}

/// What becomes of one column of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    /// The rule.
    pub rule: String,
    /// The column.
    pub column: String,
    /// What is done.
    pub mapped: Mapped,
}

/// What is done to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped {
    /// Text before it.
    Prefix(String),
    /// Text after it.
    Suffix(String),
    /// These bits above it.
    PartitionId(u64),
}

impl ColumnMappings {
    /// Compiles rules.
    pub fn new(rules: &[Named<ColumnMappingRule>], case_sensitive: bool) -> Result<Self, DmError> {
        let rules = rules
            .iter()
            .map(|named| {
                Rule::new(named, case_sensitive).map_err(|problem| bad(&named.name, &problem))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// True without rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What becomes of a table's columns. Rules with a table pattern beat those without; two of one level
    /// for one column, and a name without a number of its own, are errors.
    pub fn for_table(&self, table: &TableName) -> Result<Vec<ColumnMapping>, DmError> {
        let of_schema = |rule: &&Rule| rule.schema.matches(&table.schema);
        let exact: Vec<&Rule> = self
            .rules
            .iter()
            .filter(of_schema)
            .filter(|rule| {
                rule.table
                    .as_ref()
                    .is_some_and(|pattern| pattern.matches(&table.table))
            })
            .collect();
        let chosen = if exact.is_empty() {
            let general = self.rules.iter().filter(of_schema);
            general.filter(|rule| rule.table.is_none()).collect()
        } else {
            exact
        };
        let mut mappings: Vec<ColumnMapping> = Vec::with_capacity(chosen.len());
        for rule in chosen {
            let twice = mappings
                .iter()
                .find(|other| other.column.eq_ignore_ascii_case(&rule.column));
            if let Some(other) = twice {
                let problem = format!(
                    "table {}.{} matches {} too, for the same column {}",
                    table.schema, table.table, other.rule, rule.column
                );
                return Err(bad(&rule.name, &problem));
            }
            mappings.push(ColumnMapping {
                rule: rule.name.clone(),
                column: rule.column.clone(),
                mapped: rule
                    .mapped(table)
                    .map_err(|problem| bad(&rule.name, &problem))?,
            });
        }
        Ok(mappings)
    }
}

impl Rule {
    fn new(named: &Named<ColumnMappingRule>, case_sensitive: bool) -> Result<Self, String> {
        let rule = &named.rule;
        if rule.target_column.is_empty() {
            return Err("target-column is missing".to_owned());
        }
        if !rule.source_column.is_empty() && rule.source_column != rule.target_column {
            return Err(format!(
                "source-column {:?} differs from target-column {:?}: the value of target-column is mapped",
                rule.source_column, rule.target_column
            ));
        }
        let pattern = |key: &str, text: &str| {
            Pattern::new(text, case_sensitive).map_err(|problem| format!("{key}: {problem}"))
        };
        Ok(Self {
            name: named.name.clone(),
            schema: pattern("schema-pattern", &rule.schema_pattern)?,
            table: match rule.table_pattern.as_str() {
                "" => None,
                text => Some(pattern("table-pattern", text)?),
            },
            column: rule.target_column.clone(),
            expression: Expression::new(rule, case_sensitive)?,
        })
    }

    fn mapped(&self, table: &TableName) -> Result<Mapped, String> {
        let (instance, schema, name) = match &self.expression {
            Expression::Prefix(text) => return Ok(Mapped::Prefix(text.clone())),
            Expression::Suffix(text) => return Ok(Mapped::Suffix(text.clone())),
            Expression::PartitionId {
                instance,
                schema,
                table,
            } => (instance, schema, table),
        };
        let mut shift = BITS;
        let mut bits = 0;
        if let Some(number) = instance {
            shift -= INSTANCE_BITS;
            bits |= number << shift;
        }
        if let Some(affix) = schema {
            shift -= SCHEMA_BITS;
            bits |= affix.number(&table.schema, SCHEMA_BITS)? << shift;
        }
        if let Some(affix) = name {
            shift -= TABLE_BITS;
            bits |= affix.number(&table.table, TABLE_BITS)? << shift;
        }
        Ok(Mapped::PartitionId(bits))
    }
}

impl Expression {
    fn new(rule: &ColumnMappingRule, case_sensitive: bool) -> Result<Self, String> {
        let arguments: Vec<&str> = rule.arguments.iter().map(String::as_str).collect();
        match (rule.expression.as_str(), arguments.as_slice()) {
            ("add prefix", [text]) => Ok(Self::Prefix((*text).to_owned())),
            ("add suffix", [text]) => Ok(Self::Suffix((*text).to_owned())),
            ("add prefix" | "add suffix", other) => Err(format!(
                "arguments: one is needed, there are {}",
                other.len()
            )),
            ("partition id", [instance, schema, table]) => {
                Self::partition(instance, schema, table, "", case_sensitive)
            }
            ("partition id", [instance, schema, table, separator]) => {
                Self::partition(instance, schema, table, separator, case_sensitive)
            }
            ("partition id", other) => Err(format!(
                "arguments: 3 or 4 are needed, there are {}",
                other.len()
            )),
            (other, _) => Err(format!(
                "expression: {other:?} is not one of add prefix, add suffix, partition id"
            )),
        }
    }

    fn partition(
        instance: &str,
        schema: &str,
        table: &str,
        separator: &str,
        case_sensitive: bool,
    ) -> Result<Self, String> {
        let instance = match instance {
            "" => None,
            text => Some(
                number(text, INSTANCE_BITS).map_err(|problem| format!("arguments: {problem}"))?,
            ),
        };
        let affix = |prefix: &str| {
            (!prefix.is_empty()).then(|| Affix {
                prefix: prefix.to_owned(),
                separator: separator.to_owned(),
                case_sensitive,
            })
        };
        let (schema, table) = (affix(schema), affix(table));
        if instance.is_none() && schema.is_none() && table.is_none() {
            return Err("arguments: instance, schema and table are all empty".to_owned());
        }
        Ok(Self::PartitionId {
            instance,
            schema,
            table,
        })
    }
}

impl Affix {
    /// The number of a name; the prefix alone is number 0.
    fn number(&self, name: &str, bits: u32) -> Result<u64, String> {
        let fold = |text: &str| {
            if self.case_sensitive {
                text.to_owned()
            } else {
                text.to_lowercase()
            }
        };
        let (folded, prefix) = (fold(name), fold(&self.prefix));
        if folded == prefix {
            return Ok(0);
        }
        let full = format!("{prefix}{}", fold(&self.separator));
        let rest = folded
            .strip_prefix(&full)
            .ok_or_else(|| format!("the name {name:?} does not begin with {full:?}"))?;
        number(rest, bits).map_err(|problem| format!("the name {name:?}: {problem}"))
    }
}

fn number(text: &str, bits: u32) -> Result<u64, String> {
    let most = (1_u64 << bits) - 1;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value: Option<u64> = digits.then(|| text.parse().ok()).flatten();
    value
        .filter(|value| *value <= most)
        .ok_or_else(|| format!("{text:?} is not a number from 0 to {most}"))
}

impl Mapped {
    /// The number with its bits, for `partition id`. The error says what is wrong with the number.
    pub fn number(&self, number: i128) -> Result<u64, String> {
        let Self::PartitionId(bits) = self else {
            return Err("it is a number, and the mapping is for text".to_owned());
        };
        match u64::try_from(number) {
            Ok(number) if number < 1 << NUMBER_BITS => Ok(bits | number),
            _ => Err(format!(
                "{number} is not from 0 to {}",
                (1_u64 << NUMBER_BITS) - 1
            )),
        }
    }

    /// The text, for all mappings: a number in a text stays one.
    pub fn text(&self, text: &str) -> Result<String, String> {
        match self {
            Self::Prefix(prefix) => Ok(format!("{prefix}{text}")),
            Self::Suffix(suffix) => Ok(format!("{text}{suffix}")),
            Self::PartitionId(_) => {
                let number = text
                    .parse::<i128>()
                    .map_err(|_| format!("{text:?} is not a whole number"))?;
                self.number(number).map(|number| number.to_string())
            }
        }
    }

    /// The numbers that `partition id` makes of one table's, both ends included.
    pub fn range(&self) -> Option<(u64, u64)> {
        match self {
            Self::PartitionId(bits) => Some((*bits, bits | ((1 << NUMBER_BITS) - 1))),
            _ => None,
        }
    }
}

fn bad(rule: &str, problem: &str) -> DmError {
    DmError::new(
        &codes::CONFIG_GEN_COLUMN_MAPPING,
        format!("column-mappings {rule}: {problem}"),
    )
    .with_workaround("correct the mapping")
}

#[cfg(test)]
#[path = "column_mapping_test.rs"]
mod tests;
