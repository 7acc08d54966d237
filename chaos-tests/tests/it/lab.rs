//! The lab itself: what the other tests stand on.

use std::time::{Duration, Instant};

use anyhow::Result;
use chaos_tests::lab::{Database, Kind, Mode, Net, Proxy};
use chaos_tests::skip;
use mysql_async::prelude::Queryable;

async fn starts(kind: Kind) -> Result<()> {
    let database = Database::start(kind).await?;
    let mut conn = database.conn().await?;
    let product = database.endpoint().product().await?;
    let status: Option<mysql_async::Row> =
        conn.query_first(product.binlog_status_statement()).await?;
    assert!(status.is_some(), "{product} writes a binlog");
    let format: Option<String> = conn.query_first("SELECT @@global.binlog_format").await?;
    assert_eq!(format.as_deref(), Some("ROW"));
    Ok(conn.disconnect().await?)
}

#[tokio::test]
async fn mysql97_starts() -> Result<()> {
    starts(Kind::Mysql97).await
}

#[tokio::test]
async fn mysql56_starts() -> Result<()> {
    starts(Kind::Mysql56).await
}

#[tokio::test]
async fn mariadb105_starts() -> Result<()> {
    starts(Kind::Mariadb105).await
}

#[tokio::test]
async fn mariadb1011_starts() -> Result<()> {
    starts(Kind::Mariadb1011).await
}

#[tokio::test]
async fn mariadb118_starts() -> Result<()> {
    starts(Kind::Mariadb118).await
}

#[tokio::test]
async fn gtid_can_be_off_and_data_survives_kills() -> Result<()> {
    let mut database = Database::builder(Kind::Mysql97).gtid(false).start().await?;
    database
        .exec(&[
            "CREATE DATABASE d",
            "CREATE TABLE d.t (a int)",
            "INSERT INTO d.t VALUES (1)",
        ])
        .await?;
    database.kill9();
    assert!(database.conn().await.is_err());
    database.restart().await?;
    let mut conn = database.conn().await?;
    assert_eq!(
        conn.query_first::<i32, _>("SELECT a FROM d.t").await?,
        Some(1)
    );
    let mode: Option<String> = conn.query_first("SELECT @@global.gtid_mode").await?;
    assert_eq!(mode.as_deref(), Some("OFF"));
    drop(conn);
    let folder = database.folder().to_owned();
    drop(database);
    assert!(!folder.exists());
    Ok(())
}

#[tokio::test]
async fn proxy_delays_stalls_and_cuts() -> Result<()> {
    let database = Database::start(Kind::Mariadb118).await?;
    let proxy = Proxy::start(database.addr().to_string()).await?;
    let mut endpoint = database.endpoint().clone();
    endpoint.port = proxy.addr().port();
    let mut conn = endpoint.conn().await?;

    proxy.set(Mode::Delay(Duration::from_millis(100)));
    let start = Instant::now();
    conn.query_drop("DO 1").await?;
    assert!(
        start.elapsed() >= Duration::from_millis(200),
        "there and back"
    );

    proxy.set(Mode::Stall);
    let stalled = tokio::time::timeout(Duration::from_millis(300), conn.query_drop("DO 1")).await;
    assert!(stalled.is_err());

    proxy.set(Mode::Pass);
    let mut conn = endpoint.conn().await?;
    proxy.set(Mode::Cut);
    assert!(conn.query_drop("DO 1").await.is_err());
    assert!(endpoint.conn().await.is_err());

    proxy.set(Mode::Pass);
    let mut conn = endpoint.conn().await?;
    proxy.cut_after(1_000);
    assert!(
        conn.query_first::<String, _>("SELECT REPEAT('x', 5000)")
            .await
            .is_err()
    );
    Ok(())
}

#[tokio::test]
async fn a_host_dies_and_its_connection_stays() -> Result<()> {
    let net = match Net::new() {
        Ok(net) => net,
        Err(error) => skip!("a_host_dies_and_its_connection_stays", "{error:#}"),
    };
    let database = Database::builder(Kind::Mysql97)
        .bind("0.0.0.0")
        .start()
        .await?;
    let host = net.host()?;
    let ping = || {
        let target = format!(
            "cat < /dev/null > /dev/tcp/{}/{}",
            net.gateway(),
            database.addr().port()
        );
        let mut command = host.command(std::path::Path::new("/usr/bin/timeout"));
        command.args(["1", "bash", "-c", &target]);
        command
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    assert!(ping());
    host.unplug()?;
    assert!(!ping());
    host.plug()?;
    assert!(ping());
    Ok(())
}
