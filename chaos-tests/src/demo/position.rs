use anyhow::{Context, Result};
use mysql_async::Row;
use mysql_async::prelude::Queryable;

use super::TaskStatus;
use crate::lab::{Endpoint, Product};

/// Where the source's binlog ended when the load had stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// File name.
    pub file: String,
    /// Offset in it.
    pub offset: u64,
    /// MySQL: all executed transactions. Empty without GTID, and on MariaDB.
    pub gtid: String,
}

impl Recorded {
    /// Asks the source.
    pub async fn read(source: &Endpoint, product: &Product) -> Result<Self> {
        let mut conn = source.conn().await?;
        let row: Option<Row> = conn.query_first(product.binlog_status_statement()).await?;
        conn.disconnect().await?;
        let mut row = row.context("the source writes no binlog")?;
        Ok(Self {
            file: row.take("File").context("no File")?,
            offset: row.take("Position").context("no Position")?,
            gtid: row
                .take::<String, _>("Executed_Gtid_Set")
                .unwrap_or_default()
                .replace(['\n', ' '], ""),
        })
    }

    /// Whether everything up to here is in the target, as the task's status says. With GTIDs the source is asked
    /// whether one set contains the other.
    pub async fn reached_by(&self, status: &TaskStatus, source: &Endpoint) -> Result<bool> {
        if !status.synced {
            return Ok(false);
        }
        if !self.gtid.is_empty() && !status.syncer_gtid.is_empty() {
            let mut conn = source.conn().await?;
            let contained: Option<u8> = conn
                .exec_first(
                    "SELECT GTID_SUBSET(?, ?)",
                    (&self.gtid, &status.syncer_gtid),
                )
                .await?;
            conn.disconnect().await?;
            return Ok(contained == Some(1));
        }
        let number = |file: &str| {
            file.rsplit('.')
                .next()
                .and_then(|digits| digits.parse::<u64>().ok())
        };
        let Some((file, offset)) = parse(&status.syncer_binlog) else {
            return Ok(false);
        };
        Ok((number(&file), offset) >= (number(&self.file), self.offset))
    }
}

/// `(file, offset)`.
fn parse(text: &str) -> Option<(String, u64)> {
    let (file, offset) = text
        .strip_prefix('(')?
        .strip_suffix(')')?
        .split_once(", ")?;
    Some((file.to_owned(), offset.parse().ok()?))
}
