//! A write load on few tables in which a row lost, doubled or half applied shows.
//!
//! - `keyed`: a primary key and a second unique key.
//! - `plain`: no key at all, with rows that are equal to each other.
//! - `pair`: a composite key whose values move.
//! - `account`: transfers; the sum never changes.
//! - `tick`: one row per transaction, so that one sees how far the target is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::Endpoint;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinHandle;

use crate::scene::{Plan, Scene, seed};

const FEW_ROWS: u32 = 500;
const RATE: u32 = 200;
const FIRST_ROW_MAX: Duration = Duration::from_secs(15);
const ACCOUNTS: u32 = 20;
const BALANCE: u32 = 1_000;
/// A source that is down is tried again after this time.
const RECONNECT: Duration = Duration::from_millis(100);
/// The default of one product may be unknown to the other; this one all have.
const COMMON_COLLATION: &str =
    "ALTER DATABASE `{db}` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
const TABLES: [&str; 6] = [
    "CREATE DATABASE `{db}`",
    "CREATE TABLE `{db}`.keyed (id BIGINT PRIMARY KEY, code VARCHAR(40) NOT NULL, n INT NOT NULL, UNIQUE KEY (code))",
    "CREATE TABLE `{db}`.plain (a INT, b VARCHAR(40), f FLOAT, t TIMESTAMP(3) NULL)",
    "CREATE TABLE `{db}`.pair (a INT, b VARCHAR(20), n DECIMAL(12,3), PRIMARY KEY (a, b))",
    "CREATE TABLE `{db}`.account (id INT PRIMARY KEY, balance INT NOT NULL)",
    "CREATE TABLE `{db}`.tick (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6))",
];

/// Makes the tables with `rows` rows in the larger ones.
pub(crate) async fn populate(scene: &Scene, rows: u32) -> Result<()> {
    scene.at_source(&TABLES[..1]).await?;
    if std::mem::discriminant(scene.source.product())
        != std::mem::discriminant(scene.target.product())
    {
        scene.at_source(&[COMMON_COLLATION]).await?;
    }
    scene.at_source(&TABLES[1..]).await?;
    let mut conn = scene.source.conn().await?;
    conn.query_drop(format!("USE `{}`", scene.db)).await?;
    for first in (1..=rows).step_by(500) {
        let last = (first + 499).min(rows);
        let values = |row: fn(u32) -> String| (first..=last).map(row).collect::<Vec<_>>().join(",");
        for statement in [
            format!(
                "INSERT INTO keyed (id, code, n) VALUES {}",
                values(|n| format!("({n}, 'k{n}', 0)"))
            ),
            format!(
                "INSERT INTO plain (a, b, f, t) VALUES {}",
                values(|n| format!("({0}, 'p{0}', {0}.25, NULL)", n % 97))
            ),
            format!(
                "INSERT INTO pair (a, b, n) VALUES {}",
                values(|n| format!("({}, 'b{n}', {n}.125)", n % 7))
            ),
        ] {
            conn.query_drop(statement).await?;
        }
    }
    let accounts: Vec<String> = (1..=ACCOUNTS)
        .map(|id| format!("({id}, {BALANCE})"))
        .collect();
    conn.query_drop(format!("INSERT INTO account VALUES {}", accounts.join(",")))
        .await?;
    conn.query_drop("INSERT INTO tick (at) VALUES (NOW(6))")
        .await?;
    Ok(conn.disconnect().await?)
}

/// A running load.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    transactions: Arc<AtomicU64>,
    task: JoinHandle<Result<()>>,
}

impl Load {
    /// Writes about `rate` transactions per second until it is stopped, through restarts of the source.
    pub(crate) fn start(scene: &Scene, seed: u64, rate: u32) -> Self {
        let (stop, transactions) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let writer = Writer {
            endpoint: scene.source.endpoint().clone(),
            db: scene.db.clone(),
            rng: StdRng::seed_from_u64(seed),
            next_id: 1_000_000,
            stop: Arc::clone(&stop),
            transactions: Arc::clone(&transactions),
            pause: Duration::from_secs(1) / rate,
        };
        Self {
            stop,
            transactions,
            task: tokio::spawn(writer.run()),
        }
    }

    /// Ends it and returns the number of its transactions.
    pub(crate) async fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await??;
        Ok(self.transactions.load(Ordering::Relaxed))
    }
}

struct Writer {
    endpoint: Endpoint,
    db: String,
    rng: StdRng,
    next_id: u64,
    stop: Arc<AtomicBool>,
    transactions: Arc<AtomicU64>,
    pause: Duration,
}

impl Writer {
    async fn run(mut self) -> Result<()> {
        let mut conn: Option<Conn> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let Some(open) = conn.as_mut() else {
                conn = self.connect().await;
                continue;
            };
            match transaction(open, &mut self.rng, &mut self.next_id).await {
                Ok(()) => {
                    self.transactions.fetch_add(1, Ordering::Relaxed);
                }
                // Going down, or gone.
                Err(mysql_async::Error::Server(error))
                    if matches!(error.code, 1053 | 1290 | 1927 | 3169) =>
                {
                    conn = None
                }
                Err(mysql_async::Error::Io(_) | mysql_async::Error::Driver(_)) => conn = None,
                Err(error) => return Err(error).context("the load at the source"),
            }
            tokio::time::sleep(self.pause).await;
        }
        Ok(())
    }
}

impl Writer {
    async fn connect(&self) -> Option<Conn> {
        if let Ok(mut conn) = self.endpoint.conn().await
            && conn.query_drop(format!("USE `{}`", self.db)).await.is_ok()
        {
            return Some(conn);
        }
        tokio::time::sleep(RECONNECT).await;
        None
    }
}

