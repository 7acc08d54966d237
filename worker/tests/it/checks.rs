//! Checks of sources and tasks against real servers.

use crate::server::Server;
use dm_proto::v1::{CheckSourceCall, CheckTaskCall, CheckTaskReply};
use dm_worker::checks::{check_source, check_task};

const PASSED: &str = "pre-check is passed. ";

impl Server {
    /// A `source.yaml` for this server.
    pub(crate) fn source(&self, id: &str, user: &str, more: &str) -> String {
        format!(
            "source-id: {id}\n{more}from: {{host: 127.0.0.1, port: {}, user: {user}, password: \"\"}}\n",
            self.port
        )
    }
}

async fn source(yaml: String) -> Result<String, dm_model::DmError> {
    check_source(
        &CheckSourceCall {
            yaml,
            server_ids_taken: vec![],
            server_id_own: 0,
        },
        &[],
    )
    .await
}

async fn task(
    target: &Server,
    user: &str,
    sources: &[(&str, String)],
    more: &str,
) -> CheckTaskReply {
    let instances: Vec<String> = sources
        .iter()
        .map(|(id, _)| format!("{{source-id: {id}, block-allow-list: b{}}}", routes(more)))
        .collect();
    let yaml = format!(
        "name: t\ntask-mode: all\ntarget-database: {{host: 127.0.0.1, port: {}, user: {user}, password: \"\"}}\n\
         mysql-instances: [{}]\nblock-allow-list: {{b: {{do-dbs: [shop]}}}}\n{more}",
        target.port,
        instances.join(", ")
    );
    let source_yamls = sources
        .iter()
        .map(|(id, yaml)| ((*id).to_owned(), yaml.clone()))
        .collect();
    let call = CheckTaskCall {
        yaml,
        source_yamls,
        error_count: 10,
        warning_count: 10,
        ..Default::default()
    };
    check_task(&call, &[]).await.expect("checks run")
}

fn routes(more: &str) -> &'static str {
    if more.contains("routes:") {
        ", route-rules: [r]"
    } else {
        ""
    }
}

