//! The binlog stream of a source.

use std::time::Duration;

use dm_model::{BinlogPosition, DmError, Flavor, GtidSet, Position, codes};
use mysql_async::Error;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Incoming, RawEvent, Upstream,
    wire::{Connection, Dump},
};
use crate::{database::ServerIdentity, sync::errors};

/// The server sends a heartbeat when it has been idle for this long.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// Silence for longer than two heartbeats means a dead peer. Every byte counts, so a large event on a slow line is not silence.
const DEAD_AFTER: Duration = Duration::from_secs(6);
/// A server that searches many files for a GTID set is silent for long.
const FIRST_EVENT_WITHIN: Duration = Duration::from_secs(300);
/// Seconds for which the server waits while we are slow to read.
const NET_WRITE_TIMEOUT_S: u32 = 3_600;
/// A transaction reaches us before the engine has committed it (semi-synchronous replication waits in between), so a set that is
/// behind ours gets this long, asked again at this interval, before it counts as gone back.
const BEHIND_PATIENCE: Duration = Duration::from_secs(15);
const BEHIND_PAUSE: Duration = Duration::from_millis(500);
/// What comes before the first event that was asked for: FORMAT_DESCRIPTION, ROTATE, PREVIOUS_GTIDS, MariaDB's GTID_LIST and checkpoint.
const PREAMBLE: [u8; 5] = [15, 4, 35, 163, 161];
/// Where the type stands in an event.
const TYPE_AT: usize = 4;
/// First event of a file.
const FIRST_EVENT: u32 = 4;

/// An open stream.
pub(crate) struct Stream {
    connection: Connection,
    within: Duration,
}

impl Stream {
    /// Starts after `from`: by its GTID set when it has one, else by file and offset.
    ///
    /// A stream without GTID from beyond 4 GiB starts at the begin of that file, because the protocol has 32 bits: the caller gets
    /// where it starts and leaves out what it knows. A server that lacks something of `known` has gone back, even if it could go on
    /// after `from`. `reader` tells the readers of one source apart.
    pub(crate) async fn open(
        upstream: &Upstream,
        from: &Position,
        known: &Position,
        reader: &str,
    ) -> Result<(Self, ServerIdentity, Position), DmError> {
        let mut connection = Connection::open(&upstream.config().from).await?;
        let server = identity(&mut connection).await.map_err(failed)?;
        let mut starts = from.clone();
        starts.server.clone_from(&server.uuid);
        let dump = match (&from.gtid, server.flavor()) {
            (Some(set), Flavor::Mysql) => {
                not_behind(&mut connection, known.gtid.as_ref().unwrap_or(set)).await?;
                reachable(&mut connection, set).await?;
                Dump::AfterSet(set.clone())
            }
            (Some(set), Flavor::Mariadb) => {
                not_behind(&mut connection, known.gtid.as_ref().unwrap_or(set)).await?;
                let state = format!(
                    "SET @slave_connect_state = '{set}', @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0"
                );
                connection.query(&state).await.map_err(failed)?;
                Dump::At {
                    file: String::new(),
                    offset: FIRST_EVENT,
                }
            }
            (None, _) => {
                same_server(from, &server)?;
                let offset = u32::try_from(from.binlog.offset).unwrap_or(FIRST_EVENT);
                starts.binlog = BinlogPosition::new(from.binlog.file.clone(), u64::from(offset));
                Dump::At {
                    file: from.binlog.file.clone(),
                    offset,
                }
            }
        };
        let mut stream = Self {
            connection,
            within: FIRST_EVENT_WITHIN,
        };
        stream.prepare(&server).await.map_err(failed)?;
        let id = reader_id(upstream.config().server_id, server.flavor(), reader);
        let annotate = server.flavor() == Flavor::Mariadb;
        stream
            .connection
            .dump(id, &dump, annotate)
            .await
            .map_err(failed)?;
        Ok((stream, server, starts))
    }

    async fn prepare(&mut self, server: &ServerIdentity) -> Result<(), Error> {
        let period_ns = HEARTBEAT.as_nanos();
        // Each reader needs an identity of its own, or the server ends the other one.
        let uuid = uuid::Uuid::new_v4();
        // Names changed in MySQL 8.4; these are user variables, so setting both does no harm.
        let variables = format!(
            "SET @master_heartbeat_period = {period_ns}, @source_heartbeat_period = {period_ns}, \
             @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32', \
             @slave_uuid = '{uuid}', @replica_uuid = '{uuid}'"
        );
        self.connection.query(&variables).await?;
        if server.flavor() == Flavor::Mariadb {
            self.connection
                .query("SET @mariadb_slave_capability = 4")
                .await?;
        }
        let patience = format!("SET SESSION net_write_timeout = {NET_WRITE_TIMEOUT_S}");
        self.connection.query(&patience).await?;
        Ok(())
    }

    /// The next event. Silence beyond the heartbeats is a transient error. May be cancelled and called again.
    pub(crate) async fn next(&mut self) -> Result<Incoming, DmError> {
        let event = self.connection.event(self.within).await.map_err(failed)?;
        let bytes = event.ok_or_else(|| {
            DmError::new(&codes::DB_BAD_CONN, "the upstream ended the binlog stream")
        })?;
        // After these the server may still search for the start.
        if bytes
            .get(TYPE_AT)
            .is_some_and(|code| !PREAMBLE.contains(code))
        {
            self.within = DEAD_AFTER;
        }
        Ok(Incoming::Event(RawEvent { bytes }))
    }
}

