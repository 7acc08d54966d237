//! Taking over: the epoch is raised before anything is read (R11).

use dm_model::{DmError, codes};
use mysql_async::{Conn, prelude::Queryable};
use tracing::{info, warn};

use super::MetaTables;
use crate::{
    database::ServerIdentity,
    sync::{FenceToken, errors, failpoint::failpoint, stop::Stop, value::quote_text},
};

/// Seconds that a raise waits for a row lock before it looks for the connection that holds it (R12).
const RAISE_LOCK_WAIT_S: u32 = 1;
/// How often a blocked row is tried; each try kills the connection that the row names, so one or two suffice.
const RAISE_TRIES: u32 = 10;

/// What the raise found.
#[derive(Debug)]
pub(crate) struct Raised {
    /// The rows of an older generation were found and are to be deleted (R27).
    pub(crate) older_generation: bool,
    /// The digest of routes and filters that the head was created with.
    pub(crate) digest: String,
}

/// Raises head and lanes to the token's epoch. After it returns, no transaction of an older epoch can commit.
pub(crate) async fn raise(
    conn: &mut Conn,
    tables: &MetaTables,
    token: &FenceToken,
    digest: &str,
    server: &ServerIdentity,
) -> Result<Raised, Stop> {
    run(
        conn,
        &format!("SET SESSION innodb_lock_wait_timeout = {RAISE_LOCK_WAIT_S}"),
    )
    .await?;
    failpoint("before-raise");
    let found = raise_head(conn, tables, token, digest).await?;
    failpoint("head-raised");
    raise_lanes(conn, tables, token, server).await?;
    failpoint("raised");
    info!(epoch = token.epoch().0, "raised the epoch");
    Ok(found)
}

async fn raise_head(
    conn: &mut Conn,
    tables: &MetaTables,
    token: &FenceToken,
    digest: &str,
) -> Result<Raised, Stop> {
    let (head, key) = (tables.head(), tables.key());
    let (epoch, incarnation, generation) =
        (token.epoch().0, token.incarnation().0, token.generation().0);
    for _ in 0..RAISE_TRIES {
        let row: Option<(u64, u64, u64, u64, String)> = conn
            .query_first(format!(
                "SELECT cluster, generation, epoch, incarnation, digest FROM {head} WHERE {key}"
            ))
            .await
            .map_err(target)?;
        let Some((cluster, old_generation, old_epoch, old_incarnation, old_digest)) = row else {
            let insert = format!(
                "INSERT IGNORE INTO {head} (task, source, cluster, generation, epoch, incarnation, digest) \
                 VALUES ({}, {}, {generation}, {epoch}, {incarnation}, {})",
                tables.key_values(),
                token.cluster_id().0,
                quote_text(digest)
            );
            run(conn, &insert).await?;
            continue;
        };
        refuse_foreign(cluster, token)?;
        if (old_epoch, old_incarnation) == (epoch, incarnation) {
            return Ok(Raised {
                older_generation: old_generation < generation,
                digest: old_digest,
            });
        }
        if old_epoch >= epoch {
            return Err(Stop::Fenced(fenced(old_epoch, token)));
        }
        let update = format!(
            "UPDATE {head} SET epoch = {epoch}, incarnation = {incarnation} WHERE {key} AND epoch < {epoch} AND cluster = {cluster}"
        );
        match conn.query_drop(update).await {
            Ok(()) => {}
            // Somebody inserts a fenced row under a lock on the head: it ends by itself or its connection is killed below.
            Err(error) if is_lock_wait(&error) => warn!("the head row is locked; trying again"),
            Err(error) => return Err(target(error)),
        }
    }
    Err(Stop::Transient(DmError::new(
        &codes::TARGET_ROW_BLOCKED,
        "the head row of this subtask stays locked at the target",
    )))
}

async fn raise_lanes(
    conn: &mut Conn,
    tables: &MetaTables,
    token: &FenceToken,
    server: &ServerIdentity,
) -> Result<(), Stop> {
    let (lane_table, key) = (tables.lane(), tables.key());
    let (epoch, incarnation) = (token.epoch().0, token.incarnation().0);
    let lanes: Vec<(i32, u64, String)> = conn
        .query(format!(
            "SELECT lane, connection, server FROM {lane_table} WHERE {key} ORDER BY lane"
        ))
        .await
        .map_err(target)?;
    for (lane, connection, at_server) in lanes {
        // The sequence moves even under the same epoch: it waits for a transaction of an earlier connection of ours that is still
        // open, and makes one that has not begun fail.
        let update = format!(
            "UPDATE {lane_table} SET epoch = {epoch}, incarnation = {incarnation}, seq = seq + 1 \
             WHERE {key} AND lane = {lane} AND epoch <= {epoch}"
        );
        let mut tries = 0;
        loop {
            match conn.query_drop(&update).await {
                Ok(()) => break,
                Err(error) if is_lock_wait(&error) && tries < RAISE_TRIES => {
                    tries += 1;
                    kill(conn, connection, &at_server, server).await;
                }
                Err(error) => return Err(target(error)),
            }
        }
    }
    Ok(())
}

/// Ends the connection that a lane row names, if it is on this server and not our own (R12).
pub(super) async fn kill(
    conn: &mut Conn,
    connection: u64,
    at_server: &str,
    server: &ServerIdentity,
) {
    if connection == 0 || at_server != server.uuid || connection == u64::from(conn.id()) {
        return;
    }
    match conn.query_drop(format!("KILL {connection}")).await {
        Ok(()) => warn!(connection, "killed a connection of an older owner"),
        // It has gone by itself.
        Err(mysql_async::Error::Server(error)) if error.code == 1094 => {}
        Err(error) => warn!(connection, %error, "could not kill a connection of an older owner"),
    }
}

fn refuse_foreign(cluster: u64, token: &FenceToken) -> Result<(), Stop> {
    if cluster == token.cluster_id().0 {
        return Ok(());
    }
    Err(Stop::Definite(
        DmError::new(
            &codes::FOREIGN_META,
            format!(
                "task {} of source {} at this target belongs to cluster {cluster:x}, not to ours ({:x})",
                token.task(),
                token.source(),
                token.cluster_id().0
            ),
        )
        .with_workaround("stop the task in the other cluster, or use another `name` or `meta-schema` for this one"),
    ))
}

/// The error of an owner that has been replaced.
pub(super) fn fenced(newer: u64, token: &FenceToken) -> DmError {
    DmError::new(
        &codes::FENCED_OUT,
        format!(
            "epoch {} of task {} on source {} was replaced by epoch {newer}",
            token.epoch().0,
            token.task(),
            token.source()
        ),
    )
}

pub(super) fn is_lock_wait(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Server(error) if matches!(error.code, 1205 | 1213 | 3572))
}

fn target(error: mysql_async::Error) -> Stop {
    errors::target(error).into()
}

async fn run(conn: &mut Conn, statement: &str) -> Result<(), Stop> {
    conn.query_drop(statement).await.map_err(target)
}
