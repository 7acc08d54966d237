//! The binlog stream of a source.

use std::time::Duration;

use dm_model::{DmError, Flavor, Position, codes};
use futures::StreamExt;
use mysql_async::{BinlogStream, BinlogStreamRequest, Conn, Sid, prelude::Queryable};
use xxhash_rust::xxh3::xxh3_64;

use super::{RawEvent, Upstream};
use crate::{database::ServerIdentity, sync::errors};

/// The server sends a heartbeat when it has been idle for this long.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Silence for longer than this means a dead peer. An event counts when it is whole, so a large one on a slow line must fit.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// A server that searches many files for a GTID set is silent for long.
const FIRST_EVENT_WITHIN: Duration = Duration::from_secs(300);
/// Type code of TRANSACTION_PAYLOAD.
const TRANSACTION_PAYLOAD: u8 = 40;
/// Type code of FORMAT_DESCRIPTION.
const FORMAT_DESCRIPTION: u8 = 15;
/// What comes before the first event that was asked for: FORMAT_DESCRIPTION, ROTATE, PREVIOUS_GTIDS, MariaDB's GTID_LIST and checkpoint.
const PREAMBLE: [u8; 5] = [FORMAT_DESCRIPTION, 4, 35, 163, 161];
/// FORMAT_DESCRIPTION and ROTATE: never inside a payload.
const NEVER_INNER: [u8; 2] = [FORMAT_DESCRIPTION, 4];

/// An open stream.
pub(crate) struct Stream {
    stream: BinlogStream,
    within: Duration,
    /// The library unpacks payloads by itself and passes their events on after the payload; we unpack them from the payload.
    inside_payload: bool,
}

