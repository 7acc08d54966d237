//! Connecting to the target as every writing session does.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use dm_model::{DbConfig, DmError, Kind};
use mysql_async::{Conn, prelude::Queryable};
use tracing::warn;

use crate::{
    database::{ConnectOptions, Role, ServerIdentity, ServerKind, connect},
    sync::{backoff::Backoff, control::Control, errors, stop::Stop},
};

/// Modes under which what was legal upstream is stored as it is, and what does not fit is an error.
const SQL_MODE: &str = "STRICT_TRANS_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO";
/// Until the server has said its own limit.
const PACKET_BYTES_DEFAULT: usize = 4 << 20;
/// Seconds that a statement of ours waits for a row lock before the whole batch is tried again.
const LOCK_WAIT_S: u32 = 10;

/// The target of a subtask and how its sessions are set up.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    db: DbConfig,
    /// `max_allowed_packet` of the server that was connected to last.
    packet_bytes_max: Arc<AtomicUsize>,
}

impl Target {
    pub(crate) fn new(db: DbConfig) -> Self {
        Self {
            db,
            packet_bytes_max: Arc::new(AtomicUsize::new(PACKET_BYTES_DEFAULT)),
        }
    }

    /// The largest packet that the server takes.
    pub(crate) fn packet_bytes_max(&self) -> usize {
        self.packet_bytes_max.load(Ordering::Relaxed)
    }

    /// `host:port`, for messages.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.db.host, self.db.port)
    }

    /// Connects and sets up a writing session. A target that cannot be reached is waited for as long as it takes, visibly;
    /// one that refuses us is a definite error.
    pub(crate) async fn connect(&self, control: &Control) -> Result<(Conn, ServerIdentity), Stop> {
        let mut backoff = Backoff::new();
        let mut waited = false;
        loop {
            control.check()?;
            let tried = tokio::select! {
                tried = self.try_connect(control) => tried,
                () = control.stopping() => return Err(Stop::Asked),
            };
            match tried {
                Ok(connected) => {
                    if waited {
                        control.note(None);
                    }
                    return Ok(connected);
                }
                Err(error) if error.kind == Kind::Definite => return Err(Stop::Definite(error)),
                Err(error) => {
                    waited = true;
                    warn!(%error, "target not reachable; waiting");
                    control.note(Some(format!(
                        "waiting for the target {}: {error}",
                        self.address()
                    )));
                    control.sleep(backoff.step()).await?;
                }
            }
        }
    }

    async fn try_connect(&self, control: &Control) -> Result<(Conn, ServerIdentity), DmError> {
        let idle_s = (control.token().ttl_ms() / 1_000).max(1);
        let setup = vec![
            "SET SESSION autocommit = 1".to_owned(),
            format!("SET SESSION sql_mode = '{SQL_MODE}'"),
            "SET SESSION time_zone = '+00:00'".to_owned(),
            "SET NAMES utf8mb4".to_owned(),
            "SET SESSION foreign_key_checks = 0".to_owned(),
            format!("SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_S}"),
            // A session whose owner is gone must not keep its locks longer than a lease lasts (R12).
            format!("SET SESSION wait_timeout = {idle_s}"),
        ];
        let options = ConnectOptions {
            setup,
            client_found_rows: true,
            ..ConnectOptions::default()
        };
        let mut conn = connect(&self.db, Role::Target, &options).await?;
        let server = ServerIdentity::read(&mut conn, Role::Target).await?;
        // A CREATE TABLE without an engine (R20). What is named all the same is changed afterwards.
        let _no_engines = mysql_async::prelude::Queryable::query_drop(
            &mut conn,
            "SET SESSION default_storage_engine = InnoDB",
        )
        .await;
        // Lanes write beside each other: locks on the gaps between rows would only make them wait for each other. TiDB has none, and
        // a server that logs statements can't do without.
        if server.kind != ServerKind::Tidb {
            let by_statement: Option<(bool, String)> = conn
                .query_first("SELECT @@GLOBAL.log_bin, @@SESSION.binlog_format")
                .await
                .map_err(errors::target)?;
            if by_statement.is_none_or(|(logs, format)| !logs || format != "STATEMENT") {
                conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                    .await
                    .map_err(errors::target)?;
            }
        }
        // Only some servers can end an idle transaction (the others have wait_timeout), and only TiDB has other modes than ours.
        let optional = [
            format!("SET SESSION idle_transaction_timeout = {idle_s}"),
            format!("SET SESSION tidb_idle_transaction_timeout = {idle_s}"),
            "SET SESSION tidb_txn_mode = 'pessimistic'".to_owned(),
            "SET SESSION tidb_disable_txn_auto_retry = 1".to_owned(),
            // Values of AUTO_RANDOM columns are upstream's.
            "SET SESSION allow_auto_random_explicit_insert = 1".to_owned(),
        ];
        for set in optional {
            let _unknown_variable = conn.query_drop(set).await;
        }
        let bytes: Option<u64> = conn
            .query_first("SELECT @@max_allowed_packet")
            .await
            .map_err(errors::target)?;
        let bytes = bytes
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(PACKET_BYTES_DEFAULT);
        self.packet_bytes_max.store(bytes, Ordering::Relaxed);
        Ok((conn, server))
    }
}
