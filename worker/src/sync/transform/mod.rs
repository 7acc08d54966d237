//! Tracked rows become rows of the target: routes, and a column plan made once per structure.
//!
//! Pure. A plan is made again whenever the tracked structure changes, so a row costs only its values.

mod charset;
mod plan;
mod routed;
mod transformer;

pub(crate) use charset::Charset;
pub(crate) use plan::{PlannedColumn, TablePlan};
pub(crate) use routed::{Routed, RoutedItem, RowChange};
pub(crate) use transformer::Transformer;