impl Stream {
    /// Starts after `from`: by its GTID set when it has one, else by file and offset.
    ///
    /// `reader` tells the readers of one source apart.
    pub(crate) async fn open(
        upstream: &Upstream,
        from: &Position,
        reader: &str,
    ) -> Result<(Self, ServerIdentity), DmError> {
        let (mut conn, server) = upstream.connect().await?;
        if from.gtid.is_none() && from.server != server.uuid {
            return Err(DmError::new(
                &codes::LINEAGE_MISMATCH,
                format!("the checkpoint was made on server {}, this one is {}", from.server, server.uuid),
            )
            .with_workaround("point the source at the old server again, or use enable-gtid, with which positions hold on any server of the topology"));
        }
        let period_ns = HEARTBEAT.as_nanos();
        // The name changed in MySQL 8.4; both are user variables, so setting both does no harm.
        let set = format!(
            "SET @master_heartbeat_period = {period_ns}, @source_heartbeat_period = {period_ns}"
        );
        conn.query_drop(set).await.map_err(failed)?;
        let server_id = reader_id(upstream.config().server_id, server.flavor(), reader);
        let uuid = uuid::Uuid::new_v4();
        // Each reader needs an identity of its own, or the server ends the other one.
        conn.query_drop(format!(
            "SET @slave_uuid = '{uuid}', @replica_uuid = '{uuid}'"
        ))
        .await
        .map_err(failed)?;
        let stream = match (&from.gtid, server.flavor()) {
            (Some(set), Flavor::Mariadb) => {
                conn.query_drop(format!("SET @mariadb_slave_capability = 4, @slave_connect_state = '{set}', @slave_gtid_strict_mode = 0"))
                    .await
                    .map_err(failed)?;
                Self::request(conn, BinlogStreamRequest::new(server_id).with_pos(4_u64)).await?
            }
            (Some(set), Flavor::Mysql) => {
                let sids = set
                    .elements()
                    .iter()
                    .map(|element| {
                        element
                            .parse::<Sid<'_>>()
                            .map_err(|error| unreadable(element, error))
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                let request = BinlogStreamRequest::new(server_id)
                    .with_gtid()
                    .with_gtid_set(sids);
                Self::request(conn, request).await?
            }
            (None, flavor) => {
                if flavor == Flavor::Mariadb {
                    conn.query_drop("SET @mariadb_slave_capability = 4")
                        .await
                        .map_err(failed)?;
                }
                let offset = u32::try_from(from.binlog.offset).map_err(|_| {
                    DmError::new(
                        &codes::LINEAGE_MISMATCH,
                        format!(
                            "{} lies beyond 4 GiB, which this protocol cannot ask for",
                            from.binlog
                        ),
                    )
                    .with_workaround("use enable-gtid for this source")
                })?;
                let request = BinlogStreamRequest::new(server_id)
                    .with_filename(from.binlog.file.as_bytes())
                    .with_pos(u64::from(offset));
                Self::request(conn, request).await?
            }
        };
        Ok((
            Self {
                stream,
                within: FIRST_EVENT_WITHIN,
                inside_payload: false,
            },
            server,
        ))
    }

    async fn request(
        conn: Conn,
        request: BinlogStreamRequest<'_>,
    ) -> Result<BinlogStream, DmError> {
        conn.get_binlog_stream(request).await.map_err(failed)
    }

    /// The next event. Silence beyond the heartbeats is a transient error.
    pub(crate) async fn next(&mut self) -> Result<RawEvent, DmError> {
        loop {
            let silent = || {
                DmError::new(
                    &codes::DB_BAD_CONN,
                    format!("nothing came from the upstream for {:?}", self.within),
                )
            };
            let item = tokio::time::timeout(self.within, self.stream.next())
                .await
                .map_err(|_| silent())?;
            let event = match item {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Err(refused(errors::upstream(error))),
                None => {
                    return Err(DmError::new(
                        &codes::DB_BAD_CONN,
                        "the upstream ended the binlog stream",
                    ));
                }
            };
            let header = event.header();
            let code = header.event_type_raw();
            // After these the server may still search for the start.
            if !PREAMBLE.contains(&code) {
                self.within = DEAD_AFTER;
            }
            if self.inside_payload && header.log_pos() == 0 && !NEVER_INNER.contains(&code) {
                continue;
            }
            self.inside_payload = code == TRANSACTION_PAYLOAD;
            return Ok(RawEvent {
                bytes: whole(&event),
            });
        }
    }
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

/// The event as it was on the wire; the library hands out its parts.
fn whole(event: &mysql_async::binlog::events::Event) -> Vec<u8> {
    let header = event.header();
    let mut bytes = Vec::with_capacity(header.event_size() as usize);
    bytes.extend_from_slice(&header.timestamp().to_le_bytes());
    bytes.push(header.event_type_raw());
    bytes.extend_from_slice(&header.server_id().to_le_bytes());
    bytes.extend_from_slice(&header.event_size().to_le_bytes());
    bytes.extend_from_slice(&header.log_pos().to_le_bytes());
    bytes.extend_from_slice(&header.flags_raw().to_le_bytes());
    bytes.extend_from_slice(event.data());
    if header.event_type_raw() == FORMAT_DESCRIPTION
        && let Ok(Some(algorithm)) = event.footer().get_checksum_alg()
    {
        bytes.push(algorithm as u8);
    }
    if bytes.len() < header.event_size() as usize {
        bytes.extend_from_slice(&event.checksum().unwrap_or_default());
    }
    bytes
}

/// Gives the server's refusal of a stream its meaning.
fn refused(error: DmError) -> DmError {
    let text = error.to_string();
    let purged = [
        "purged",
        "Could not find first log file",
        "not find GTID",
        "requested starting GTID",
    ];
    if purged.iter().any(|words| text.contains(words)) {
        return DmError::new(&codes::POSITION_PURGED, "the upstream no longer has the binlog that this task needs")
            .with_cause(text)
            .with_workaround("start the task again with `start-task --remove-meta` after emptying its target tables, and keep binlogs longer upstream");
    }
    if text.contains("same server_uuid/server_id") || text.contains("same server-id") {
        return DmError::new(
            &codes::SERVER_ID_IN_USE,
            "another replica uses this source's server-id",
        )
        .with_cause(text);
    }
    error
}

fn unreadable(element: &str, error: impl std::fmt::Display) -> DmError {
    DmError::new(
        &codes::PARSE_GTID,
        format!("GTID set element {element} cannot be sent to the upstream"),
    )
    .with_cause(error)
}

fn failed(error: mysql_async::Error) -> DmError {
    errors::upstream(error)
}
