//! Several lanes: exactly once, atomic and in order while transactions are applied at the same time, whatever ends the worker and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chaos_tests::lab::Endpoint;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::history::History;
use crate::scene::{Plan, Scene, TASK, rounds, seed};
use crate::witness;

const CONNECTIONS: u64 = 4;
const ACCOUNTS: u64 = 60;
const BALANCE: u64 = 1_000;
const WAIT: Duration = Duration::from_secs(40);
const TABLES: [&str; 7] = [
    "CREATE DATABASE `{db}`",
    "CREATE TABLE `{db}`.account (id INT PRIMARY KEY, balance INT NOT NULL, moves INT NOT NULL)",
    "CREATE TABLE `{db}`.code (id BIGINT PRIMARY KEY, code BIGINT NOT NULL, n INT NOT NULL, UNIQUE KEY (code))",
    "CREATE TABLE `{db}`.wide (id BIGINT PRIMARY KEY, note VARCHAR(80))",
    "CREATE TABLE `{db}`.bare (token BIGINT, note VARCHAR(40))",
    "CREATE TABLE `{db}`.hot (id INT PRIMARY KEY, n INT NOT NULL)",
    "CREATE TABLE `{db}`.tick (id BIGINT AUTO_INCREMENT PRIMARY KEY)",
];

/// Writers that meet on some rows and not on others.
struct Wide {
    stop: Arc<AtomicBool>,
    transactions: Arc<AtomicU64>,
    tasks: JoinSet<Result<()>>,
}

impl Wide {
    fn start(scene: &Scene, seed: u64) -> Self {
        let (stop, transactions) = (Arc::default(), Arc::default());
        let mut tasks = JoinSet::new();
        for number in 0..CONNECTIONS {
            let (stop, transactions) = (Arc::clone(&stop), Arc::clone(&transactions));
            let (endpoint, db) = (scene.source.endpoint().clone(), scene.db.clone());
            tasks.spawn(write(endpoint, db, number, seed, stop, transactions));
        }
        Self {
            stop,
            transactions,
            tasks,
        }
    }

    async fn stop(mut self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(self.transactions.load(Ordering::Relaxed))
    }
}

async fn write(
    endpoint: Endpoint,
    db: String,
    number: u64,
    seed: u64,
    stop: Arc<AtomicBool>,
    transactions: Arc<AtomicU64>,
) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(seed ^ number);
    let mut conn: Conn = endpoint.conn().await?;
    conn.query_drop(format!("USE `{db}`")).await?;
    let mut next = number * 1_000_000_000;
    while !stop.load(Ordering::Relaxed) {
        next += 1;
        match transaction(&mut conn, &mut rng, next).await {
            // Writers block each other now and then.
            Err(mysql_async::Error::Server(error)) if matches!(error.code, 1213 | 1205 | 1062) => {
                conn.query_drop("ROLLBACK").await?;
            }
            ended => {
                ended.context("the load at the source")?;
                transactions.fetch_add(1, Ordering::Relaxed);
            }
        }
        sleep(Duration::from_millis(4)).await;
    }
    Ok(conn.disconnect().await?)
}

async fn transaction(
    conn: &mut Conn,
    rng: &mut StdRng,
    next: u64,
) -> Result<(), mysql_async::Error> {
    conn.query_drop("BEGIN").await?;
    let (from, to) = (
        rng.random_range(1..=ACCOUNTS),
        rng.random_range(1..=ACCOUNTS),
    );
    let mut statements = vec![
        format!("UPDATE account SET balance = balance - 3, moves = moves + 1 WHERE id = {from}"),
        format!("UPDATE account SET balance = balance + 3, moves = moves + 1 WHERE id = {to}"),
    ];
    match rng.random_range(0..6) {
        0 => statements.push(format!("INSERT INTO bare VALUES ({next}, 'once')")),
        1 => statements.push(format!("UPDATE hot SET n = n + 1 WHERE id = {}", next % 3)),
        // A unique key moves from row to row.
        2 => statements.push(format!(
            "REPLACE INTO code VALUES ({}, {}, {})",
            rng.random_range(0..40),
            rng.random_range(0..40),
            next % 1_000
        )),
        3 => {
            statements = vec![format!(
                "DELETE FROM wide WHERE id = {}",
                next.saturating_sub(rng.random_range(1..30))
            )]
        }
        _ => statements.push(format!(
            "INSERT INTO wide VALUES ({next}, REPEAT('w', {}))",
            next % 70
        )),
    }
    statements.push("INSERT INTO tick VALUES ()".to_owned());
    for statement in statements {
        conn.query_drop(statement).await?;
    }
    conn.query_drop("COMMIT").await
}