async fn transaction(
    conn: &mut Conn,
    rng: &mut StdRng,
    next_id: &mut u64,
) -> Result<(), mysql_async::Error> {
    conn.query_drop("BEGIN").await?;
    for _ in 0..rng.random_range(1..4) {
        for statement in change(rng, next_id) {
            conn.query_drop(statement).await?;
        }
    }
    conn.query_drop("INSERT INTO tick (at) VALUES (NOW(6))")
        .await?;
    conn.query_drop("COMMIT").await
}

fn change(rng: &mut StdRng, next_id: &mut u64) -> Vec<String> {
    *next_id += 1;
    let (id, small, a) = (*next_id, rng.random_range(1..400), rng.random_range(0..97));
    match rng.random_range(0..10) {
        0 => vec![format!(
            "INSERT INTO keyed (id, code, n) VALUES ({id}, 'n{id}', 1), ({id}000, 'm{id}', 2)"
        )],
        1 => vec![format!("UPDATE keyed SET n = n + 1 WHERE id = {small}")],
        2 => vec![
            format!("DELETE FROM keyed WHERE id = {small}"),
            format!("INSERT INTO keyed (id, code, n) VALUES ({small}, 'r{id}', 9)"),
        ],
        3 => vec![format!(
            "INSERT INTO plain (a, b, f, t) VALUES ({a}, 'p{a}', {a}.25, NULL), ({a}, 'p{a}', {a}.25, NULL)"
        )],
        4 => vec![format!(
            "UPDATE plain SET f = f * 1.1, t = NOW(3) WHERE a = {a} LIMIT 1"
        )],
        5 => vec![format!("DELETE FROM plain WHERE a = {a} LIMIT 1")],
        6 => vec![format!(
            "UPDATE pair SET b = CONCAT('x', {id}) WHERE a = {} LIMIT 1",
            a % 7
        )],
        7 => vec![format!(
            "REPLACE INTO pair (a, b, n) VALUES ({}, 'b{small}', {id}.5)",
            small % 7
        )],
        _ => {
            let (from, to) = (
                rng.random_range(1..=ACCOUNTS),
                rng.random_range(1..=ACCOUNTS),
            );
            vec![
                format!("UPDATE account SET balance = balance - 7 WHERE id = {from}"),
                format!("UPDATE account SET balance = balance + 7 WHERE id = {to}"),
            ]
        }
    }
}

/// Reads the sum of all accounts at the target, again and again: a transaction that became visible in parts would show.
pub(crate) struct Ledger {
    stop: Arc<AtomicBool>,
    task: JoinHandle<(u64, Vec<u64>)>,
}

impl Ledger {
    /// Starts once the table is loaded. The target may come and go.
    pub(crate) fn start(scene: &Scene) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (endpoint, stopped) = (scene.target.endpoint().clone(), Arc::clone(&stop));
        let query = format!(
            "SELECT CAST(SUM(balance) AS UNSIGNED) FROM `{}`.account",
            scene.db
        );
        let task = tokio::spawn(async move {
            let (mut reads, mut wrong, mut conn) = (0, Vec::new(), None);
            while !stopped.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let mut open: Conn = match conn.take() {
                    Some(open) => open,
                    None => match endpoint.conn().await {
                        Ok(open) => open,
                        Err(_) => continue,
                    },
                };
                if let Ok(Some(sum)) = open.query_first::<u64, _>(&query).await {
                    reads += 1;
                    if sum != u64::from(ACCOUNTS * BALANCE) {
                        wrong.push(sum);
                    }
                    conn = Some(open);
                }
            }
            (reads, wrong)
        });
        Self { stop, task }
    }

    /// Fails when any read was wrong, or when there were next to none.
    pub(crate) async fn judge(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let (reads, wrong) = self.task.await?;
        ensure!(
            wrong.is_empty(),
            "the accounts' sum was wrong in {} of {reads} reads: {wrong:?}",
            wrong.len()
        );
        ensure!(reads >= 10, "the sum was read only {reads} times");
        Ok(())
    }
}

/// The newest tick of a side; `None` when it can't be read now.
async fn newest(endpoint: &Endpoint, db: &str) -> Option<u64> {
    let mut conn = endpoint.conn().await.ok()?;
    let newest = conn
        .query_first::<u64, _>(format!("SELECT MAX(id) FROM `{db}`.tick"))
        .await
        .ok()?;
    let _ = conn.disconnect().await;
    newest
}

/// Waits until something written to the source after this call is at the target, and returns how long that took.
pub(crate) async fn next_row(scene: &Scene, limit: Duration) -> Result<Duration> {
    let start = Instant::now();
    let mark = newest(scene.source.endpoint(), &scene.db)
        .await
        .context("no ticks at the source")?;
    while newest(scene.target.endpoint(), &scene.db)
        .await
        .is_none_or(|newest| newest <= mark)
    {
        ensure!(
            start.elapsed() < limit,
            "nothing new at the target for {limit:?}; status {:?}",
            scene.status().await
        );
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    Ok(start.elapsed())
}

/// A scene whose load is followed from the binlog.
pub(crate) async fn running(plan: Plan) -> Result<(Scene, Load)> {
    let scene = Scene::open(plan).await?;
    populate(&scene, FEW_ROWS).await?;
    let load = Load::start(&scene, seed(), RATE);
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    next_row(&scene, FIRST_ROW_MAX).await?;
    Ok((scene, load))
}

/// Ends the load, waits until everything of it is at the target, and compares.
pub(crate) async fn finish(scene: &mut Scene, load: Load) -> Result<()> {
    let transactions = load.stop().await?;
    println!("{transactions} transactions");
    scene.wait_synced().await?;
    scene.must_be_identical().await
}
