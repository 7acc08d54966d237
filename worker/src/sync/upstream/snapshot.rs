//! A consistent snapshot of one table and the position that it stands at.
//!
//! The table is locked for the moment in which the snapshot is opened and the position read. Writers of the table hold its metadata
//! lock through the engine's commit, so the position covers exactly what the snapshot sees, also when other transactions are
//! still on their way into the engine (design §6).

use std::time::Duration;

use dm_ddl::Table;
use dm_model::{DmError, Position, TableName};
use mysql_async::{Conn, prelude::Queryable};

use super::{Upstream, current_position, show_create};
use crate::{
    database::ServerIdentity,
    sync::{control::Control, errors, stop::Stop},
};

/// Seconds that our lock request may wait in the table's queue, and so hold up the writers behind it. The server counts in seconds.
const LOCK_WAIT_S: u32 = 1;
/// Pause between two requests, so that writers who queued behind us get through.
const LOCK_PAUSE: Duration = Duration::from_millis(300);

/// An open snapshot.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The session that sees the snapshot; its results carry text in the columns' own character sets.
    pub(crate) conn: Conn,
    /// Every transaction of the table up to here is in it, none after.
    pub(crate) position: Position,
    /// A non-transactional table is not in the snapshot: its lock is held until it is read (R20).
    pub(crate) lock: Option<Conn>,
    /// SHOW CREATE TABLE at that point.
    pub(crate) create: String,
    pub(crate) structure: Table,
}

/// What there was to open.
#[derive(Debug)]
pub(crate) enum Opened {
    Snapshot(Box<Snapshot>),
    /// The table is gone, at this position or before.
    Gone(Position),
}

/// Engines whose tables a snapshot shows as of its beginning.
const TRANSACTIONAL: [&str; 4] = ["InnoDB", "RocksDB", "TokuDB", "MyRocks"];

impl Snapshot {
    /// Opens a snapshot of one table.
    ///
    /// Waits, visibly and without keeping its place in the queue, for as long as others hold the table.
    pub(crate) async fn open(
        upstream: &Upstream,
        name: &TableName,
        control: &Control,
    ) -> Result<Opened, Stop> {
        let (mut lock, server) = upstream.connect().await?;
        lock.query_drop(format!("SET SESSION lock_wait_timeout = {LOCK_WAIT_S}"))
            .await
            .map_err(failed)?;
        let mut rows = upstream.connect_for_rows().await?;
        rows.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            .await
            .map_err(failed)?;
        let mut waited = false;
        loop {
            control.check()?;
            match lock.query_drop(format!("LOCK TABLES {name} READ")).await {
                Ok(()) => break,
                Err(mysql_async::Error::Server(error)) if error.code == 1205 => {
                    waited = true;
                    control.note(Some(format!(
                        "waiting for a lock on {name}: an open transaction holds the table"
                    )));
                    control.sleep(LOCK_PAUSE).await?;
                }
                Err(mysql_async::Error::Server(error)) if matches!(error.code, 1146 | 1049) => {
                    return Ok(Opened::Gone(
                        current_position(&mut lock, &server, upstream.uses_gtid()).await?,
                    ));
                }
                Err(error) => return Err(failed(error)),
            }
        }
        let opened =
            Self::read_under_lock(&mut lock, &mut rows, &server, name, upstream.uses_gtid()).await;
        if waited {
            control.note(None);
        }
        let (position, found) = opened?;
        let Some((create, structure)) = found else {
            return Ok(Opened::Gone(position));
        };
        let engine = structure.engine.as_deref().unwrap_or("InnoDB");
        let lock = if TRANSACTIONAL
            .iter()
            .any(|known| known.eq_ignore_ascii_case(engine))
        {
            lock.query_drop("UNLOCK TABLES").await.map_err(failed)?;
            let _closed = lock.disconnect().await;
            None
        } else {
            Some(lock)
        };
        Ok(Opened::Snapshot(Box::new(Self {
            conn: rows,
            position,
            create,
            structure,
            lock,
        })))
    }

    async fn read_under_lock(
        lock: &mut Conn,
        rows: &mut Conn,
        server: &ServerIdentity,
        name: &TableName,
        with_gtid: bool,
    ) -> Result<(Position, Option<(String, Table)>), DmError> {
        rows.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            .await
            .map_err(errors::upstream)?;
        let position = current_position(lock, server, with_gtid).await?;
        // Reading a row takes the table's metadata lock for the snapshot, so no ALTER gets in between it and the copy. That row may
        // be unreadable (a view, a damaged table): the copy says so.
        let _row: Result<Option<u8>, _> = rows
            .query_first(format!("SELECT 1 FROM {name} LIMIT 1"))
            .await;
        Ok((position, show_create(lock, name, server).await?))
    }
}

fn failed(error: mysql_async::Error) -> Stop {
    errors::upstream(error).into()
}
