//! What is refused, with which words, and that nothing is half-done.

use dm_proto::pb::{self, SourceOp};

use crate::{
    cluster::{Cluster, config, source_yaml, task_yaml},
    leases::cluster_create_when_ready,
    worker::Worker,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_worker_a_source_is_refused_with_what_to_do() {
    let cluster = Cluster::start(3, "1s").await;
    let answer = cluster.create_source("s1").await;
    assert!(
        !answer.result
            && answer.msg.contains("code=38021")
            && answer.msg.contains("dm-worker --join"),
        "{answer:?}"
    );
    assert_eq!(cluster.lease("s1").await, None);
    let task = cluster.start_task(&task_yaml("t", &["nowhere"])).await;
    assert!(!task.result && task.msg.contains("nowhere"), "{task:?}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_sources_are_created_all_or_none() {
    let cluster = Cluster::start(3, "1s").await;
    let _worker = Worker::start("w1", &cluster.addrs, std::time::Duration::from_millis(200));
    cluster_create_when_ready(&cluster, "s2").await;
    let files = vec![source_yaml("s1"), source_yaml("s2")];
    let answer = cluster
        .operate_source(SourceOp::StartSource, files, vec![])
        .await;
    assert!(
        !answer.result && answer.msg.contains("code=46007"),
        "{answer:?}"
    );
    let shown = cluster
        .operate_source(SourceOp::ShowSource, vec![], vec![])
        .await;
    assert_eq!(shown.sources.len(), 1);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unfilled_method_names_itself() {
    let cluster = Cluster::start(1, "1s").await;
    let mut client = cluster.client(0).await;
    let status = client
        .show_ddl_locks(pb::ShowDdlLocksRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    assert!(status.message().contains("ShowDDLLocks"));
    let status = client
        .encrypt(pb::EncryptRequest {
            plaintext: "x".into(),
        })
        .await
        .unwrap()
        .into_inner();
    assert!(
        !status.result && status.msg.contains("secret-key-path"),
        "{status:?}"
    );
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_an_error_before_the_folder_is_touched() {
    let cluster = Cluster::start(1, "1s").await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("d");
    let config = config(&[
        ("--data-dir", data.to_str().unwrap()),
        ("--master-addr", &cluster.addrs[0]),
    ]);
    let error = dm_master::server::Master::start(config)
        .await
        .err()
        .expect("refused");
    assert_eq!(error.code, 38017);
    assert!(!data.exists());
    cluster.stop().await;
}
