use anyhow::Result;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::DataSet;
use super::tables::TABLES;
use crate::lab::Endpoint;

/// Looks at a database from outside while something is written to it. Connects again after any error.
pub(crate) struct Watch {
    server: Endpoint,
    data: DataSet,
    conn: Option<Conn>,
}

impl Watch {
    pub(crate) fn new(server: &Endpoint, data: &DataSet) -> Self {
        Self {
            server: server.clone(),
            data: data.clone(),
            conn: None,
        }
    }

    /// Rows per table; 0 for a table that is not there yet.
    pub(crate) async fn rows(&mut self) -> Vec<u64> {
        let mut rows = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            let query = format!(
                "SELECT COUNT(*) FROM {}",
                self.data.quoted(table.schema, table.name)
            );
            rows.push(self.number(&query).await.unwrap_or(0));
        }
        rows
    }

    /// The newest event: every transaction of the load writes one.
    pub(crate) async fn last_event(&mut self) -> Option<u64> {
        let query = format!(
            "SELECT COALESCE(MAX(id), 0) FROM {}",
            self.data.quoted("shop_ops", "events")
        );
        self.number(&query).await.ok()
    }

    /// The sum of all balances, which no transaction changes.
    pub(crate) async fn balance(&mut self) -> Option<u64> {
        let accounts = self.data.quoted("shop_sales", "accounts");
        self.number(&format!(
            "SELECT CAST(COALESCE(SUM(balance), 0) AS SIGNED) FROM {accounts}"
        ))
        .await
        .ok()
    }

    async fn number(&mut self, query: &str) -> Result<u64> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.server.conn().await?,
        };
        let answer: Option<u64> = match conn.query_first(query).await {
            Ok(answer) => answer,
            Err(mysql_async::Error::Server(error)) => {
                self.conn = Some(conn);
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        };
        self.conn = Some(conn);
        Ok(answer.unwrap_or(0))
    }
}