/// The sum of all accounts at the target, read again and again.
struct Sum {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<(u64, Vec<u64>)>,
}

impl Sum {
    fn start(scene: &Scene) -> Self {
        let stop: Arc<AtomicBool> = Arc::default();
        let (endpoint, stopped) = (scene.target.endpoint().clone(), Arc::clone(&stop));
        let query = format!(
            "SELECT CAST(SUM(balance) AS UNSIGNED) FROM `{}`.account",
            scene.db
        );
        let task = tokio::spawn(async move {
            let (mut reads, mut wrong) = (0, Vec::new());
            let Ok(mut conn) = endpoint.conn().await else {
                return (0, wrong);
            };
            while !stopped.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(10)).await;
                if let Ok(Some(sum)) = conn.query_first::<u64, _>(&query).await {
                    reads += 1;
                    if sum != ACCOUNTS * BALANCE {
                        wrong.push(sum);
                    }
                }
            }
            (reads, wrong)
        });
        Self { stop, task }
    }

    async fn judge(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let (reads, wrong) = self.task.await?;
        ensure!(
            wrong.is_empty(),
            "{} of {reads} sums were wrong: {wrong:?}",
            wrong.len()
        );
        ensure!(reads >= 50, "the sum was read only {reads} times");
        Ok(())
    }
}

/// A task that follows, with the tables filled.
async fn following(lanes: u32) -> Result<Scene> {
    let scene = Scene::open(Plan {
        workers: 1,
        lanes,
        ..Plan::default()
    })
    .await?;
    scene.at_source(&TABLES).await?;
    let accounts: Vec<String> = (1..=ACCOUNTS)
        .map(|id| format!("({id}, {BALANCE}, 0)"))
        .collect();
    let accounts = format!("INSERT INTO `{{db}}`.account VALUES {}", accounts.join(","));
    scene
        .at_source(&[
            &accounts,
            "INSERT INTO `{db}`.hot VALUES (0, 0), (1, 0), (2, 0)",
        ])
        .await?;
    scene.begin().await?;
    scene
        .wait_status("changes are applied", |status| status.unit == "Sync")
        .await?;
    Ok(scene)
}

/// What has to hold when the load has ended.
async fn judge(
    scene: &mut Scene,
    history: History,
    wide: Wide,
    transactions_min: u64,
) -> Result<()> {
    let transactions = wide.stop().await?;
    scene.wait_synced().await?;
    scene.must_be_identical().await?;
    let twice = "SELECT COUNT(*) - COUNT(DISTINCT token) FROM {db}.bare";
    ensure!(
        scene.number(twice).await? == 0,
        "a row without a key is there twice"
    );
    let lanes = "SELECT COUNT(*) FROM {meta}.dm_lane WHERE lane BETWEEN 1 AND 899";
    let lanes = scene.number(lanes).await?;
    println!("{transactions} transactions, {lanes} lanes");
    ensure!(
        transactions >= transactions_min,
        "only {transactions} transactions"
    );
    witness::judge(scene, history).await?;
    Ok(())
}

/// Ends the only worker and starts it again after a while, so that there is something to catch up with.
async fn restart(scene: &mut Scene, rng: &mut StdRng) -> Result<()> {
    let worker = scene.cluster.workers.first_mut().context("no worker")?;
    worker.kill9();
    sleep(Duration::from_millis(rng.random_range(300..1_500))).await;
    scene.start_worker(0).await
}

/// Each life of the owner has another number of lanes than the one before.
#[tokio::test(flavor = "multi_thread")]
async fn r14_exactly_once_under_kills_with_another_number_of_lanes_each_time() -> Result<()> {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = following(16).await?;
    let history = History::start(&scene);
    let (sum, wide) = (Sum::start(&scene), Wide::start(&scene, seed));
    for lanes in [1, 16, 2, 8].into_iter().cycle().take(rounds(4)) {
        sleep(Duration::from_millis(rng.random_range(500..1_500))).await;
        restart(&mut scene, &mut rng).await?;
        sleep(Duration::from_millis(rng.random_range(2_500..3_500))).await;
        // Not synced: what is in flight is cut off by the stop, and goes on with the other number.
        scene.ctl(&["stop-task", TASK]).await?;
        scene.lanes = lanes;
        scene.start_task(&[]).await?;
    }
    judge(&mut scene, history, wide, 1_000).await?;
    sum.judge().await
}

