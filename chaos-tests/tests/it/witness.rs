//! What the target tells about the fence: who committed what, under which epoch, in which order.
//!
//! Two witnesses that no worker can talk its way around. The [`History`] of snapshots testifies on every target. On MySQL
//! the rows of `dm_lane` and `dm_head` in the target's binlog do so as well, and miss no commit.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::Product;
use futures::StreamExt;
use mysql_async::BinlogStreamRequest;
use mysql_async::Value;
use mysql_async::binlog::events::{EventData, RowsEventData};
use mysql_async::binlog::row::BinlogRow;
use mysql_async::binlog::value::BinlogValue;
use mysql_async::prelude::Queryable;

use crate::history::History;
use crate::scene::Scene;

/// Columns of `dm_lane` and `dm_head`.
const LANE_NUMBER: usize = 2;
const LANE_EPOCH: usize = 3;
const LANE_SEQ: usize = 5;
const LANE_CONNECTION: usize = 6;
const LANE_PROGRESS: usize = 8;
const HEAD_EPOCH: usize = 4;
/// Must differ from all servers of the test.
const SERVER_ID: u32 = 4_000_001;

/// A row of `dm_lane`.
#[derive(Clone, Debug, PartialEq)]
struct LaneRow {
    epoch: i64,
    seq: i64,
    connection: i64,
    progress: Vec<u8>,
}

/// A transaction of the target.
#[derive(Debug, Default)]
struct Commit {
    connection: i64,
    data: BTreeSet<String>,
    lanes: Vec<(i64, Option<LaneRow>, LaneRow)>,
    heads: Vec<(i64, i64)>,
}

/// What was found when nothing was wrong.
#[derive(Debug)]
pub(crate) struct Testimony {
    /// Transactions with rows of the migrated database, per epoch; of the history, those that it saw.
    pub(crate) data_commits: BTreeMap<i64, usize>,
}

/// Hears the history and, where there is one, the binlog.
pub(crate) async fn judge(scene: &Scene, history: History) -> Result<Testimony> {
    let mut testimony = history.judge().await?;
    if matches!(scene.target.product(), Product::Mysql(_)) {
        testimony = judge_binlog(scene).await?;
    }
    println!("data commits per epoch: {:?}", testimony.data_commits);
    Ok(testimony)
}

/// Reads the target's binlog and fails when a transaction should not be in it:
/// epochs never go down; data commits only together with its lane's row, whose sequence it advances by one under the
/// epoch in force, from the connection that the row names.
async fn judge_binlog(scene: &Scene) -> Result<Testimony> {
    let commits = read(scene).await?;
    let mut lanes: BTreeMap<i64, LaneRow> = BTreeMap::new();
    let mut data_commits: BTreeMap<i64, usize> = BTreeMap::new();
    let (mut head, mut newest_with_data) = (0, 0);
    for commit in &commits {
        for (before, after) in &commit.heads {
            ensure!(
                after >= before && *before == head,
                "the head's epoch goes from {before} to {after}, it was {head}"
            );
            head = *after;
        }
        let mut advanced = Vec::new();
        for (lane, before, after) in &commit.lanes {
            ensure!(
                before.as_ref() == lanes.get(lane),
                "lane {lane}: {before:?} is not what it was: {:?}",
                lanes.get(lane)
            );
            if let Some(before) = before {
                ensure!(
                    after.epoch >= before.epoch,
                    "the epoch of lane {lane} goes down: {before:?}, {after:?}"
                );
                ensure!(
                    after.seq == before.seq || after.seq == before.seq + 1,
                    "lane {lane}: {before:?}, {after:?}"
                );
                // A new owner takes the progress of all lanes into lane 0's row, through that lane, before it writes any rows.
                let folded = *lane != 0
                    && commit.data.is_empty()
                    && commit.lanes.iter().any(|(other, ..)| *other == 0);
                // A raise moves the sequence too; it brings neither rows nor progress.
                if after.seq != before.seq
                    && !folded
                    && (!commit.data.is_empty() || after.progress != before.progress)
                {
                    ensure!(
                        after.epoch == before.epoch,
                        "lane {lane}: {before:?}, {after:?}"
                    );
                    ensure!(
                        commit.connection == after.connection,
                        "connection {} committed through lane {lane}, which belongs to {}: {commit:?}",
                        commit.connection,
                        after.connection
                    );
                    advanced.push(after.epoch);
                }
            }
            ensure!(
                after.epoch <= head,
                "lane {lane} has epoch {} above the head's {head}",
                after.epoch
            );
            lanes.insert(*lane, after.clone());
        }
        if !commit.data.is_empty() {
            ensure!(
                advanced.len() == 1,
                "rows of {:?} without their lane's row: {commit:?}",
                commit.data
            );
            let epoch = advanced[0];
            ensure!(
                epoch >= newest_with_data,
                "epoch {epoch} commits after epoch {newest_with_data}"
            );
            newest_with_data = epoch;
            *data_commits.entry(epoch).or_default() += 1;
        }
    }
    ensure!(
        !data_commits.is_empty(),
        "no data in {} transactions of the target's binlog",
        commits.len()
    );
    Ok(Testimony { data_commits })
}

