//! What a status answer means: the one-line state of a task, and the progress of its tables. Pure.

mod detail;
mod row;
mod summary;
#[cfg(test)]
mod summary_test;

pub use detail::{Detail, TableProgress, TableState};
pub use row::{Progress, Row, rows};
pub use summary::{Summary, TaskSummary, summarize};
