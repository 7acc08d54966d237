use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, TxOpts};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::lab::Endpoint;

const KEYS: u64 = 300;
/// Most transactions meet these.
const HOT_KEYS: u64 = 12;
const WRITE_EVERY: Duration = Duration::from_millis(3);
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// Keys whose versions only ever grow at the source, by several statements a transaction, deletes and new inserts among them.
/// Each row proves by `tag` that it is one that the source had.
pub(super) struct Versions {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    task: JoinHandle<Result<()>>,
}

impl Versions {
    /// Makes the table.
    pub(super) async fn create(source: &Endpoint, table: &str) -> Result<()> {
        let mut conn = source.conn().await?;
        conn.query_drop(format!(
            "CREATE TABLE {table} (id INT PRIMARY KEY, v BIGINT NOT NULL, tag CHAR(64) CHARACTER SET ascii NOT NULL, UNIQUE KEY (tag))"
        ))
        .await?;
        for id in 1..=KEYS {
            conn.query_drop(format!(
                "INSERT INTO {table} VALUES ({id}, 1, SHA2('{id}:1', 256))"
            ))
            .await?;
        }
        Ok(conn.disconnect().await?)
    }

    /// Writes until it is stopped.
    pub(super) async fn start(source: &Endpoint, table: &str, seed: u64) -> Result<Self> {
        let (stop, written) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let task = tokio::spawn(write(
            source.conn().await?,
            table.to_owned(),
            StdRng::seed_from_u64(seed),
            Arc::clone(&stop),
            Arc::clone(&written),
        ));
        Ok(Self {
            stop,
            written,
            task,
        })
    }

    /// Ends it and returns the number of its transactions.
    pub(super) async fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await?.context("writing versions at the source")?;
        Ok(self.written.load(Ordering::SeqCst))
    }
}

async fn write(
    mut conn: Conn,
    table: String,
    mut rng: StdRng,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
) -> Result<()> {
    while !stop.load(Ordering::SeqCst) {
        let mut transaction = conn.start_transaction(TxOpts::default()).await?;
        for _ in 0..rng.random_range(1..4) {
            let keys = if rng.random_ratio(2, 3) {
                HOT_KEYS
            } else {
                KEYS
            };
            let id = rng.random_range(1..=keys);
            let grow = format!(
                "UPDATE {table} SET v = v + 1, tag = SHA2(CONCAT(id, ':', v), 256) WHERE id = {id}"
            );
            if rng.random_ratio(1, 8) {
                let v: Option<i64> = transaction
                    .query_first(format!("SELECT v FROM {table} WHERE id = {id}"))
                    .await?;
                let v = v.context("a key is missing")? + 1;
                transaction
                    .query_drop(format!("DELETE FROM {table} WHERE id = {id}"))
                    .await?;
                transaction
                    .query_drop(format!(
                        "INSERT INTO {table} VALUES ({id}, {v}, SHA2('{id}:{v}', 256))"
                    ))
                    .await?;
            } else {
                transaction.query_drop(grow).await?;
            }
        }
        transaction.commit().await?;
        written.fetch_add(1, Ordering::SeqCst);
        sleep(WRITE_EVERY).await;
    }
    Ok(conn.disconnect().await?)
}

/// Reads the target in consistent snapshots all the time: no key ever goes back, is missing or is torn, and the sum of all
/// accounts never changes.
pub(super) struct Judge {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    snapshots: u64,
    versions: BTreeMap<i64, i64>,
    wrong: Vec<String>,
}

impl Judge {
    /// Starts once both tables are loaded. The target may come and go.
    pub(super) fn start(target: &Endpoint, versions: &str, accounts: &str, balance: i64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(judge(
            target.clone(),
            versions.to_owned(),
            accounts.to_owned(),
            balance,
            Arc::clone(&stop),
        ));
        Self { stop, task }
    }

    /// The number of snapshots, when none was wrong.
    pub(super) async fn end(self) -> Result<u64> {
        self.stop.store(true, Ordering::SeqCst);
        let seen = self.task.await?;
        ensure!(
            seen.wrong.is_empty(),
            "{} of {} snapshots of the target were wrong, first: {:?}",
            seen.wrong.len(),
            seen.snapshots,
            seen.wrong.first()
        );
        Ok(seen.snapshots)
    }
}

async fn judge(
    target: Endpoint,
    versions: String,
    accounts: String,
    balance: i64,
    stop: Arc<AtomicBool>,
) -> Seen {
    let (mut seen, mut conn): (Seen, Option<Conn>) = (Seen::default(), None);
    while !stop.load(Ordering::SeqCst) {
        sleep(LOOK_EVERY).await;
        let Ok(mut open) = (match conn.take() {
            Some(open) => Ok(open),
            None => target.conn().await,
        }) else {
            continue;
        };
        // A connection that failed is not used again.
        let Ok((rows, sum)) = look(&mut open, &versions, &accounts).await else {
            continue;
        };
        conn = Some(open);
        seen.snapshots += 1;
        if sum != balance {
            seen.wrong
                .push(format!("the accounts' sum is {sum}, not {balance}"));
        }
        if rows.len() as u64 != KEYS {
            seen.wrong.push(format!("{} keys, not {KEYS}", rows.len()));
        }
        for (id, v, good) in rows {
            let before = seen.versions.insert(id, v).unwrap_or(0);
            if v < before || !good {
                seen.wrong.push(format!(
                    "key {id} is at version {v} (tag right: {good}) after version {before}"
                ));
            }
        }
    }
    seen
}

async fn look(
    conn: &mut Conn,
    versions: &str,
    accounts: &str,
) -> Result<(Vec<(i64, i64, bool)>, i64)> {
    let mut options = TxOpts::default();
    options.with_consistent_snapshot(true);
    let mut transaction = conn.start_transaction(options).await?;
    let rows = transaction
        .query(format!(
            "SELECT id, v, tag = SHA2(CONCAT(id, ':', v), 256) FROM {versions}"
        ))
        .await?;
    let sum: Option<i64> = transaction
        .query_first(format!(
            "SELECT CAST(SUM(balance) AS SIGNED) FROM {accounts}"
        ))
        .await?;
    transaction.commit().await?;
    Ok((rows, sum.context("no accounts")?))
}