async fn read(scene: &Scene) -> Result<Vec<Commit>> {
    let mut conn = scene.target.conn().await?;
    let first: Vec<mysql_async::Row> = conn.query("SHOW BINARY LOGS").await?;
    let file: String = first
        .first()
        .and_then(|row| row.get(0))
        .context("the target has no binlog")?;
    let request = BinlogStreamRequest::new(SERVER_ID)
        .with_filename(file.as_bytes())
        .with_pos(4)
        .with_non_blocking();
    let mut stream = conn.get_binlog_stream(request).await?;
    let (mut commits, mut open) = (Vec::new(), Commit::default());
    while let Some(event) = stream.next().await {
        let event = event?;
        match event.read_data()? {
            Some(EventData::QueryEvent(query)) => {
                open = Commit {
                    connection: i64::from(query.thread_id()),
                    ..Commit::default()
                };
            }
            Some(EventData::RowsEvent(rows)) => {
                let map = stream
                    .get_tme(rows.table_id())
                    .context("rows without a table map")?;
                let (schema, table) = (
                    map.database_name().into_owned(),
                    map.table_name().into_owned(),
                );
                note(scene, &mut open, &rows, map, &schema, &table)?;
            }
            Some(EventData::XidEvent(_)) => commits.push(std::mem::take(&mut open)),
            _ => {}
        }
    }
    Ok(commits)
}

fn note(
    scene: &Scene,
    open: &mut Commit,
    rows: &RowsEventData<'_>,
    map: &mysql_async::binlog::events::TableMapEvent<'_>,
    schema: &str,
    table: &str,
) -> Result<()> {
    if schema == scene.db {
        open.data.insert(table.to_owned());
    }
    if schema != scene.meta {
        return Ok(());
    }
    for change in rows.rows(map) {
        let (before, after) = change?;
        match (table, after) {
            ("dm_lane", Some(after)) => {
                open.lanes.push((
                    number(&after, LANE_NUMBER)?,
                    before.as_ref().map(lane_row).transpose()?,
                    lane_row(&after)?,
                ));
            }
            ("dm_head", Some(after)) => {
                let old = before
                    .as_ref()
                    .map_or(Ok(0), |row| number(row, HEAD_EPOCH))?;
                open.heads.push((old, number(&after, HEAD_EPOCH)?));
            }
            _ => {}
        }
    }
    Ok(())
}

fn lane_row(row: &BinlogRow) -> Result<LaneRow> {
    Ok(LaneRow {
        epoch: number(row, LANE_EPOCH)?,
        seq: number(row, LANE_SEQ)?,
        connection: number(row, LANE_CONNECTION)?,
        progress: match row.as_ref(LANE_PROGRESS) {
            Some(BinlogValue::Value(Value::Bytes(bytes))) => bytes.clone(),
            other => anyhow::bail!("the progress is {other:?}"),
        },
    })
}

fn number(row: &BinlogRow, column: usize) -> Result<i64> {
    match row.as_ref(column) {
        Some(BinlogValue::Value(Value::Int(number))) => Ok(*number),
        Some(BinlogValue::Value(Value::UInt(number))) => Ok(i64::try_from(*number)?),
        other => anyhow::bail!("column {column} is {other:?}"),
    }
}
