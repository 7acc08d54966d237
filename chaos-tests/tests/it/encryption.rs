//! Passwords that are encrypted in files and in the masters' log.
//!
//! Needs accounts of its own, so it starts its servers itself even when others are given.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use chaos_tests::lab::{Cluster, Database, Endpoint, Folder, Kind, eventually_within};
use mysql_async::prelude::Queryable;

use crate::plane_scene::login;

const PASSWORD: &str = "Pa55-W0rd-To-Encrypt";
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// No file below this folder has these bytes.
fn nowhere_in(folder: &Path, secret: &str) -> Result<usize> {
    let mut files = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files += nowhere_in(&path, secret)?;
        } else {
            let bytes = std::fs::read(&path)?;
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            ensure!(!found, "a password in {}", path.display());
            files += 1;
        }
    }
    Ok(files)
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_passwords_work_and_plain_ones_are_not_kept() -> Result<()> {
    let folder = Folder::new("key")?;
    let key = folder
        .write("key", &format!("{KEY}\n"))?
        .display()
        .to_string();
    let flag = format!("--secret-key-path={key}");
    let (cluster, source, target) = tokio::try_join!(
        Cluster::builder(1, 1).master_args(&[&flag]).start(),
        Database::start(Kind::Mysql97),
        Database::start(Kind::Mysql97)
    )?;
    for database in [&source, &target] {
        let user = format!("CREATE USER dm IDENTIFIED BY '{PASSWORD}'");
        database.exec(&[&user, "GRANT ALL ON *.* TO dm"]).await?;
    }
    let tables = [
        "CREATE DATABASE d",
        "CREATE TABLE d.t (id INT PRIMARY KEY)",
        "INSERT INTO d.t VALUES (1), (2)",
    ];
    source.exec(&tables).await?;

    let encrypted = cluster.ctl(&["encrypt", PASSWORD]).await?;
    let cipher = encrypted.stdout.trim();
    ensure!(
        encrypted.code == 0 && !cipher.contains(PASSWORD) && cipher.len() > 20,
        "{encrypted}"
    );
    let decrypted = cluster
        .ctl(&["decrypt", "--secret-key-path", &key, cipher])
        .await?;
    ensure!(
        decrypted.code == 0 && decrypted.stdout.trim() == PASSWORD,
        "{decrypted}"
    );
    let again = cluster.ctl(&["encrypt", PASSWORD]).await?;
    ensure!(
        again.stdout != encrypted.stdout,
        "the same text twice: {again}"
    );
    let wrong = cluster.ctl(&["decrypt", cipher]).await?;
    ensure!(
        wrong.code == 1 && !wrong.to_string().contains(PASSWORD),
        "{wrong}"
    );

    let as_user = |at: &Database, password: &str| {
        login(&Endpoint {
            user: "dm".to_owned(),
            password: password.to_owned(),
            ..at.endpoint().clone()
        })
    };
    // Once as the text of encrypt, once in clear: the masters keep neither in clear.
    for (id, password) in [("encrypted", cipher), ("clear", PASSWORD)] {
        let yaml = format!(
            "source-id: {id}\nenable-gtid: true\nfrom:\n{}",
            as_user(&source, password)
        );
        let file = cluster.write("source.yaml", &yaml)?;
        cluster
            .dmctl()
            .ok(&["operate-source", "create", &file])
            .await?;
        let yaml = format!(
            "name: t_{id}\ntask-mode: all\nmeta-schema: meta_{id}\ntarget-database:\n{}\
             mysql-instances:\n  - source-id: {id}\n    block-allow-list: ours\n    route-rules: [own]\n\
             routes:\n  own: {{schema-pattern: d, target-schema: {id}}}\nblock-allow-list:\n  ours:\n    do-dbs: [d]\n",
            as_user(&target, password)
        );
        let file = cluster.write("task.yaml", &yaml)?;
        cluster.dmctl().ok(&["start-task", &file]).await?;
        eventually_within(Duration::from_secs(20), "the rows are there", || async {
            let mut conn = target.conn().await?;
            let rows: Option<u64> = conn
                .query_first(format!("SELECT COUNT(*) FROM {id}.t"))
                .await?;
            Ok((rows == Some(2)).then_some(()))
        })
        .await?;
        for args in [
            ["config", "source", id],
            ["config", "task", &format!("t_{id}")],
        ] {
            let shown = cluster.dmctl().ok(&args).await?.to_string();
            ensure!(
                !shown.contains(PASSWORD) && !shown.contains(cipher),
                "{shown}"
            );
        }
    }
    for master in &cluster.masters {
        ensure!(
            nowhere_in(master.folder(), PASSWORD)? > 3,
            "nothing was looked at"
        );
    }
    for worker in &cluster.workers {
        nowhere_in(worker.folder(), PASSWORD)?;
    }
    Ok(())
}
