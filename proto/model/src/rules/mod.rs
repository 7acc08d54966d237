//! Which tables, events and rows take part, and what becomes of names and values on their way.
//!
//! One kind of rule per file, all of one shape: `new(rules, case_sensitive)` compiles or refuses, and a
//! question about a table is answered without any state, so the answer can be kept per structure.
//! [`RuleSet`] has them all. Rules see the *source's* names. With `case-sensitive: false` names and
//! patterns compare in lower case; regular expressions match without regard to case (their text is left
//! alone, because `\D` and `\d` differ).
//!
//! | rule | decides |
//! |---|---|
//! | [`BlockAllowList`] | which schemas and tables take part |
//! | [`EventFilter`] | which of their row events and statements |
//! | [`Router`] | what they are called in the target, and the columns that keep their origin |
//! | [`ExpressionFilters`] | which of their rows, by column values |
//! | [`ColumnMappings`] | prefixes, suffixes and partition ids |
//! | [`Masks`] | which values are hidden |
//!
//! All use [`Pattern`]: a literal, a wildcard, or `~` and a regular expression.

mod block_allow_list;
mod column_mapping;
mod event_filter;
mod event_kind;
mod expression;
mod expression_filters;
mod masks;
mod pattern;
mod router;
mod rule_set;
mod wildcard;

pub use block_allow_list::{BlockAllowList, SYSTEM_SCHEMAS, is_system_schema};
pub use column_mapping::{ColumnMapping, ColumnMappings, Mapped};
pub use event_filter::{EventFilter, RowVerdicts, Verdict};
pub use event_kind::{EventClass, EventKind};
pub use expression::{
    DateTime, Datum, Decimal, Expression, ExpressionColumn, ExpressionType, parse_datetime,
    parse_time_micros,
};
pub use expression_filters::{ExpressionFilters, RowFilter, RowValues};
pub use masks::{ColumnMask, HASH_CHARS, MaskKey, Masks, SecretPlace};
pub use pattern::Pattern;
pub use router::{Extracted, Router};
pub use rule_set::RuleSet;
pub use wildcard::Wildcard;