#[tokio::test]
async fn a_source_is_recognised_and_completed() {
    for (name, flavor) in [
        ("mysql97", "mysql"),
        ("mariadb118", "mariadb"),
        ("mysql56", "mysql"),
        ("mariadb105", "mariadb"),
    ] {
        let mut options = vec!["--server-id=77", "--log-bin=bin"];
        if name == "mysql97" {
            // Switched on by default there.
            options.extend(["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]);
        }
        let Some(server) = Server::start(name, &options).await else {
            continue;
        };
        let yaml = source(server.source("s", "root", ""))
            .await
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(
            yaml.contains(&format!("flavor: {flavor}")),
            "{name}: {yaml}"
        );
        assert!(
            yaml.contains("server-id: 4294") || yaml.contains("server-id: 4295"),
            "{name}: {yaml}"
        );
        let error = source(server.source("s", "root", "server-id: 77\n"))
            .await
            .expect_err("the server's own id");
        assert_eq!(error.code, 60013, "{name}: {error}");
        let wrong = server
            .source("s", "root", "")
            .replace("password: \"\"", "password: wrong");
        let error = source(wrong).await.expect_err("wrong password");
        assert_eq!(error.code, 10001, "{name}: {error}");
        assert!(
            error
                .to_string()
                .contains(&format!("127.0.0.1:{}", server.port)),
            "{error}"
        );
        let other = if flavor == "mysql" {
            "mariadb"
        } else {
            "mysql"
        };
        let error = source(server.source("s", "root", &format!("flavor: {other}\n")))
            .await
            .expect_err("other flavour");
        assert_eq!(error.code, 11010, "{name}: {error}");
        let gtid = source(server.source("s", "root", "enable-gtid: true\n")).await;
        match flavor {
            "mysql" => assert_eq!(gtid.expect_err("GTIDs are off").code, 26007),
            _ => drop(gtid.expect("MariaDB always has them")),
        }
    }
}

#[tokio::test]
async fn an_address_where_nobody_is() {
    let yaml = "source-id: s\nfrom: {host: 127.0.0.1, port: 1, user: u, password: p}\n".to_owned();
    let error = source(yaml).await.expect_err("closed port");
    assert_eq!(error.code, 10001);
    assert!(error.message.contains("127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_task_that_is_fine_passes_on_every_pair() {
    let options = ["--server-id=77", "--log-bin=bin", "--binlog-format=ROW"];
    for (name, target) in [
        ("mysql97", "mysql97"),
        ("mysql56", "mariadb118"),
        ("mariadb105", "mysql97"),
        ("mariadb118", "mariadb118"),
    ] {
        let Some(upstream) = Server::start(name, &options).await else {
            continue;
        };
        let Some(downstream) = Server::start(target, &[]).await else {
            continue;
        };
        upstream
            .exec(&[
                "CREATE DATABASE shop",
                "CREATE TABLE shop.a (id INT PRIMARY KEY, t VARCHAR(9)) CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci",
                "CREATE TABLE shop.b (id INT NOT NULL, u INT NULL, UNIQUE KEY (u), UNIQUE KEY (id)) CHARSET=latin1",
            ])
            .await;
        let reply = task(
            &downstream,
            "root",
            &[("s", upstream.source("s", "root", ""))],
            "",
        )
        .await;
        assert_eq!(reply.message, PASSED, "{name} to {target}");
        assert!(reply.passed);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_source_is_named() {
    let Some(server) = Server::start("mariadb1011", &["--server-id=77", "--skip-log-bin"]).await
    else {
        return;
    };
    let Some(target) = Server::start("mariadb1011", &[]).await else {
        return;
    };
    server
        .exec(&[
            "SET GLOBAL binlog_format = 'STATEMENT'",
            "SET GLOBAL binlog_row_image = 'MINIMAL'",
            "CREATE DATABASE shop",
            "CREATE TABLE shop.keyless (a INT, b INT, UNIQUE KEY (a))",
            "CREATE USER reader@'127.0.0.1' IDENTIFIED BY ''",
            "GRANT SELECT ON shop.* TO reader@'127.0.0.1'",
        ])
        .await;
    let reply = task(
        &target,
        "root",
        &[("s", server.source("s", "reader", ""))],
        "",
    )
    .await;
    assert!(!reply.passed);
    for expected in [
        "log_bin is OFF",
        "binlog_format is STATEMENT",
        "binlog_row_image is MINIMAL",
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'reader'@'127.0.0.1';",
        "lack of LOCK TABLES on shop: keyless: run GRANT LOCK TABLES ON `shop`.* TO 'reader'@'127.0.0.1';",
        "no primary key and no unique key without NULLs: `shop`.`keyless`",
    ] {
        assert!(
            reply.message.contains(expected),
            "{expected} not in {}",
            reply.message
        );
    }
    let ignored = "ignore-checking-items: [binlog_enable, binlog_format, binlog_row_image, binlog_db, replication_privilege, dump_privilege, table_schema]\n";
    let reply = task(
        &target,
        "root",
        &[("s", server.source("s", "reader", ""))],
        ignored,
    )
    .await;
    assert_eq!(reply.message, PASSED);
}

#[tokio::test]
async fn what_is_wrong_with_a_target_is_named() {
    let options = ["--server-id=77", "--log-bin=bin", "--binlog-format=ROW"];
    let Some(server) = Server::start("mariadb118", &options).await else {
        return;
    };
    let Some(target) = Server::start("mysql97", &[]).await else {
        return;
    };
    server
        .exec(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.a (id INT PRIMARY KEY, t TEXT) CHARSET=utf8mb4 COLLATE=utf8mb4_uca1400_ai_ci",
            "CREATE TABLE shop.b (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES shop.a (id))",
        ])
        .await;
    target
        .exec(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.a (id INT PRIMARY KEY) ENGINE=MyISAM",
            "CREATE USER writer@'127.0.0.1' IDENTIFIED BY ''",
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON shop.* TO writer@'127.0.0.1'",
        ])
        .await;
    let reply = task(
        &target,
        "writer",
        &[("s", server.source("s", "root", ""))],
        "",
    )
    .await;
    assert!(!reply.passed);
    for expected in [
        "`shop`.`a` (MyISAM)",
        "GRANT CREATE, SELECT, INSERT, UPDATE, DELETE, ALTER, DROP, INDEX ON `dm_meta`.* TO 'writer'@'127.0.0.1';",
        "lack of ALTER, DROP, INDEX on shop",
        "the target doesn't know the collation utf8mb4_uca1400_ai_ci",
        "foreign keys: `shop`.`b`",
    ] {
        assert!(
            reply.message.contains(expected),
            "{expected} not in {}",
            reply.message
        );
    }
}

#[tokio::test]
async fn merging_and_self_replication_are_refused() {
    let options = ["--server-id=77", "--log-bin=bin", "--binlog-format=ROW"];
    let Some(server) = Server::start("mysql97", &options).await else {
        return;
    };
    server
        .exec(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.t1 (id INT PRIMARY KEY)",
            "CREATE TABLE shop.t2 (id INT PRIMARY KEY)",
        ])
        .await;
    let reply = task(
        &server,
        "root",
        &[("s", server.source("s", "root", ""))],
        "",
    )
    .await;
    assert!(
        !reply.passed && reply.message.contains("written onto itself"),
        "{}",
        reply.message
    );
    let merged = "routes: {r: {schema-pattern: shop, table-pattern: \"t*\", target-schema: x, target-table: t}}\n";
    let reply = task(
        &server,
        "root",
        &[("s", server.source("s", "root", ""))],
        merged,
    )
    .await;
    assert!(
        !reply.passed && reply.message.contains("[code=60009]"),
        "{}",
        reply.message
    );
    let sources = [
        ("s", server.source("s", "root", "")),
        ("s2", server.source("s2", "root", "")),
    ];
    let moved = "routes: {r: {schema-pattern: shop, target-schema: x}}\n";
    let reply = task(&server, "root", &sources, moved).await;
    assert!(
        !reply.passed && reply.message.contains("of s, `shop`.`t1` of s2"),
        "{}",
        reply.message
    );
}
