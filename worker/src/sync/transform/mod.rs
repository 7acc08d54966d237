//! Tracked rows become rows of the target: routes, rules, and a column plan made once per structure.
//!
//! Pure but for `rule_keys.rs`, which reads the secrets of masks. A plan is made again whenever the tracked structure changes, so
//! a row costs only its values, and rules that read values only the tables that have them.

mod charset;
mod plan;
mod routed;
mod row_values;
mod rule_keys;
mod transformer;
mod value_rules;

pub(crate) use charset::Charset;
pub(crate) use plan::{PlannedColumn, TablePlan};
pub(crate) use routed::{Routed, RoutedItem, RowChange};
pub(crate) use rule_keys::RuleKeys;
pub(crate) use transformer::Transformer;
pub(crate) use value_rules::ValueRules;
