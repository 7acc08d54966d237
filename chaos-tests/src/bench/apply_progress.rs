//! What it costs that progress commits with the data: our commits are recorded and sent again, once as they are and once with
//! an unrelated row updated in the place of the lane's row.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use super::apply_insert::WORKLOAD;
use super::race::{Ours, Recorder, Upstream, load_average};
use super::{Measured, Options};
use crate::lab::{Database, Endpoint, Medium};

const PAIRS: usize = 9;
const ROWS: u64 = 200_000;
const LANE_UPDATE: &str = "UPDATE `dm_meta`.`dm_lane` SET seq = ";
const OTHER_UPDATE: &str = "UPDATE bench.other SET n = n + 1 WHERE id = 1";
const MADE_BEFORE: [&str; 4] = [
    "CREATE TABLE bench.other (id INT PRIMARY KEY, n BIGINT NOT NULL, text MEDIUMTEXT NOT NULL) ENGINE=InnoDB",
    "INSERT INTO bench.other VALUES (1, 0, '')",
    "CREATE DATABASE dm_meta",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
];

/// The commits of one lane, and the table and row that they need.
struct Recorded {
    queries: Vec<String>,
    create: String,
    row: Vec<mysql_async::Value>,
}

pub(super) async fn measure(options: &Options) -> Result<Measured> {
    let upstream = Upstream::prepare(&WORKLOAD, options.rows.unwrap_or(ROWS)).await?;
    let recorded = record(&upstream).await?;
    let others: Vec<String> = recorded
        .queries
        .iter()
        .map(|query| without_lane(query))
        .collect::<Result<_>>()?;
    println!("{} queries", recorded.queries.len());
    let mut values = Vec::new();
    for pair in 1..=options.pairs(PAIRS) {
        let before = load_average();
        let (with, without) = if pair % 2 == 1 {
            let with = replay(&upstream, &recorded, &recorded.queries).await?;
            (with, replay(&upstream, &recorded, &others).await?)
        } else {
            let without = replay(&upstream, &recorded, &others).await?;
            (
                replay(&upstream, &recorded, &recorded.queries).await?,
                without,
            )
        };
        let percent = (with / without - 1.0) * 100.0;
        println!(
            "pair {pair}: {with:.3} s with progress, {without:.3} s with an unrelated row: {percent:+.2} %; load average {before}"
        );
        values.push(percent);
    }
    Ok(Measured {
        name: "apply-progress",
        unit: "%",
        values,
    })
}

/// One lane, so that one connection has everything and its order is the right one.
async fn record(upstream: &Upstream) -> Result<Recorded> {
    let ours = Ours::start(Some(1)).await?;
    ours.create_source(upstream).await?;
    let target = upstream.target(Medium::Memory, &[]).await?;
    let recorder = Recorder::start(target.endpoint().addr()).await?;
    let through = Endpoint {
        host: "127.0.0.1".to_owned(),
        port: recorder.port(),
        ..target.endpoint().clone()
    };
    ours.start_task(upstream, &through).await?;
    ours.wait_applied(upstream).await?;
    ours.stop_task().await?;
    let commits = |queries: &[String]| queries.iter().filter(|query| is_commit(query)).count();
    let queries = recorder
        .queries()?
        .into_iter()
        .max_by_key(|queries| commits(queries))
        .context("no connection")?;
    ensure!(
        commits(&queries) > 10,
        "no commits with {LANE_UPDATE:?} were recorded"
    );
    let first = queries
        .iter()
        .position(|query| is_commit(query))
        .context("no commit")?;
    let last = queries
        .iter()
        .rposition(|query| query == "COMMIT")
        .context("no end of a commit")?;
    let queries = queries.get(first..=last).context("no commits")?.to_vec();
    let (lane, seq) = (
        number(&queries, "AND lane = ")?,
        number(&queries, "AND seq = ")?,
    );
    let mut conn = target.conn().await?;
    let create: Option<(String, String)> = conn
        .query_first("SHOW CREATE TABLE dm_meta.dm_lane")
        .await?;
    conn.query_drop(format!(
        "UPDATE dm_meta.dm_lane SET seq = {seq} WHERE lane = {lane}"
    ))
    .await?;
    let row: Option<mysql_async::Row> = conn
        .query_first(format!("SELECT * FROM dm_meta.dm_lane WHERE lane = {lane}"))
        .await?;
    conn.disconnect().await?;
    Ok(Recorded {
        queries,
        create: create.context("no dm_lane")?.1,
        row: row.context("no such lane")?.unwrap(),
    })
}

/// A commit of rows; setting up writes other meta tables.
fn is_commit(query: &str) -> bool {
    query.contains(LANE_UPDATE) && query.contains("`sbtest1`")
}

/// The number that stands after `text` in the first query.
fn number(queries: &[String], text: &str) -> Result<u64> {
    let query = queries.first().context("no query")?;
    let (_, after) = query
        .split_once(text)
        .with_context(|| format!("no {text:?} in {query}"))?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}

fn without_lane(query: &str) -> Result<String> {
    let Some(start) = query.find(LANE_UPDATE) else {
        return Ok(query.to_owned());
    };
    let (before, update) = query.split_at(start);
    let (_, after) = update
        .split_once(';')
        .context("the lane's update does not end")?;
    Ok(format!("{before}{OTHER_UPDATE};{after}"))
}

async fn replay(upstream: &Upstream, recorded: &Recorded, queries: &[String]) -> Result<f64> {
    let target: Database = upstream.target(Medium::Memory, &[]).await?;
    let mut conn = target.conn().await?;
    for statement in MADE_BEFORE {
        conn.query_drop(statement).await?;
    }
    conn.query_drop("USE dm_meta").await?;
    conn.query_drop(&recorded.create).await?;
    let places = vec!["?"; recorded.row.len()].join(", ");
    conn.exec_drop(
        format!("INSERT INTO dm_lane VALUES ({places})"),
        recorded.row.clone(),
    )
    .await?;
    let start = Instant::now();
    for query in queries {
        conn.query_drop(query).await?;
    }
    let time = start.elapsed().as_secs_f64();
    conn.disconnect().await?;
    upstream.must_be_equal(&target).await?;
    Ok(time)
}
