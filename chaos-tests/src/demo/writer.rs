use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, TxOpts};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::DataSet;
use super::tables::{ACCOUNTS, CUSTOMERS, ORDERS, PRODUCTS, SETTINGS};
use super::values::{json, words};
use crate::lab::Endpoint;

const CONNECTIONS: u64 = 4;
const STOP_MAX: Duration = Duration::from_secs(30);
/// 1205 lock wait timeout, 1213 deadlock: what any application has to try again.
const RETRIED: [u16; 2] = [1205, 1213];

/// Somebody who goes on buying: transactions over many tables at a fixed rate, until stopped.
#[derive(Debug)]
pub struct Writer {
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    tasks: Vec<JoinHandle<Result<()>>>,
}

/// How much is written.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// Transactions per second over all connections; what the source can't do is not made up later.
    pub rate: u32,
    /// The load ends by itself after this time.
    pub time_max: Duration,
    /// Seed of the choices.
    pub seed: u64,
    /// The size that the data set was made with: keys below are picked.
    pub scale: f64,
    /// Adds a column to a table, fills it, and changes its type later.
    pub ddl: bool,
}

/// What was committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadCounts {
    /// Committed transactions.
    pub transactions: u64,
    /// Rows written by them.
    pub rows: u64,
    /// DDL statements.
    pub ddl: u64,
    /// Deadlocks and lock waits, tried again.
    pub retries: u64,
}

#[derive(Debug, Default)]
struct Counts {
    transactions: AtomicU64,
    rows: AtomicU64,
    ddl: AtomicU64,
    retries: AtomicU64,
}

