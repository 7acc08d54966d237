//! Ending the writes of a subtask that runs elsewhere, or did: its worker can't be asked (R32).

use std::time::Duration;

use dm_model::{DmError, codes};
use mysql_async::{Conn, prelude::Queryable};
use tracing::info;

use super::{
    MetaTables,
    head::{kill, raise, raise_lanes},
};
use crate::{
    database::ServerIdentity,
    sync::{FenceToken, errors, stop::Stop},
};

/// How often the server is asked whether the killed connections are gone.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// Looks before it is said that they are not.
const LOOKS_MAX: u32 = 50;

/// Raises head and lanes to the token's epoch, which is the index of the entry that stopped the subtask, then ends the connections that the
/// lanes name and waits until they are gone: a DDL that is on its way checks no fence row (R23).
pub(crate) async fn silence(
    conn: &mut Conn,
    tables: &MetaTables,
    token: &FenceToken,
    digest: &str,
    server: &ServerIdentity,
) -> Result<(), Stop> {
    match raise(conn, tables, token, digest, server).await {
        Ok(_) => {}
        // Another worker began the same and may not have finished it.
        Err(Stop::Fenced(fenced)) if head_epoch(conn, tables).await? != token.epoch().0 => {
            return Err(Stop::Fenced(fenced));
        }
        Err(Stop::Fenced(_)) => raise_lanes(conn, tables, token, server).await?,
        Err(stop) => return Err(stop),
    }
    let lanes: Vec<(u64, String)> = conn
        .query(format!(
            "SELECT connection, server FROM {} WHERE {}",
            tables.lane(),
            tables.key()
        ))
        .await
        .map_err(errors::target)?;
    let mut connections = Vec::new();
    for (connection, at_server) in lanes {
        kill(conn, connection, &at_server, server).await;
        if connection != 0 && at_server == server.uuid {
            connections.push(connection);
        }
    }
    await_gone(conn, &connections).await?;
    info!(
        epoch = token.epoch().0,
        "stopped a subtask of another worker at the target"
    );
    Ok(())
}

async fn head_epoch(conn: &mut Conn, tables: &MetaTables) -> Result<u64, Stop> {
    let query = format!("SELECT epoch FROM {} WHERE {}", tables.head(), tables.key());
    let found: Option<u64> = conn.query_first(query).await.map_err(errors::target)?;
    Ok(found.unwrap_or(0))
}

async fn await_gone(conn: &mut Conn, connections: &[u64]) -> Result<(), Stop> {
    for _ in 0..LOOKS_MAX {
        let rows: Vec<mysql_async::Row> = conn
            .query("SHOW FULL PROCESSLIST")
            .await
            .map_err(errors::target)?;
        let there = |id: &u64| rows.iter().any(|row| row.get::<u64, _>(0) == Some(*id));
        if !connections.iter().any(there) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Err(Stop::Transient(DmError::new(
        &codes::TARGET_ROW_BLOCKED,
        "a connection of the subtask's last worker does not end at the target",
    )))
}
