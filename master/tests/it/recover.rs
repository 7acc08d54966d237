//! Two of three masters are lost for good: `dm-master recover`.

use std::{ffi::OsString, time::Duration};

use dm_master::{recover, server::Master};
use dm_model::{ClusterId, DmError};
use dm_proto::pb::{ListMemberRequest, SourceOp, TaskOp, master_client::MasterClient};

use crate::{
    cluster::{Cluster, eventually, task_yaml},
    leases::cluster_create_when_ready,
    worker::Worker,
};

const BEAT: Duration = Duration::from_millis(200);

async fn run(args: &[&str]) -> Result<String, DmError> {
    recover::run(args.iter().map(OsString::from)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_majority_is_recovered_under_a_higher_cluster_id_and_higher_epochs() {
    let mut cluster = Cluster::start(3, "1s").await;
    let worker = Worker::start("w1", &cluster.addrs, BEAT);
    cluster_create_when_ready(&cluster, "s1").await;
    assert!(cluster.start_task(&task_yaml("t", &["s1"])).await.result);
    assert!(cluster.operate_task(TaskOp::Pause, "t").await.result);
    let (_, old_epoch) = cluster.lease("s1").await.unwrap();
    let leader = cluster.leader().await;
    let old_cluster = cluster.masters[leader]
        .as_ref()
        .unwrap()
        .api
        .replica
        .cluster_id();
    let survivor = cluster.places[leader].data_dir();
    let survivor = survivor.to_str().unwrap();
    let running = run(&["--from-data-dir", survivor, "--", "--name", "m9"]).await;
    assert!(
        running
            .unwrap_err()
            .to_string()
            .contains("in use by another process")
    );
    worker.kill();
    for number in 0..3 {
        cluster.kill(number).await;
    }

    // A place of its own for the recovered cluster.
    let mut fresh = Cluster::start(1, "1s").await;
    fresh.kill(0).await;
    fresh.places[0].wipe();
    let place = &fresh.places[0];
    let (data_dir, addr, peer_url) = (place.data_dir(), place.addr(), place.peer_url());
    let args = [
        "--from-data-dir",
        survivor,
        "--",
        "--name",
        "m0",
        "--data-dir",
        data_dir.to_str().unwrap(),
        "--master-addr",
        &addr,
        "--peer-urls",
        &peer_url,
    ];
    let report = run(&args).await.unwrap();
    assert!(
        report.contains("What may be lost") && report.contains("1 sources"),
        "{report}"
    );
    assert!(
        report.contains("Nothing was done") && !data_dir.exists(),
        "{report}"
    );
    let confirmed: Vec<&str> = std::iter::once("--confirm").chain(args).collect();
    let report = run(&confirmed).await.unwrap();
    assert!(report.contains("is a cluster of one now"), "{report}");
    assert!(run(&confirmed).await.is_err(), "a folder is used once");

    fresh.start_all().await;
    let new_cluster = fresh.masters[0].as_ref().unwrap().api.replica.cluster_id();
    assert!(ClusterId(new_cluster).succeeds(ClusterId(old_cluster)));
    let shown = fresh
        .operate_source(SourceOp::ShowSource, vec![], vec!["s1".into()])
        .await;
    assert!(shown.result, "{}", shown.msg);
    let again = Worker::start("w1", &fresh.addrs, BEAT);
    let epoch = eventually("a grant", || again.told("s1")).await;
    assert!(epoch > old_epoch + 1_000_000, "{epoch} after {old_epoch}");
    assert!(fresh.operate_task(TaskOp::Resume, "t").await.result);
    // It grows like any other.
    fresh.grow().await;
    fresh.grow().await;
    fresh.await_voters(&["m0", "m1", "m2"]).await;

    // An old master does not come back into it.
    let old = &cluster.places[leader];
    let joiner = old.config(("--join", &fresh.addrs.join(",")), "1s");
    let started = tokio::time::timeout(Duration::from_secs(10), Master::start(joiner)).await;
    if let Ok(Ok(master)) = started {
        // It belongs to another cluster and is alone in it: it leads nobody.
        let mut client = MasterClient::connect(format!("http://{}", old.addr()))
            .await
            .unwrap();
        let listed = client.list_member(ListMemberRequest::default()).await;
        assert!(!listed.is_ok_and(|listed| listed.get_ref().result));
        master.abort().await;
    }
    fresh.stop().await;
}
