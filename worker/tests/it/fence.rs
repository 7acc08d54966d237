//! The fence with forged leases: several owners of one source at once, all of them sure that they are the one.
//!
//! No clock protects here and no connection is killed, so only what stands in the target's rows can.

use crate::server::Server;
use dm_model::config::{SourceConfig, TaskConfig};
use dm_model::{ClusterId, Epoch, Generation, Incarnation, SourceId, TaskName};
use dm_proto::pb::Stage;
use dm_worker::lease::{BoottimeMs, LeaseTable, StartRight};
use dm_worker::sync::{FenceToken, Subtask, SubtaskHandle, SubtaskSpec, TableCommands};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Never over in a test.
const TTL_MS: u64 = 600_000;
const WAIT: Duration = Duration::from_secs(20);
const FENCED_OUT: i32 = 60_001;
const FOREIGN_META: i32 = 60_010;

pub(crate) struct Scene {
    pub(crate) source: Server,
    target: Server,
    leases: std::sync::Mutex<Vec<LeaseTable>>,
}

/// Who starts.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    cluster: u64,
    epoch: u64,
    incarnation: u64,
}

pub(crate) const FIRST: Owner = Owner {
    cluster: 1,
    epoch: 10,
    incarnation: 1,
};

impl Scene {
    pub(crate) async fn open() -> Option<Self> {
        let source = Server::start(
            "mysql97",
            &[
                "--server-id=11",
                "--log-bin=binlog",
                "--gtid-mode=ON",
                "--enforce-gtid-consistency=ON",
            ],
        )
        .await?;
        let target = Server::start("mysql97", &["--server-id=12"]).await?;
        source
            .exec(&[
                "CREATE DATABASE d",
                "CREATE TABLE d.plain (n INT)",
                "INSERT INTO d.plain VALUES (0)",
            ])
            .await;
        let leases = std::sync::Mutex::new(Vec::new());
        Some(Self {
            source,
            target,
            leases,
        })
    }

    fn token(&self, owner: Owner) -> FenceToken {
        let leases = LeaseTable::new(Incarnation(owner.incarnation));
        let source = SourceId::new("s1").expect("valid");
        let epoch = Epoch(owner.epoch);
        leases.adopt(&source, epoch, TTL_MS);
        assert!(leases.renew(&source, epoch, BoottimeMs::now(), TTL_MS));
        let right = StartRight {
            cluster_id: ClusterId(owner.cluster),
            task: TaskName::new("t1").expect("valid"),
            source,
            lease_epoch: epoch,
            epoch,
            generation: Generation(3),
        };
        let token = leases.token(&right).expect("live");
        self.leases.lock().expect("leases").push(leases);
        token
    }

    pub(crate) fn spawn(&self, owner: Owner) -> SubtaskHandle {
        let yaml = self.source.source(
            "s1",
            "root",
            &format!("server-id: {}\nenable-gtid: true\n", 4_000 + owner.epoch),
        );
        let source = SourceConfig::parse(&yaml).expect("source.yaml").value;
        let yaml = format!(
            "name: t1\ntask-mode: all\nmeta-schema: dm_meta\n\
             target-database: {{host: 127.0.0.1, port: {}, user: root, password: \"\"}}\n\
             mysql-instances: [{{source-id: s1, block-allow-list: b}}]\nblock-allow-list: {{b: {{do-dbs: [d]}}}}\n",
            self.target.port
        );
        let task = TaskConfig::parse(&yaml).expect("task.yaml").value;
        let config = task
            .subtask(&SourceId::new("s1").expect("valid"))
            .expect("subtask");
        let spec = SubtaskSpec {
            relay: None,
            token: self.token(owner),
            source: Arc::new(source),
            task: Arc::new(task),
            config,
            start_time: None,
            operators: tokio::sync::watch::channel(Arc::default()).1,
        };
        Subtask::spawn(spec, &TableCommands::default())
    }

    pub(crate) async fn number(&self, query: &str) -> Option<u64> {
        let opts = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.target.port)
            .user(Some("root"))
            .prefer_socket(false);
        let mut conn = Conn::new(opts).await.expect("connection");
        conn.query_first::<u64, _>(query).await.ok().flatten()
    }

    async fn wait_number(&self, query: &str, expected: u64) {
        let deadline = Instant::now() + WAIT;
        loop {
            let found = self.number(query).await;
            if found == Some(expected) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{query} is {found:?}, not {expected}"
            );
            sleep(Duration::from_millis(30)).await;
        }
    }

    async fn insert(&self, n: u64) {
        let insert = format!("INSERT INTO d.plain VALUES ({n})");
        self.source.exec(&[&insert]).await;
    }
}

const ROWS: &str = "SELECT COUNT(*) FROM d.plain";
const SEQ: &str = "SELECT seq FROM dm_meta.dm_lane WHERE lane = 0";
const EPOCH: &str = "SELECT epoch FROM dm_meta.dm_lane WHERE lane = 0";

