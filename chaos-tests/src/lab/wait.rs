use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const POLL_EVERY: Duration = Duration::from_millis(50);

/// Polls until `check` gives a value, at most 30 s. `what` completes "timed out waiting until …".
pub async fn eventually<T, F>(what: &str, check: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    eventually_within(Duration::from_secs(30), what, check).await
}

/// Polls until `check` gives a value. An error of `check` counts as "not yet" and is shown when time is up.
pub async fn eventually_within<T, F>(
    limit: Duration,
    what: &str,
    mut check: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let start = Instant::now();
    loop {
        let last = match check().await {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if start.elapsed() > limit {
            match last {
                Some(error) => bail!("timed out after {limit:?} waiting until {what}: {error:#}"),
                None => bail!("timed out after {limit:?} waiting until {what}"),
            }
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