impl Writer {
    /// Starts writing.
    pub async fn start(server: &Endpoint, data: &DataSet, options: WriterOptions) -> Result<Self> {
        let (stop, counts) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Counts::default()),
        );
        let mut tasks = Vec::new();
        for place in 0..CONNECTIONS {
            let buyer = Buyer {
                conn: connect(server).await?,
                data: data.clone(),
                options,
                rng: StdRng::seed_from_u64(options.seed.wrapping_add(place)),
                stop: Arc::clone(&stop),
                counts: Arc::clone(&counts),
            };
            tasks.push(tokio::spawn(buyer.run()));
        }
        if options.ddl {
            let conn = connect(server).await?;
            tasks.push(tokio::spawn(alter(
                conn,
                data.clone(),
                Arc::clone(&stop),
                Arc::clone(&counts),
            )));
        }
        Ok(Self {
            stop,
            counts,
            tasks,
        })
    }

    /// What was committed until now.
    #[must_use]
    pub fn counts(&self) -> LoadCounts {
        LoadCounts {
            transactions: self.counts.transactions.load(Ordering::SeqCst),
            rows: self.counts.rows.load(Ordering::SeqCst),
            ddl: self.counts.ddl.load(Ordering::SeqCst),
            retries: self.counts.retries.load(Ordering::SeqCst),
        }
    }

    /// Stops; when this returns nothing is being written any more.
    pub async fn stop(mut self) -> Result<LoadCounts> {
        self.stop.store(true, Ordering::SeqCst);
        for task in std::mem::take(&mut self.tasks) {
            timeout(STOP_MAX, task)
                .await
                .context("the load did not stop")???;
        }
        Ok(self.counts())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn connect(server: &Endpoint) -> Result<Conn> {
    let mut conn = server.conn().await?;
    conn.query_drop("SET NAMES utf8mb4").await?;
    conn.query_drop("SET time_zone = '+00:00'").await?;
    Ok(conn)
}

struct Buyer {
    conn: Conn,
    data: DataSet,
    options: WriterOptions,
    rng: StdRng,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

impl Buyer {
    async fn run(mut self) -> Result<()> {
        let pause =
            Duration::from_secs_f64(CONNECTIONS as f64 / f64::from(self.options.rate.max(1)));
        let mut tick = interval(pause);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = Instant::now() + self.options.time_max;
        while !self.stop.load(Ordering::SeqCst) && Instant::now() < end {
            tick.tick().await;
            let (kind, statements) = self.choose();
            loop {
                match self.transaction(kind, &statements).await {
                    Ok(rows) => {
                        self.counts.transactions.fetch_add(1, Ordering::SeqCst);
                        self.counts.rows.fetch_add(rows, Ordering::SeqCst);
                        break;
                    }
                    Err(mysql_async::Error::Server(error)) if RETRIED.contains(&error.code) => {
                        self.counts.retries.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(error) => {
                        return Err(error).with_context(|| format!("writing: {statements:?}"));
                    }
                }
            }
        }
        Ok(self.conn.disconnect().await?)
    }

    /// One transaction: the statements and a line in `events`, by which one sees how far a target is.
    async fn transaction(
        &mut self,
        kind: &str,
        statements: &[String],
    ) -> Result<u64, mysql_async::Error> {
        let mut transaction = self.conn.start_transaction(TxOpts::default()).await?;
        let mut rows = 1;
        for statement in statements {
            transaction.query_drop(statement).await?;
            rows += transaction.affected_rows();
        }
        let events = self.data.quoted("shop_ops", "events");
        transaction
            .query_drop(format!(
                "INSERT INTO {events} (kind, at) VALUES ('{kind}', NOW(6))"
            ))
            .await?;
        transaction.commit().await?;
        Ok(rows)
    }

    fn choose(&mut self) -> (&'static str, Vec<String>) {
        match self.rng.random_range(0..100) {
            0..30 => ("order", self.order()),
            30..60 => ("transfer", self.transfer()),
            60..70 => ("catalog", self.catalog()),
            70..78 => ("cancel", self.cancel()),
            78..88 => ("clicks", self.clicks()),
            88..92 => ("types", self.types()),
            92..96 => ("audit", self.audit()),
            _ => ("settings", self.settings()),
        }
    }

    fn table(&self, schema: &str, name: &str) -> String {
        self.data.quoted(schema, name)
    }

    /// A key that was there at first.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    fn key(&mut self, rows: u64) -> u64 {
        let rows = ((rows as f64 * self.options.scale) as u64).max(4);
        self.rng.random_range(1..=rows)
    }

    fn order(&mut self) -> Vec<String> {
        let (orders, lines) = (
            self.table("shop_sales", "orders"),
            self.table("shop_sales", "order_lines"),
        );
        let payments = self.table("shop_sales", "payments");
        let (customer, product) = (self.key(CUSTOMERS), self.key(PRODUCTS));
        let comment = words(&mut self.rng, 3);
        let price = format!(
            "{}.{:02}",
            self.rng.random_range(1..500),
            self.rng.random_range(0..100)
        );
        vec![
            format!(
                "INSERT INTO {orders} (customer_id, state, total, placed, comment) \
                 VALUES ({customer}, 'new', 0, NOW(3), {comment})"
            ),
            "SET @order = LAST_INSERT_ID()".to_owned(),
            format!(
                "INSERT INTO {lines} VALUES (@order, 1, {product}, 1, {price}), (@order, 2, {product}, 7, 0.01), \
                 (@order, 3, {product}, 16777215, {price})"
            ),
            format!("UPDATE {orders} SET total = {price} * 2, state = 'paid' WHERE id = @order"),
            format!(
                "INSERT INTO {payments} (id, order_id, amount, method, raw, paid_at) \
                 VALUES (UNHEX(LEFT(SHA2(CONCAT('p', @order), 256), 32)), @order, {price}, 'card', RANDOM_BYTES(9), NOW(6))"
            ),
        ]
    }

    /// The sum of all balances never changes.
    fn transfer(&mut self) -> Vec<String> {
        let accounts = self.table("shop_sales", "accounts");
        let (from, to, amount) = (
            self.key(ACCOUNTS),
            self.key(ACCOUNTS),
            self.rng.random_range(1..100),
        );
        let change = |id, sign| {
            format!(
                "UPDATE {accounts} SET balance = balance {sign} {amount}, changed = NOW(6) WHERE id = {id}"
            )
        };
        vec![change(from, '-'), change(to, '+')]
    }

    fn catalog(&mut self) -> Vec<String> {
        let (products, prices) = (
            self.table("shop_catalog", "products"),
            self.table("shop_catalog", "product_prices"),
        );
        let (id, attributes, text) = (
            self.key(PRODUCTS),
            json(&mut self.rng),
            words(&mut self.rng, 10),
        );
        let day = format!("{}-01-01", self.rng.random_range(2000..2030));
        vec![
            format!(
                "UPDATE {products} SET price = price + 0.01, attributes = {attributes}, description = {text}, \
                 rating = rating * 0.99 WHERE id = {id}"
            ),
            format!(
                "INSERT INTO {prices} VALUES ({id}, 'DE', '{day}', 1.00, NULL) \
                 ON DUPLICATE KEY UPDATE price = price + 1, note = 'again'"
            ),
            format!("UPDATE {prices} SET region = 'SE' WHERE product_id = {id} AND region = 'XX'"),
        ]
    }

    fn cancel(&mut self) -> Vec<String> {
        let (orders, lines) = (
            self.table("shop_sales", "orders"),
            self.table("shop_sales", "order_lines"),
        );
        let id = self.key(ORDERS);
        vec![
            format!("DELETE FROM {lines} WHERE order_id = {id}"),
            format!("DELETE FROM {orders} WHERE id = {id}"),
        ]
    }

    /// No key, and equal rows: one of them goes, another comes.
    fn clicks(&mut self) -> Vec<String> {
        let clicks = self.table("shop_ops", "clicks");
        let visitor = self.rng.random_range(0..1_000);
        vec![
            format!(
                "INSERT INTO {clicks} VALUES ({visitor}, '/new', 1.5, NOW(2)), ({visitor}, '/new', 1.5, NOW(2))"
            ),
            format!("DELETE FROM {clicks} WHERE visitor = {visitor} ORDER BY page LIMIT 1"),
            format!(
                "UPDATE {clicks} SET spent = spent + 0.1 WHERE visitor = {visitor} ORDER BY page DESC LIMIT 1"
            ),
        ]
    }

    fn types(&mut self) -> Vec<String> {
        let every = self.table("shop_catalog", "every_type");
        let (id, text, bits) = (
            self.key(3_000),
            words(&mut self.rng, 30),
            self.rng.random::<u64>(),
        );
        let (float, other) = (self.rng.random::<f32>() * 1e-20, self.key(3_000));
        vec![
            format!(
                "UPDATE {every} SET c_float = {float:e}, c_bit64 = b'{bits:b}', c_text = {text}, \
                 c_decimal = -c_decimal, c_timestamp6 = NOW(6), c_blob = UNHEX(SHA2({bits}, 256)), c_small = 7, c_usmall = 8 \
                 WHERE id = {id}"
            ),
            format!(
                "UPDATE {every} SET c_json = NULL, c_year = 2026, c_enum = 'ü', c_set = 'a,d' WHERE id = {other}"
            ),
        ]
    }

    fn audit(&mut self) -> Vec<String> {
        let audit = self.table("shop_ops", "audit_log");
        let (what, level) = (words(&mut self.rng, 6), self.rng.random::<u8>());
        vec![
            format!(
                "INSERT INTO {audit} VALUES (NOW(6), NULL, {what}, RANDOM_BYTES(12), {level}), (NULL, NULL, NULL, NULL, NULL)"
            ),
            format!(
                "UPDATE {audit} SET who = 'changed' WHERE level = {level} AND who IS NULL LIMIT 1"
            ),
            format!("DELETE FROM {audit} WHERE at IS NULL AND what IS NULL LIMIT 1"),
        ]
    }

    fn settings(&mut self) -> Vec<String> {
        let settings = self.table("shop_ops", "settings");
        let (name, text) = (self.key(SETTINGS), words(&mut self.rng, 200));
        vec![format!(
            "REPLACE INTO {settings} (name, value, changed_year) VALUES ('setting-{name}', {text}, 2026)"
        )]
    }
}

/// Changes a table under the load, at moments that a target must keep in order.
async fn alter(
    mut conn: Conn,
    data: DataSet,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
) -> Result<()> {
    let settings = data.quoted("shop_ops", "settings");
    let statements = [
        format!("ALTER TABLE {settings} ADD COLUMN added VARCHAR(20) NOT NULL DEFAULT 'before'"),
        format!("ALTER TABLE {settings} ADD COLUMN second BIGINT NULL AFTER name"),
        format!("ALTER TABLE {settings} MODIFY COLUMN added VARCHAR(40) NOT NULL DEFAULT 'after'"),
    ];
    for statement in statements {
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if stop.load(Ordering::SeqCst) {
                return Ok(conn.disconnect().await?);
            }
        }
        conn.query_drop(&statement)
            .await
            .with_context(|| statement)?;
        counts.ddl.fetch_add(1, Ordering::SeqCst);
    }
    Ok(conn.disconnect().await?)
}