/// Waits until the subtask has stopped for good, and returns its error's code and message.
async fn paused(subtask: &SubtaskHandle) -> (i32, String) {
    let deadline = Instant::now() + WAIT;
    loop {
        let status = subtask.status();
        if status.stage == Stage::Paused {
            let error = status.errors.first().expect("an error");
            return (error.code, error.message.clone());
        }
        assert!(
            Instant::now() < deadline,
            "still {:?}: {:?}",
            status.stage,
            status.note
        );
        sleep(Duration::from_millis(20)).await;
    }
}

/// Fails when `WHERE epoch` is taken out of the compare-and-set.
#[tokio::test(flavor = "multi_thread")]
async fn r10_a_replaced_owner_commits_nothing() {
    let Some(scene) = Scene::open().await else {
        return;
    };
    let first = scene.spawn(FIRST);
    scene.wait_number(ROWS, 1).await;
    scene.insert(1).await;
    scene.wait_number(ROWS, 2).await;
    let seq = scene.number(SEQ).await;
    // The same process, so that the epoch alone tells them apart; it raises and goes away without having committed.
    let second = Owner { epoch: 20, ..FIRST };
    let mut raiser = scene.spawn(second);
    scene.wait_number(EPOCH, 20).await;
    sleep(Duration::from_millis(500)).await;
    raiser.stopped().await;
    // The raise moved the sequence, which would protect too.
    let back = format!(
        "UPDATE dm_meta.dm_lane SET seq = {} WHERE lane = 0",
        seq.expect("a lane")
    );
    scene.target.exec(&[&back]).await;

    scene.insert(2).await;
    let (code, message) = paused(&first).await;
    assert_eq!(code, FENCED_OUT, "{message}");
    assert!(
        message.contains("10") && message.contains("20"),
        "{message}"
    );
    assert_eq!(scene.number(ROWS).await, Some(2));
    assert_eq!(scene.number(SEQ).await, seq);

    let _third = scene.spawn(Owner { epoch: 30, ..FIRST });
    scene.wait_number(ROWS, 3).await;
}

/// Fails when `seq` is taken out of the compare-and-set.
#[tokio::test(flavor = "multi_thread")]
async fn r10_two_writers_of_one_epoch_double_nothing() {
    let Some(scene) = Scene::open().await else {
        return;
    };
    let _first = scene.spawn(FIRST);
    scene.wait_number(ROWS, 1).await;
    scene.insert(1).await;
    scene.wait_number(ROWS, 2).await;
    let _second = scene.spawn(FIRST);
    for n in 2..150 {
        scene.insert(n).await;
        sleep(Duration::from_millis(5)).await;
    }
    scene
        .wait_number("SELECT COUNT(DISTINCT n) FROM d.plain", 150)
        .await;
    // Both have caught up by then.
    sleep(Duration::from_secs(3)).await;
    assert_eq!(scene.number(ROWS).await, Some(150));
}

#[tokio::test(flavor = "multi_thread")]
async fn r30_an_equal_epoch_of_another_process_is_refused() {
    let Some(scene) = Scene::open().await else {
        return;
    };
    let _first = scene.spawn(FIRST);
    scene.wait_number(ROWS, 1).await;
    let twin = scene.spawn(Owner {
        incarnation: 2,
        ..FIRST
    });
    let (code, message) = paused(&twin).await;
    assert_eq!(code, FENCED_OUT, "{message}");
    scene.insert(1).await;
    scene.wait_number(ROWS, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_a_lower_epoch_and_a_foreign_cluster_are_refused() {
    let Some(scene) = Scene::open().await else {
        return;
    };
    let _first = scene.spawn(FIRST);
    scene.wait_number(ROWS, 1).await;
    let older = scene.spawn(Owner { epoch: 9, ..FIRST });
    let (code, message) = paused(&older).await;
    assert_eq!(code, FENCED_OUT, "{message}");
    assert!(message.contains('9') && message.contains("10"), "{message}");
    let foreign = scene.spawn(Owner {
        cluster: 1 << 32,
        epoch: 50,
        incarnation: 5,
    });
    let (code, message) = paused(&foreign).await;
    assert_eq!(code, FOREIGN_META, "{message}");
    assert_eq!(scene.number(EPOCH).await, Some(10));
    scene.insert(1).await;
    scene.wait_number(ROWS, 2).await;
}

/// Lanes of a full migration are raised too, and an old owner can make no new ones.
#[tokio::test(flavor = "multi_thread")]
async fn r11_copiers_of_a_replaced_owner_write_nothing() {
    let Some(scene) = Scene::open().await else {
        return;
    };
    let rows: Vec<String> = (1..30_000).map(|n| format!("({n})")).collect();
    scene
        .source
        .exec(&[&format!("INSERT INTO d.plain VALUES {}", rows.join(","))])
        .await;
    let mut owners = Vec::new();
    for epoch in [10, 20, 30, 40] {
        owners.push(scene.spawn(Owner { epoch, ..FIRST }));
        sleep(Duration::from_millis(70)).await;
    }
    scene.wait_number(ROWS, 30_000).await;
    scene.insert(30_000).await;
    scene.wait_number(ROWS, 30_001).await;
    let distinct = "SELECT COUNT(DISTINCT n) FROM d.plain";
    assert_eq!(scene.number(distinct).await, Some(30_001));
}
