//! What the tests of the control plane share: looking for texts, and watching rows arrive one by one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use chaos_tests::lab::{CtlOutput, Endpoint};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::scene::Scene;

const LOOK_EVERY: Duration = Duration::from_millis(20);
const ARRIVE_MAX: Duration = Duration::from_secs(20);
/// So long without a row counts as the end.
const SILENCE: Duration = Duration::from_secs(3);

/// All of these texts are in what a command said, standard output or error.
pub(crate) fn says(output: &CtlOutput, texts: &[&str]) -> Result<()> {
    let all = output.to_string().to_lowercase();
    for text in texts {
        ensure!(
            all.contains(&text.to_lowercase()),
            "does not say {text:?}: {output}"
        );
    }
    Ok(())
}

/// A refused operation: `"result": false`, exit code 0 as in DM, and these texts.
pub(crate) fn refused(output: &CtlOutput, texts: &[&str]) -> Result<()> {
    ensure!(output.code == 0, "exit code: {output}");
    ensure!(
        output.stdout.contains("\"result\": false"),
        "not refused: {output}"
    );
    says(output, texts)
}

/// A call that did not get as far as the cluster: exit code 1, and these texts on standard error or output.
pub(crate) fn failed(output: &CtlOutput, texts: &[&str]) -> Result<()> {
    ensure!(output.code == 1, "exit code: {output}");
    says(output, texts)
}

/// The lines below `from:` or `target-database:`. JSON strings are YAML strings.
pub(crate) fn login(server: &Endpoint) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    format!(
        "  host: {}\n  port: {}\n  user: {}\n  password: {}\n",
        quoted(&server.host),
        server.port,
        quoted(&server.user),
        quoted(&server.password)
    )
}

/// A row of `ticks` at the source at every interval.
pub(crate) struct Trickle {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Trickle {
    pub(crate) fn start(scene: &Scene, every: Duration) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let (endpoint, db) = (scene.source.endpoint().clone(), scene.db.clone());
        let task = tokio::spawn(async move {
            let mut conn = endpoint.conn().await?;
            let insert = format!("INSERT INTO `{db}`.ticks () VALUES ()");
            while stopped.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
                conn.query_drop(&insert).await?;
                tokio::time::sleep(every).await;
            }
            Ok(conn.disconnect().await?)
        });
        Self { stop, task }
    }

    pub(crate) async fn stop(self) -> Result<()> {
        let _ = self.stop.send(());
        self.task.await?
    }
}

/// When rows of `ticks` arrived at the target.
pub(crate) struct Arrivals {
    times: Arc<Mutex<Vec<Instant>>>,
    task: JoinHandle<()>,
}

impl Arrivals {
    pub(crate) fn start(scene: &Scene) -> Self {
        let times = Arc::new(Mutex::new(Vec::new()));
        let (endpoint, db, found) = (
            scene.target.endpoint().clone(),
            scene.db.clone(),
            Arc::clone(&times),
        );
        let task = tokio::spawn(async move {
            let query = format!("SELECT MAX(id) FROM `{db}`.ticks");
            let (mut last, mut conn): (u64, Option<Conn>) = (0, None);
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Ok(mut open) = (match conn.take() {
                    Some(open) => Ok(open),
                    None => endpoint.conn().await,
                }) else {
                    continue;
                };
                if let Ok(Some(Some(id))) = open.query_first::<Option<u64>, _>(&query).await {
                    if id > last {
                        last = id;
                        lock(&found).push(Instant::now());
                    }
                    conn = Some(open);
                }
            }
        });
        Self { times, task }
    }

    fn now(&self) -> Vec<Instant> {
        lock(&self.times).clone()
    }

    /// Waits for ten more.
    pub(crate) async fn wait_some(&self) -> Result<()> {
        let (before, begun) = (self.now().len(), Instant::now());
        while self.now().len() < before + 10 {
            if begun.elapsed() > ARRIVE_MAX {
                bail!("no rows arrive at the target for {ARRIVE_MAX:?}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// The longest time between two arrivals, up to now.
    pub(crate) async fn longest_gap(&self) -> Result<Duration> {
        let mut times = self.now();
        times.push(Instant::now());
        let gaps = times
            .windows(2)
            .filter_map(|pair| Some(pair.last()?.duration_since(*pair.first()?)));
        Ok(gaps.max().unwrap_or_default())
    }

    /// Waits until nothing arrives any more; how long after `begun` the last one came.
    pub(crate) async fn ended_after(&self, begun: Instant) -> Result<Duration> {
        let limit = Instant::now() + ARRIVE_MAX;
        loop {
            if let Some(last) = self.now().last()
                && last.elapsed() > SILENCE
            {
                return Ok(last.saturating_duration_since(begun));
            }
            ensure!(Instant::now() < limit, "rows still arrive");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(times: &Mutex<Vec<Instant>>) -> std::sync::MutexGuard<'_, Vec<Instant>> {
    times.lock().unwrap_or_else(PoisonError::into_inner)
}
