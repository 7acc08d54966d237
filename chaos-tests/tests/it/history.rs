//! What the target held, read again and again in consistent snapshots: a witness of the fence that needs neither binlog nor
//! triggers, so it testifies on a TiDB too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use chaos_tests::lab::Endpoint;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, TxOpts};
use tokio::task::JoinHandle;

use crate::scene::Scene;
use crate::witness::Testimony;

const LOOK_EVERY: Duration = Duration::from_millis(3);
/// A history with fewer snapshots has seen too little.
const SNAPSHOTS_MIN: usize = 20;

/// A row of `dm_lane`.
#[derive(Clone, Debug, PartialEq)]
struct LaneRow {
    epoch: u64,
    incarnation: u64,
    seq: u64,
    progress: String,
}

/// Meta rows and data as of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
struct Snapshot {
    head: u64,
    lanes: BTreeMap<i32, LaneRow>,
    /// Every transaction of the load writes one.
    ticks: u64,
    /// Moves with every transfer.
    balances: u64,
}

/// Snapshots in the order in which they were taken; those that changed nothing are left out.
pub(crate) struct History {
    stop: Arc<AtomicBool>,
    task: JoinHandle<(usize, Vec<Snapshot>)>,
}

impl History {
    /// Starts once the meta tables are there. The target may come and go.
    pub(crate) fn start(scene: &Scene) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(record(
            scene.target.endpoint().clone(),
            scene.db.clone(),
            scene.meta.clone(),
            Arc::clone(&stop),
        ));
        Self { stop, task }
    }

    /// Fails when a snapshot does not follow from the one before: epochs and sequences never go down, an epoch names one
    /// incarnation, no lane is above the head, and neither rows nor progress change unless a lane's sequence does, under the
    /// epoch that the lane then has. What a replaced owner commits contradicts one of these.
    pub(crate) async fn judge(self) -> Result<Testimony> {
        self.stop.store(true, Ordering::Relaxed);
        let (count, snapshots) = self.task.await?;
        ensure!(count >= SNAPSHOTS_MIN, "only {count} snapshots were taken");
        let mut data_commits: BTreeMap<i64, usize> = BTreeMap::new();
        let mut owners: BTreeMap<u64, u64> = BTreeMap::new();
        for (before, after) in snapshots.iter().zip(snapshots.iter().skip(1)) {
            let epochs = follows(before, after)?;
            for lane in after.lanes.values() {
                let owner = *owners.entry(lane.epoch).or_insert(lane.incarnation);
                ensure!(
                    owner == lane.incarnation,
                    "epoch {} has two owners: {after:?}",
                    lane.epoch
                );
            }
            if (before.ticks, before.balances) != (after.ticks, after.balances) {
                ensure!(
                    !epochs.is_empty(),
                    "rows changed without a lane: {before:?}, {after:?}"
                );
                for epoch in epochs {
                    *data_commits.entry(i64::try_from(epoch)?).or_default() += 1;
                }
            }
        }
        println!("{count} snapshots, {} of them different", snapshots.len());
        ensure!(
            !data_commits.is_empty(),
            "no data in {} snapshots of the target",
            snapshots.len()
        );
        Ok(Testimony { data_commits })
    }
}

/// The epochs under which lanes advanced between the two.
fn follows(before: &Snapshot, after: &Snapshot) -> Result<Vec<u64>> {
    ensure!(
        before.head <= after.head,
        "the head's epoch goes down: {before:?}, {after:?}"
    );
    let mut advanced = Vec::new();
    for (lane, row) in &after.lanes {
        ensure!(
            row.epoch <= after.head,
            "lane {lane} is above the head: {after:?}"
        );
        let Some(old) = before.lanes.get(lane) else {
            continue;
        };
        ensure!(
            row.epoch >= old.epoch && row.seq >= old.seq,
            "lane {lane} goes back: {old:?}, {row:?}"
        );
        if row.seq > old.seq {
            advanced.push(row.epoch);
        } else {
            ensure!(
                row.progress == old.progress,
                "lane {lane} has other progress under one sequence: {old:?}, {row:?}"
            );
        }
    }
    let gone = before
        .lanes
        .keys()
        .find(|lane| !after.lanes.contains_key(lane));
    ensure!(gone.is_none(), "lane {gone:?} is gone: {after:?}");
    Ok(advanced)
}

async fn record(
    target: Endpoint,
    db: String,
    meta: String,
    stop: Arc<AtomicBool>,
) -> (usize, Vec<Snapshot>) {
    let (mut count, mut snapshots, mut conn): (usize, Vec<Snapshot>, Option<Conn>) =
        (0, Vec::new(), None);
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK_EVERY).await;
        let Ok(mut open) = (match conn.take() {
            Some(open) => Ok(open),
            None => target.conn().await,
        }) else {
            continue;
        };
        // A connection that failed is not used again.
        if let Ok(snapshot) = look(&mut open, &db, &meta).await {
            count += 1;
            if snapshots.last() != Some(&snapshot) {
                snapshots.push(snapshot);
            }
            conn = Some(open);
        }
    }
    (count, snapshots)
}

async fn look(conn: &mut Conn, db: &str, meta: &str) -> Result<Snapshot> {
    let mut options = TxOpts::default();
    options.with_consistent_snapshot(true);
    let mut transaction = conn.start_transaction(options).await?;
    let head: Option<u64> = transaction
        .query_first(format!("SELECT epoch FROM `{meta}`.dm_head"))
        .await?;
    let lanes: Vec<(i32, u64, u64, u64, String)> = transaction
        .query(format!(
            "SELECT lane, epoch, incarnation, seq, progress FROM `{meta}`.dm_lane"
        ))
        .await?;
    let data: Option<(u64, u64)> = transaction
        .query_first(format!(
            "SELECT (SELECT COUNT(*) FROM `{db}`.tick), \
                    (SELECT CAST(SUM(id * (balance + 1000000)) AS UNSIGNED) FROM `{db}`.account)"
        ))
        .await?;
    transaction.commit().await?;
    let (ticks, balances) = data.unwrap_or_default();
    let lanes = lanes
        .into_iter()
        .map(|(lane, epoch, incarnation, seq, progress)| {
            let row = LaneRow {
                epoch,
                incarnation,
                seq,
                progress,
            };
            (lane, row)
        })
        .collect();
    Ok(Snapshot {
        head: head.unwrap_or(0),
        lanes,
        ticks,
        balances,
    })
}
