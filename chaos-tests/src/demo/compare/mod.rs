//! Whether two databases hold the same rows, decided by reading all of them once.
//!
//! Each side is read in one consistent snapshot by the binary protocol, column by column in the source's order.
//! A row becomes bytes in a canonical form ([`canonical`]), the bytes a 128-bit hash; a table becomes the number,
//! the sum and the exclusive-or of its hashes. So neither order nor a server's own checksum function matters, and
//! tables without a key are compared as multisets. Where the sums differ, both tables are read a second time in
//! the same snapshots to name the first row that is on one side only.

mod canonical;
mod columns;
mod difference;
mod report;
mod side;

use anyhow::Result;

use crate::lab::Endpoint;
use columns::Plan;
pub use report::{Report, TableReport, TableSum};
use side::Side;

/// A source table and the target table that must hold the same rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePair {
    /// Database and table at the source.
    pub source: (String, String),
    /// Database and table at the target.
    pub target: (String, String),
}

impl TablePair {
    /// The same name on both sides.
    #[must_use]
    pub fn same(schema: &str, table: &str) -> Self {
        let name = (schema.to_owned(), table.to_owned());
        Self {
            source: name.clone(),
            target: name,
        }
    }
}

/// Compares once. Nothing may be writing; a table that is missing on one side is a difference.
pub async fn compare(source: &Endpoint, target: &Endpoint, tables: &[TablePair]) -> Result<Report> {
    let mut source = Side::open(source).await?;
    let mut target = Side::open(target).await?;
    let mut report = Report::default();
    for pair in tables {
        report
            .tables
            .push(one(&mut source, &mut target, pair).await?);
    }
    source.close().await?;
    target.close().await?;
    Ok(report)
}

async fn one(source: &mut Side, target: &mut Side, pair: &TablePair) -> Result<TableReport> {
    let name = format!("{}.{}", pair.source.0, pair.source.1);
    let (source_columns, target_columns) = (
        source.columns(&pair.source).await?,
        target.columns(&pair.target).await?,
    );
    let plan = match Plan::new(&source_columns, &target_columns) {
        Ok(plan) => plan,
        Err(why) => {
            return Ok(TableReport {
                name,
                source: None,
                target: None,
                difference: Some(why),
            });
        }
    };
    let (left, right) = tokio::try_join!(
        source.sum(&pair.source, &plan),
        target.sum(&pair.target, &plan)
    )?;
    let difference = if left == right {
        None
    } else {
        Some(difference::first(source, target, pair, &plan).await?)
    };
    Ok(TableReport {
        name,
        source: Some(left),
        target: Some(right),
        difference,
    })
}
