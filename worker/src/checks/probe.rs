//! A connection for checks: every query bounded.

use crate::database::{ConnectOptions, Role, ServerIdentity, classify, connect};
use dm_model::error::Kind;
use dm_model::{DbConfig, DmError, codes};
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Row};
use std::future::Future;
use std::time::Duration;

/// DM's read timeout of checks.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// An open connection, and whose it is.
pub(super) struct Probe {
    conn: Conn,
    role: Role,
    /// `host:port`.
    pub(super) address: String,
    /// Who answered.
    pub(super) identity: ServerIdentity,
}

impl Probe {
    /// Connects and asks who is there.
    pub(super) async fn open(config: &DbConfig, role: Role) -> Result<Self, DmError> {
        let mut conn = connect(config, role, &ConnectOptions::default()).await?;
        let identity = bounded("VERSION()", role, ServerIdentity::read(&mut conn, role)).await?;
        Ok(Self {
            conn,
            role,
            address: config.address(),
            identity,
        })
    }

    /// All rows of a query.
    pub(super) async fn rows<T: FromRow + Send + 'static>(
        &mut self,
        query: &str,
    ) -> Result<Vec<T>, DmError> {
        let role = self.role;
        let asked = async {
            self.conn
                .query(query)
                .await
                .map_err(|e| classify(&e, role.scope()).annotate(query))
        };
        bounded(query, role, asked).await
    }

    /// The first column of the first row, as text; empty when there is none.
    pub(super) async fn text(&mut self, query: &str) -> Result<String, DmError> {
        let rows: Vec<Row> = self.rows(query).await?;
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| text_of(&row, 0))
            .unwrap_or_default())
    }

    /// The value of a global variable; `None` when the server has none of that name.
    pub(super) async fn variable(&mut self, name: &str) -> Result<Option<String>, DmError> {
        let rows: Vec<(String, String)> = self
            .rows(&format!("SHOW GLOBAL VARIABLES LIKE '{name}'"))
            .await?;
        Ok(rows.into_iter().next().map(|(_, value)| value))
    }

    /// Sends the goodbye that keeps the server's log clean.
    pub(super) async fn close(self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.conn.disconnect()).await;
    }
}

/// A column as text, whatever type it came in.
pub(super) fn text_of(row: &Row, index: usize) -> Option<String> {
    match row.as_ref(index)? {
        mysql_async::Value::NULL => None,
        mysql_async::Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        mysql_async::Value::Int(number) => Some(number.to_string()),
        mysql_async::Value::UInt(number) => Some(number.to_string()),
        other => Some(other.as_sql(true)),
    }
}

async fn bounded<T>(
    what: &str,
    role: Role,
    asked: impl Future<Output = Result<T, DmError>>,
) -> Result<T, DmError> {
    tokio::time::timeout(QUERY_TIMEOUT, asked)
        .await
        .unwrap_or_else(|_| {
            let message = format!("no answer within {} s: {what}", QUERY_TIMEOUT.as_secs());
            Err(DmError::new(&codes::DB_QUERY_FAILED, message)
                .with_scope(role.scope())
                .with_kind(Kind::Transient))
        })
}