/// Who answers on this very connection: behind a shared address it may be another server every time.
async fn identity(connection: &mut Connection) -> Result<ServerIdentity, Error> {
    let mariadb = connection.version().contains("MariaDB");
    let select = if mariadb {
        "SELECT VERSION(), @@GLOBAL.server_id, @@GLOBAL.hostname, @@GLOBAL.port"
    } else {
        "SELECT VERSION(), @@GLOBAL.server_id, @@GLOBAL.server_uuid"
    };
    let row = connection.query(select).await?.unwrap_or_default();
    let mut row = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || row.next().unwrap_or_default();
    let (version, server_id) = (next(), next());
    let place = [next(), next()];
    let uuid = match place {
        [host, port] if mariadb => format!("{server_id}-{host}-{port}"),
        [uuid, _] => uuid,
    };
    Ok(ServerIdentity::of(
        version,
        server_id.parse().unwrap_or(0),
        uuid,
    ))
}

/// Without GTID a position means nothing on another server (R1).
fn same_server(from: &Position, server: &ServerIdentity) -> Result<(), DmError> {
    if from.server == server.uuid {
        return Ok(());
    }
    Err(DmError::new(
        &codes::LINEAGE_MISMATCH,
        format!("the checkpoint was made on server {}, this one is {}", from.server, server.uuid),
    )
    .with_workaround("point the source at the old server again, or use enable-gtid, with which positions hold on any server of the topology"))
}

/// The server still has what follows.
async fn reachable(connection: &mut Connection, ours: &GtidSet) -> Result<(), DmError> {
    let purged = set(connection, "SELECT @@GLOBAL.gtid_purged", Flavor::Mysql).await?;
    let missing = purged.subtract(ours);
    if missing.is_empty() {
        return Ok(());
    }
    Err(purged_error(format!(
        "{missing} of the purged set {purged}; this task has {ours}"
    )))
}

/// The server has everything that we have (R1).
async fn not_behind(connection: &mut Connection, ours: &GtidSet) -> Result<(), DmError> {
    let (select, flavor) = if connection.version().contains("MariaDB") {
        ("SELECT @@GLOBAL.gtid_binlog_pos", Flavor::Mariadb)
    } else {
        ("SELECT @@GLOBAL.gtid_executed", Flavor::Mysql)
    };
    let since = tokio::time::Instant::now();
    loop {
        let theirs = set(connection, select, flavor).await?;
        if theirs.is_superset(ours) {
            return Ok(());
        }
        if since.elapsed() >= BEHIND_PATIENCE {
            return Err(DmError::new(
                &codes::LINEAGE_MISMATCH,
                format!(
                    "the source has gone back: it has {theirs}, this task has applied {ours}; it lacks {}",
                    ours.subtract(&theirs)
                ),
            )
            .with_workaround("point the source at a server that has all of it (a replica that lags: wait, then resume-task), or load the tables again with start-task --remove-meta after emptying the target tables"));
        }
        tokio::time::sleep(BEHIND_PAUSE).await;
    }
}

async fn set(
    connection: &mut Connection,
    select: &str,
    flavor: Flavor,
) -> Result<GtidSet, DmError> {
    let row = connection.query(select).await.map_err(failed)?;
    let text = row.and_then(|row| row.into_iter().next().flatten());
    GtidSet::parse_for(flavor, &text.unwrap_or_default())
}

/// MySQL tells readers apart by uuid, MariaDB only by server id: there every task of a source needs one of its own.
fn reader_id(configured: u32, flavor: Flavor, reader: &str) -> u32 {
    match flavor {
        Flavor::Mysql => configured,
        Flavor::Mariadb => {
            configured
                ^ (READER_IDS
                    + u32::try_from(xxh3_64(reader.as_bytes()) % u64::from(READER_IDS))
                        .unwrap_or(0))
        }
    }
}

/// Ids of readers differ in bits above this, far from the ids that people give their servers.
const READER_IDS: u32 = 1 << 24;

/// Errors of the stream with their meaning. Error 1236 stands for many things, told apart by its text only.
fn failed(error: Error) -> DmError {
    let text = match &error {
        Error::Server(server) if server.code == 1236 => server.message.clone(),
        _ => return errors::upstream(error),
    };
    let has = |words: &[&str]| words.iter().any(|words| text.contains(words));
    if has(&[
        "same server_uuid/server_id",
        "same server-id",
        "same server_id",
    ]) {
        return DmError::new(
            &codes::SERVER_ID_IN_USE,
            "another replica of the source uses the server-id of this one",
        )
        .with_cause(text)
        .with_workaround("give the source a `server-id` that no replica of the same server has");
    }
    if has(&[
        "purged",
        "Could not find first log file",
        "not find GTID",
        "requested starting GTID",
        "does not contain",
    ]) && !has(&["more GTIDs than", "not in the master's binlog"])
    {
        return purged_error(text);
    }
    if has(&[
        "more GTIDs than",
        "impossible position",
        "position > file size",
        "which is not in the master's binlog",
        "is not in the master's binlog",
        "diverged",
    ]) {
        return DmError::new(
            &codes::LINEAGE_MISMATCH,
            "the source has lost transactions that this task has applied",
        )
        .with_cause(text)
        .with_workaround("point the source at a server that has them, or load the tables again with start-task --remove-meta after emptying the target tables");
    }
    errors::upstream(error)
}

fn purged_error(missing: String) -> DmError {
    DmError::new(
        &codes::POSITION_PURGED,
        "the upstream no longer has the binlog that this task needs",
    )
    .with_cause(missing)
    .with_workaround("start the task again with `start-task --remove-meta` after emptying its target tables, and keep binlogs longer upstream")
}
