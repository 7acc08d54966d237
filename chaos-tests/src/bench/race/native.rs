use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;

use super::Upstream;
use super::spent::{Meter, Spent};
use crate::lab::{Database, Medium};

const FETCH_MAX: Duration = Duration::from_secs(120);
const APPLY_MAX: Duration = Duration::from_secs(600);

/// A mode of MariaDB's own replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One applier.
    Serial,
    /// So many, in the mode that is the default since 10.5.1.
    Optimistic(u32),
}

impl Mode {
    pub(super) const ALL: [Self; 3] = [Self::Serial, Self::Optimistic(4), Self::Optimistic(16)];

    fn args(self) -> Vec<String> {
        let threads = match self {
            Self::Serial => 0,
            Self::Optimistic(threads) => threads,
        };
        vec![
            format!("--slave-parallel-threads={threads}"),
            "--slave-parallel-mode=optimistic".to_owned(),
        ]
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial => write!(f, "native serial"),
            Self::Optimistic(threads) => write!(f, "native optimistic {threads}"),
        }
    }
}

/// Fetches the whole relay log, then times its application.
pub(super) async fn run(upstream: &Upstream, medium: Medium, mode: Mode) -> Result<Spent> {
    let target = upstream.target(medium, &mode.args()).await?;
    let mut conn = target.conn().await?;
    let port = upstream.server.endpoint().port;
    for statement in [
        format!("SET GLOBAL gtid_slave_pos = '{}'", upstream.from.gtid),
        format!(
            "CHANGE MASTER TO master_host = '127.0.0.1', master_port = {port}, master_user = 'root', \
             master_ssl_verify_server_cert = 0, master_use_gtid = slave_pos"
        ),
        "START SLAVE IO_THREAD".to_owned(),
    ] {
        conn.query_drop(&statement)
            .await
            .with_context(|| statement.clone())?;
    }
    wait_fetched(&target, upstream).await?;
    let processes = vec![
        ("upstream", pid(&upstream.server)?),
        ("target", pid(&target)?),
    ];
    let meter = Meter::start(&processes)?;
    conn.query_drop("START SLAVE SQL_THREAD").await?;
    let waited: Option<i64> = conn
        .exec_first(
            "SELECT MASTER_GTID_WAIT(?, ?)",
            (&upstream.to.gtid, APPLY_MAX.as_secs()),
        )
        .await?;
    let spent = meter.stop(upstream.rows)?;
    if waited != Some(0) {
        let status = status(&target).await?;
        bail!("{mode} did not get there: {status:?}");
    }
    conn.query_drop("STOP SLAVE").await?;
    conn.disconnect().await?;
    upstream
        .must_be_equal(&target)
        .await
        .context("after native replication")?;
    Ok(spent)
}

pub(super) fn pid(server: &Database) -> Result<u32> {
    server.pid().context("the server is not running")
}

async fn wait_fetched(target: &Database, upstream: &Upstream) -> Result<()> {
    let start = Instant::now();
    let end = (upstream.to.file.clone(), upstream.to.offset);
    loop {
        let (at, errors) = status(target).await?;
        ensure!(errors.is_empty(), "native replication: {errors}");
        if at == end {
            return Ok(());
        }
        ensure!(
            start.elapsed() < FETCH_MAX,
            "the relay log is not fetched after {FETCH_MAX:?}: {at:?} of {end:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What is fetched, and the errors of both threads.
async fn status(target: &Database) -> Result<((String, u64), String)> {
    let mut conn = target.conn().await?;
    let row: Option<mysql_async::Row> = conn.query_first("SHOW SLAVE STATUS").await?;
    conn.disconnect().await?;
    let mut row = row.context("no replication")?;
    let mut text = |name: &str| {
        row.take::<Option<String>, _>(name)
            .flatten()
            .unwrap_or_default()
    };
    let errors = text("Last_IO_Error") + &text("Last_SQL_Error");
    let file = text("Master_Log_File");
    let offset = row.take("Read_Master_Log_Pos").unwrap_or(0);
    Ok(((file, offset), errors))
}