/// The worker ends itself at each step of the protocol, with this many lanes.
async fn ends_at_every_step(lanes: u32) -> Result<()> {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = following(lanes).await?;
    let history = History::start(&scene);
    let (sum, wide) = (Sum::start(&scene), Wide::start(&scene, seed));
    let steps = [
        "before-commit",
        "commit-sent",
        "committed",
        "before-raise",
        "head-raised",
        "raised",
        "before-fold",
        "folded",
    ];
    for step in steps {
        let worker = scene.cluster.workers.first_mut().context("no worker")?;
        worker.kill9();
        sleep(Duration::from_millis(rng.random_range(100..800))).await;
        // Steps of a take-over come once, the others often.
        let times = match step {
            "before-commit" | "commit-sent" | "committed" => rng.random_range(1..12),
            _ => 1,
        };
        let failpoint = ("DM_FAILPOINT".to_owned(), format!("{step}:{times}"));
        worker.envs_mut().push(failpoint);
        worker.start()?;
        let start = Instant::now();
        while worker.process()?.exit_status()?.is_none() {
            ensure!(
                start.elapsed() < WAIT,
                "the worker did not come to {step}:{times}"
            );
            sleep(Duration::from_millis(30)).await;
        }
        println!(
            "ended at {step}:{times} after {:.1} s",
            start.elapsed().as_secs_f64()
        );
        worker.kill9();
        worker.envs_mut().clear();
        scene.start_worker(0).await?;
        // Without progress in a lane's row the next take-over has nothing to fold.
        let told =
            "SELECT COUNT(*) FROM {meta}.dm_lane WHERE lane BETWEEN 1 AND 899 AND progress <> ''";
        let start = Instant::now();
        while scene.number(told).await? == 0 {
            ensure!(start.elapsed() < WAIT, "nothing is committed after {step}");
            sleep(Duration::from_millis(100)).await;
        }
    }
    judge(&mut scene, history, wide, 1_000).await?;
    sum.judge().await
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_exactly_once_when_the_worker_ends_at_any_step_with_four_lanes() -> Result<()> {
    ends_at_every_step(4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_exactly_once_when_the_worker_ends_at_any_step_with_one_and_sixteen_lanes() -> Result<()>
{
    if rounds(1) == 1 {
        chaos_tests::skip!(
            "r14_exactly_once_when_the_worker_ends_at_any_step_with_one_and_sixteen_lanes",
            "runs with DM_SOAK=1"
        );
    }
    ends_at_every_step(1).await?;
    ends_at_every_step(16).await
}

/// Rows that were applied beyond the one that was refused are not applied again when the table goes on.
#[tokio::test(flavor = "multi_thread")]
async fn r04_a_table_that_stops_remembers_what_was_applied_beyond() -> Result<()> {
    let mut scene = following(8).await?;
    scene.ctl(&["pause-task", TASK]).await?;
    // In the way of a row in the middle.
    scene
        .at_target(&["INSERT INTO `{db}`.wide VALUES (250, 'in the way')"])
        .await?;
    let mut conn = scene.source.conn().await?;
    conn.query_drop(format!("USE `{}`", scene.db)).await?;
    for id in 1..=500 {
        conn.query_drop(format!("INSERT INTO wide VALUES ({id}, 'w')"))
            .await?;
        conn.query_drop(format!("INSERT INTO bare VALUES ({id}, 'b')"))
            .await?;
    }
    scene.ctl(&["resume-task", TASK]).await?;
    scene
        .wait_status("a table is stopped", |status| !status.errors.is_empty())
        .await?;
    // The others are whole.
    scene.wait_synced().await?;
    scene.must_be_identical_except(&["wide"]).await?;
    let stopped: Vec<String> = scene
        .rows("SELECT tbl FROM {meta}.dm_table WHERE state = 'stopped'")
        .await?;
    ensure!(stopped == ["wide"], "stopped are {stopped:?}");
    let applied = scene
        .number("SELECT COUNT(*) FROM {db}.wide WHERE note = 'w'")
        .await?;
    println!("{applied} of 499 rows were in when the table stopped");

    scene
        .at_target(&["DELETE FROM `{db}`.wide WHERE note <> 'w'"])
        .await?;
    scene.ctl(&["resume-task", TASK]).await?;
    scene
        .wait_status("nothing is stopped", |status| status.errors.is_empty())
        .await?;
    scene.wait_synced().await?;
    // A row that came twice would have been refused.
    scene.must_be_identical().await
}
