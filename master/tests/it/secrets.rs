//! A cluster with a secret key, and the pages beside gRPC.

use std::time::Duration;

use dm_master::server::Master;
use dm_model::SecretKey;
use dm_proto::pb::{EncryptRequest, ListSourceConfigsResponse, OperateSourceRequest, SourceOp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    cluster::{Cluster, config, eventually, source_yaml},
    leases::connected,
    worker::Worker,
};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_enter_the_log_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, format!("{KEY}\n")).unwrap();
    let data = folder.path().join("d");
    let mut cluster = Cluster::start(1, "1s").await;
    // The same ports, another folder and a key.
    let addr = cluster.addrs[0].clone();
    let peer = cluster.masters[0]
        .as_ref()
        .unwrap()
        .api
        .config
        .advertise_peer_addr
        .clone();
    cluster.kill(0).await;
    let config = config(&[
        ("--name", "m0"),
        ("--data-dir", data.to_str().unwrap()),
        ("--master-addr", &addr),
        ("--peer-urls", &peer),
        ("--secret-key-path", key_file.to_str().unwrap()),
    ]);
    cluster.masters[0] = Some(start_again(config).await);
    let _worker = Worker::start("w1", &cluster.addrs, Duration::from_millis(200));
    eventually("worker", || connected(&cluster, 1).then_some(())).await;

    let mut client = cluster.client(0).await;
    let create = OperateSourceRequest {
        op: SourceOp::StartSource.into(),
        config: vec![source_yaml("s1")],
        ..Default::default()
    };
    let created = client.operate_source(create).await.unwrap().into_inner();
    assert!(created.result, "{created:?}");
    let kept: ListSourceConfigsResponse =
        client.list_source_configs(()).await.unwrap().into_inner();
    assert!(
        !kept.source_configs["s1"].contains("very-secret"),
        "{kept:?}"
    );

    let encrypted = client
        .encrypt(EncryptRequest {
            plaintext: "abc".into(),
        })
        .await
        .unwrap()
        .into_inner();
    let key = SecretKey::from_hex(KEY).unwrap();
    assert_eq!(
        key.try_decrypt(&encrypted.ciphertext).as_deref(),
        Some("abc")
    );
    cluster.stop().await;
}

/// The old listener's port may take a moment to be free.
async fn start_again(config: dm_master::config::Config) -> Master {
    for _ in 0..50 {
        if let Ok(master) = Master::start(config.clone()).await {
            return master;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the port stays in use");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_share_the_port_with_grpc() {
    let cluster = Cluster::start(1, "1s").await;
    assert!(
        page(&cluster.addrs[0], "/status")
            .await
            .contains("Release Version: v")
    );
    assert!(
        page(&cluster.addrs[0], "/health")
            .await
            .contains("\"health\":\"true\"")
    );
    let metrics = page(&cluster.addrs[0], "/metrics").await;
    assert!(
        metrics.contains("dm_master_start_leader_counter")
            && metrics.contains("process_resident_memory_bytes")
    );
    cluster.stop().await;
}

async fn page(addr: &str, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
