//! Second readers beside the main stream.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, time::sleep};

use crate::fence::{FIRST, Scene};

const TABLES: usize = 12;
const ROWS_BEFORE: usize = 4_000;
const JOINED_WITHIN: Duration = Duration::from_secs(60);

/// A second reader that has agreed on a join point ahead of it has to wait for what lies between. With one thread for everything,
/// one that doesn't give way stops its own reader, and with it the worker's heartbeats.
#[tokio::test(flavor = "multi_thread")]
async fn r05_waiting_for_the_join_point_gives_way() {
    let Some(scene) = Scene::open().await else {
        return;
    };
    let scene = Arc::new(scene);
    for table in 0..TABLES {
        let create = format!("CREATE TABLE d.t{table} (n INT, v VARCHAR(200))");
        let fill = format!(
            "INSERT INTO d.t{table} WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {ROWS_BEFORE}) \
             SELECT n, REPEAT('x', 200) FROM r"
        );
        scene
            .source
            .exec(&[
                "SET SESSION cte_max_recursion_depth = 10000",
                &create,
                &fill,
            ])
            .await;
    }
    let writing = tokio::spawn({
        let scene = scene.clone();
        async move {
            for n in 0_usize.. {
                let insert = format!("INSERT INTO d.t{} VALUES ({n}, 'new')", n % TABLES);
                scene.source.exec(&[&insert]).await;
            }
        }
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let owner = std::thread::spawn({
        let scene = scene.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime of one thread");
            runtime.block_on(async {
                let mut subtask = scene.spawn(FIRST);
                let _gone = stopped.await;
                subtask.stopped().await;
            });
        }
    });
    let begun = Instant::now();
    loop {
        let joined = scene
            .number("SELECT COUNT(*) FROM dm_meta.dm_table WHERE state = 'joined'")
            .await;
        if joined == Some(TABLES as u64 + 1) {
            break;
        }
        assert!(begun.elapsed() < JOINED_WITHIN, "{joined:?} tables joined");
        sleep(Duration::from_millis(50)).await;
    }
    writing.abort();
    let _ended = stop.send(());
    owner.join().expect("the owner ends");
}
