//! `query-status --watch` where no terminal is.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};

use crate::{
    dmctl,
    fake_master::{FakeMaster, Script},
    output::syncing,
};

#[tokio::test(flavor = "multi_thread")]
async fn one_line_per_interval_until_nobody_reads() {
    let (_, addr) = FakeMaster::serve(Script {
        status: syncing(),
        ..Default::default()
    })
    .await;
    let mut child = dmctl(&[
        "--master-addr",
        &addr,
        "query-status",
        "--watch",
        "50ms",
        "demo",
    ])
    .spawn()
    .expect("dmctl");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    for _ in 0..3 {
        let line = lines.next_line().await.expect("readable").expect("a line");
        assert!(
            line.contains(" demo mysql-01 Running, 1 error · Sync lag 2.0 s 17 rows/s"),
            "{line}"
        );
        assert_eq!(
            line.split(' ').next().map(str::len),
            Some("12:00:01".len()),
            "{line}"
        );
    }
    drop(lines);
    let status = timeout(Duration::from_secs(5), child.wait())
        .await
        .expect("ends")
        .expect("waited");
    assert!(status.success(), "{status}");
}
