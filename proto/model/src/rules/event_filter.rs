//! Which events of the tables that take part are migrated.

use regex::{RegexSet, RegexSetBuilder};

use super::event_kind::{EventKind, EventName};
use super::pattern::Pattern;
use crate::config::{FilterAction, FilterRule, Named};
use crate::error::{DmError, codes};

/// Bounds the memory of one rule's regular expressions.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// What happens to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is migrated.
    Do,
    /// It is not; the rule that says so.
    Ignore(String),
    /// It stops its table; the rule that says so.
    Error(String),
}

/// The verdicts on the row events of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowVerdicts {
    /// For new rows.
    pub insert: Verdict,
    /// For changed rows.
    pub update: Verdict,
    /// For rows that go.
    pub delete: Verdict,
}

/// The compiled `filters` of one source.
///
/// All rules whose patterns match a table count, in the order of the file. A rule decides when its
/// events or one of its SQL patterns match and it ignores or refuses, or when they don't match and it
/// says `Do`. What no rule decides is done.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    name: String,
    schema: Pattern,
    table: Option<Pattern>,
    events: Vec<EventName>,
    sql: Option<RegexSet>,
    action: FilterAction,
}

impl EventFilter {
    /// Compiles rules.
    pub fn new(rules: &[Named<FilterRule>], case_sensitive: bool) -> Result<Self, DmError> {
        let rules = rules
            .iter()
            .map(|named| {
                Rule::new(named, case_sensitive).map_err(|problem| {
                    DmError::new(
                        &codes::CONFIG_BINLOG_EVENT_FILTER,
                        format!("filters {}: {problem}", named.name),
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// True without rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The verdicts on a table's row events.
    pub fn rows(&self, schema: &str, table: &str) -> RowVerdicts {
        let verdict = |kind| self.one(schema, Some(table), &[kind], "");
        RowVerdicts {
            insert: verdict(EventKind::Insert),
            update: verdict(EventKind::Update),
            delete: verdict(EventKind::Delete),
        }
    }

    /// The verdict on a statement about a table or, without one, a schema. `clauses` has for each of its
    /// clauses the kinds that it is of. A statement whose clauses fare differently can't be migrated in
    /// part: that is an error.
    pub fn statement(
        &self,
        schema: &str,
        table: Option<&str>,
        clauses: &[Vec<EventKind>],
        sql: &str,
    ) -> Result<Verdict, String> {
        let mut verdicts = clauses
            .iter()
            .map(|kinds| self.one(schema, table, kinds, sql));
        let Some(first) = verdicts.next() else {
            return Ok(self.one(schema, table, &[], sql));
        };
        let mut whole = first;
        for verdict in verdicts {
            whole = match (whole, verdict) {
                (Verdict::Error(rule), _) | (_, Verdict::Error(rule)) => Verdict::Error(rule),
                (Verdict::Do, Verdict::Do) => Verdict::Do,
                (Verdict::Ignore(rule), Verdict::Ignore(_)) => Verdict::Ignore(rule),
                (Verdict::Ignore(rule), Verdict::Do) | (Verdict::Do, Verdict::Ignore(rule)) => {
                    return Err(rule);
                }
            };
        }
        Ok(whole)
    }

    /// Whether rows of a table may stay in the target that the source has no longer, so that a row may
    /// come again: its name for messages.
    pub fn keeps_rows(&self, schema: &str, table: &str) -> Option<String> {
        [
            EventKind::Delete,
            EventKind::TruncateTable,
            EventKind::DropTable,
            EventKind::DropTablePartition,
            EventKind::TruncateTablePartition,
            EventKind::ExchangePartition,
        ]
        .into_iter()
        .find_map(|kind| match self.one(schema, Some(table), &[kind], "") {
            Verdict::Ignore(rule) => Some(rule),
            _ => None,
        })
        // A pattern may match a statement that takes rows away.
        .or_else(|| {
            self.matching(schema, Some(table))
                .find(|rule| rule.sql.is_some() && rule.action != FilterAction::Error)
                .map(|rule| rule.name.clone())
        })
    }

    /// The names of the rules for a table.
    pub fn names(&self, schema: &str, table: &str) -> Vec<String> {
        self.matching(schema, Some(table))
            .map(|rule| rule.name.clone())
            .collect()
    }

    fn one(&self, schema: &str, table: Option<&str>, kinds: &[EventKind], sql: &str) -> Verdict {
        for rule in self.matching(schema, table) {
            let events = (!kinds.is_empty()).then(|| kinds.iter().any(|kind| rule.has(*kind)));
            let text = rule
                .sql
                .as_ref()
                .filter(|_| !sql.is_empty())
                .map(|patterns| patterns.is_match(sql));
            for matched in [events, text].into_iter().flatten() {
                match (matched, rule.action) {
                    (true, FilterAction::Ignore) | (false, FilterAction::Do) => {
                        return Verdict::Ignore(rule.name.clone());
                    }
                    (true, FilterAction::Error) => return Verdict::Error(rule.name.clone()),
                    _ => {}
                }
            }
        }
        Verdict::Do
    }

    fn matching(&self, schema: &str, table: Option<&str>) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| {
            rule.schema.matches(schema)
                && match (&rule.table, table) {
                    (None, _) => true,
                    (Some(pattern), Some(table)) => pattern.matches(table),
                    (Some(_), None) => false,
                }
        })
    }
}

impl Rule {
    fn new(named: &Named<FilterRule>, case_sensitive: bool) -> Result<Self, String> {
        let rule = &named.rule;
        if rule.events.is_empty() && rule.sql_pattern.is_empty() {
            return Err("it has neither events nor sql-pattern".to_owned());
        }
        let action = rule
            .action
            .ok_or("action is missing: Do, Ignore or Error")?;
        let pattern = |key: &str, text: &str| {
            Pattern::new(text, case_sensitive).map_err(|problem| format!("{key}: {problem}"))
        };
        let events = rule
            .events
            .iter()
            .map(|text| {
                EventName::parse(text).ok_or_else(|| format!("events: {text:?} is no event's name"))
            })
            .collect::<Result<_, _>>()?;
        let sql = RegexSetBuilder::new(&rule.sql_pattern)
            .case_insensitive(true)
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| format!("sql-pattern: {error}"))?;
        Ok(Self {
            name: named.name.clone(),
            schema: pattern("schema-pattern", &rule.schema_pattern)?,
            table: match rule.table_pattern.as_str() {
                "" => None,
                text => Some(pattern("table-pattern", text)?),
            },
            events,
            sql: (!sql.is_empty()).then_some(sql),
            action,
        })
    }

    fn has(&self, kind: EventKind) -> bool {
        self.events
            .iter()
            .find_map(|name| name.decides(kind))
            .unwrap_or(false)
    }
}

#[cfg(test)]
#[path = "event_filter_test.rs"]
mod tests;
