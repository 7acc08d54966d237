//! Our decoder against mysql_common on the same binlog of a real server: bulk row events (`decode`) and single-row transactions
//! (`decode-small`). One thread, the file in memory. Both sides hash every value of every row, and the hashes have to match.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use dm_binlog::{Decoder, Event, InnerEvents, RowPlan, Value as Ours};
use mysql_async::prelude::Queryable;
use mysql_common::Value as Theirs;
use mysql_common::binlog::EventStreamReader;
use mysql_common::binlog::consts::BinlogVersion;
use mysql_common::binlog::events::EventData;
use mysql_common::binlog::value::BinlogValue;
use xxhash_rust::xxh3::xxh3_64;

use super::Measured;
use crate::lab::{Database, Kind};

/// Rows of the bulk binlog, in statements of this many.
const BULK_ROWS: u64 = 400_000;
const BULK_STATEMENT: u64 = 2_000;
/// Transactions of the other one.
const SMALL_TRANSACTIONS: u64 = 60_000;
/// Ours is too quick to be timed once.
const OURS_REPEATED: u32 = 8;

pub(super) async fn bulk(pairs: usize) -> Result<Measured> {
    let file = written(false).await?;
    compare("decode", &file, pairs)
}

pub(super) async fn small(pairs: usize) -> Result<Measured> {
    let file = written(true).await?;
    compare("decode-small", &file, pairs)
}

/// A binlog of sysbench's table.
async fn written(small: bool) -> Result<Vec<u8>> {
    let database = Database::builder(Kind::Mysql97)
        .arg("--sync-binlog=0")
        .arg("--innodb-flush-log-at-trx-commit=0")
        .arg("--max-binlog-size=1073741824")
        .start()
        .await?;
    let mut conn = database.conn().await?;
    conn.query_drop("CREATE DATABASE bench").await?;
    conn.query_drop("CREATE TABLE bench.sbtest (id INT PRIMARY KEY AUTO_INCREMENT, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL)").await?;
    let text = "REPEAT(SUBSTR(MD5(RAND()), 1, 10), 12)";
    let row = format!("FLOOR(RAND() * 1000000), {text}, LEFT({text}, 60)");
    conn.query_drop("FLUSH BINARY LOGS").await?;
    if small {
        let seed = format!("INSERT INTO bench.sbtest (k, c, pad) SELECT {row}");
        conn.query_drop(&seed).await?;
        conn.query_drop("FLUSH BINARY LOGS").await?;
        // The server makes the transactions by itself, one round trip for all of them.
        conn.query_drop(format!("CREATE PROCEDURE bench.fill(n INT) BEGIN WHILE n > 0 DO INSERT INTO bench.sbtest (k, c, pad) SELECT {row}; SET n = n - 1; END WHILE; END")).await?;
        conn.query_drop("FLUSH BINARY LOGS").await?;
        conn.query_drop(format!("CALL bench.fill({SMALL_TRANSACTIONS})"))
            .await?;
    } else {
        for _ in 0..BULK_ROWS / BULK_STATEMENT {
            conn.query_drop(format!("INSERT INTO bench.sbtest (k, c, pad) WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n WHERE i < {BULK_STATEMENT}) SELECT /*+ SET_VAR(cte_max_recursion_depth = {BULK_STATEMENT}) */ {row} FROM n")).await?;
        }
    }
    let status: Option<mysql_async::Row> = conn.query_first("SHOW BINARY LOG STATUS").await?;
    let name: String = status
        .and_then(|row| row.get(0))
        .context("the server has no binlog")?;
    conn.query_drop("FLUSH BINARY LOGS").await?;
    let file = fs::read(database.folder().join("data").join(&name))?;
    println!(
        "{} of {}: {:.1} MB",
        name,
        database.kind().title(),
        file.len() as f64 / 1e6
    );
    Ok(file)
}

