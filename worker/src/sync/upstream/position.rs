//! Where the source's binlog stands.

use dm_model::{BinlogPosition, DmError, Flavor, GtidSet, Position, codes};
use mysql_async::{Conn, Row, prelude::Queryable};

use crate::{database::ServerIdentity, sync::errors};

/// The position after the newest transaction. GTID set and offset are read one after the other and may differ by a transaction:
/// with GTID only the set counts.
pub(crate) async fn current_position(
    conn: &mut Conn,
    server: &ServerIdentity,
    with_gtid: bool,
) -> Result<Position, DmError> {
    let upstream = errors::upstream;
    let gtid = if with_gtid {
        Some(executed_set(conn, server).await?)
    } else {
        None
    };
    // MySQL 8.4 and later know only the first form, older ones and MariaDB only the second.
    let row: Option<Row> = match conn.query_first("SHOW BINARY LOG STATUS").await {
        Ok(row) => row,
        Err(mysql_async::Error::Server(_)) => conn
            .query_first("SHOW MASTER STATUS")
            .await
            .map_err(upstream)?,
        Err(error) => return Err(upstream(error)),
    };
    let place = row.and_then(|row| Some((text(&row, 0)?, text(&row, 1)?.parse::<u64>().ok()?)));
    let (file, offset) = place.ok_or_else(|| {
        DmError::new(
            &codes::NO_MASTER_STATUS,
            "the upstream answers the status of its binary log with nothing: is its binlog on?",
        )
        .with_workaround("set log_bin on the upstream and give the user REPLICATION CLIENT")
    })?;
    Ok(Position {
        gtid,
        binlog: BinlogPosition::new(file, offset),
        server: server.uuid.clone(),
    })
}

/// Where MariaDB's open snapshot of this session stands: engine and binlog agree on it, unlike on the binlog's own end.
pub(crate) async fn engine_position(
    conn: &mut Conn,
    server: &ServerIdentity,
    with_gtid: bool,
) -> Result<Position, DmError> {
    let upstream = errors::upstream;
    let rows: Vec<(String, String)> = conn
        .query("SHOW STATUS LIKE 'binlog_snapshot_%'")
        .await
        .map_err(upstream)?;
    let value = |name: &str| {
        rows.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    };
    let place = value("binlog_snapshot_file")
        .zip(value("binlog_snapshot_position").and_then(|offset| offset.parse::<u64>().ok()));
    let (file, offset) = place.ok_or_else(|| {
        DmError::new(
            &codes::NO_MASTER_STATUS,
            "the upstream does not say where a snapshot stands (Binlog_snapshot_file): is its binlog on?",
        )
    })?;
    let gtid = if with_gtid {
        let set: Option<String> = conn
            .exec_first("SELECT BINLOG_GTID_POS(?, ?)", (file, offset))
            .await
            .map_err(upstream)?;
        Some(GtidSet::parse_for(
            server.flavor(),
            &set.unwrap_or_default(),
        )?)
    } else {
        None
    };
    Ok(Position {
        gtid,
        binlog: BinlogPosition::new(file, offset),
        server: server.uuid.clone(),
    })
}

/// Whether the source still has everything after `position` in its binlogs.
pub(crate) async fn still_has(
    conn: &mut Conn,
    server: &ServerIdentity,
    position: &Position,
) -> Result<bool, DmError> {
    if let (Some(set), Flavor::Mysql) = (&position.gtid, server.flavor()) {
        let purged: Option<String> = conn
            .query_first("SELECT @@GLOBAL.gtid_purged")
            .await
            .map_err(errors::upstream)?;
        return Ok(set.is_superset(&GtidSet::parse_for(
            Flavor::Mysql,
            &purged.unwrap_or_default(),
        )?));
    }
    let files: Vec<Row> = conn
        .query("SHOW BINARY LOGS")
        .await
        .map_err(errors::upstream)?;
    // A set of MariaDB does not name the file; the stream itself will say.
    Ok(position.gtid.is_some()
        || files
            .iter()
            .any(|row| text(row, 0).as_deref() == Some(position.binlog.file.as_str())))
}

async fn executed_set(conn: &mut Conn, server: &ServerIdentity) -> Result<GtidSet, DmError> {
    let select = match server.flavor() {
        Flavor::Mysql => "SELECT @@GLOBAL.gtid_executed",
        Flavor::Mariadb => "SELECT @@GLOBAL.gtid_binlog_pos",
    };
    let set: Option<String> = conn.query_first(select).await.map_err(errors::upstream)?;
    GtidSet::parse_for(server.flavor(), &set.unwrap_or_default())
}

fn text(row: &Row, index: usize) -> Option<String> {
    row.get_opt::<String, _>(index)?.ok()
}