fn compare(name: &'static str, file: &[u8], pairs: usize) -> Result<Measured> {
    let mut values = Vec::new();
    for pair in 1..=pairs {
        let (theirs, their_hash, rows) = timed(1, || mysql_common(file))?;
        let (ours, our_hash, our_rows) = timed(OURS_REPEATED, || dm_binlog(file))?;
        ensure!(
            (their_hash, rows) == (our_hash, our_rows),
            "the decoders differ: {their_hash:016x} of {rows} rows, {our_hash:016x} of {our_rows}"
        );
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        println!(
            "pair {pair}: {rows} rows, hash {our_hash:016x}; mysql_common {:.3} GB/s, dm-binlog {:.3} GB/s, ratio {ratio:.1}",
            speed(file, theirs),
            speed(file, ours)
        );
        values.push(ratio);
    }
    Ok(Measured {
        name,
        unit: "x",
        values,
    })
}

fn speed(file: &[u8], time: Duration) -> f64 {
    file.len() as f64 / 1e9 / time.as_secs_f64()
}

/// The mean time of one run, with its hash and count of rows.
fn timed(
    times: u32,
    mut decode: impl FnMut() -> Result<(u64, u64)>,
) -> Result<(Duration, u64, u64)> {
    let start = Instant::now();
    let mut found = (0, 0);
    for _ in 0..times {
        found = decode()?;
    }
    Ok((start.elapsed() / times, found.0, found.1))
}

/// Order matters, so a value at another place gives another hash.
struct Hash(u64);

impl Hash {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(xxh3_64(bytes));
    }
}

fn dm_binlog(file: &[u8]) -> Result<(u64, u64)> {
    let (mut hash, mut rows) = (Hash(0), 0);
    let mut decoder = Decoder::new();
    let mut plan: Option<(std::sync::Arc<dm_binlog::TableMap>, RowPlan)> = None;
    for bytes in InnerEvents::new(file.get(4..).unwrap_or_default()) {
        let (_, event) = decoder.decode(bytes?)?;
        let Event::Rows(event) = event else { continue };
        if !plan
            .as_ref()
            .is_some_and(|(map, _)| std::sync::Arc::ptr_eq(map, &event.map))
        {
            let signs = vec![false; event.map.columns.len()];
            plan = Some((event.map.clone(), RowPlan::new(&event.map, &signs)?));
        }
        let Some((_, plan)) = &plan else { continue };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut walk = event.rows(plan);
        while let Some(read) = walk.next_into(&mut before, &mut after) {
            read?;
            rows += 1;
            for value in &after {
                match value {
                    Some(Ours::Int(value)) => hash.word(*value as u64),
                    Some(Ours::Bytes(bytes)) => hash.bytes(bytes),
                    other => anyhow::bail!("no value of this table: {other:?}"),
                }
            }
        }
    }
    Ok((hash.0, rows))
}

fn mysql_common(file: &[u8]) -> Result<(u64, u64)> {
    let (mut hash, mut rows) = (Hash(0), 0);
    let mut input = file.get(4..).unwrap_or_default();
    let mut reader = EventStreamReader::new(BinlogVersion::Version4);
    while !input.is_empty() {
        let Some(event) = reader.read(&mut input)? else {
            break;
        };
        let Some(EventData::RowsEvent(event)) = event.read_data()? else {
            continue;
        };
        let map = reader
            .get_tme(event.table_id())
            .context("rows without a table map")?;
        for row in event.rows(map) {
            let (_, after) = row?;
            rows += 1;
            for value in after.context("an insert")?.unwrap() {
                match value {
                    BinlogValue::Value(Theirs::Int(value)) => hash.word(value as u64),
                    BinlogValue::Value(Theirs::Bytes(bytes)) => hash.bytes(&bytes),
                    other => anyhow::bail!("no value of this table: {other:?}"),
                }
            }
        }
    }
    Ok((hash.0, rows))
}
