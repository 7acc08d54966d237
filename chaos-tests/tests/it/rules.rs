//! Every rule in the copy and in the stream, with DDL between; and shards with colliding ids merged into one table.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chaos_tests::lab::{Cluster, Kind, Role, Server};
use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::plane_scene::login;

const TASK: &str = "rules";
/// For a loaded machine.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);
const SECRET: &str = "a secret of sixteen bytes at least";

/// Sources `s1`, `s2`, … with a server each, and a target.
struct Lab {
    cluster: Cluster,
    sources: Vec<Server>,
    target: Server,
}

impl Lab {
    async fn start(sources: usize) -> Result<Self> {
        let cluster = Cluster::builder(1, 2)
            .master_args(&["--lease-ttl=2s"])
            .env("DM_MASK_SECRET", SECRET)
            .start();
        let servers = async {
            let mut servers = Vec::new();
            for _ in 0..sources {
                servers.push(Server::start(Role::Source, Kind::Mysql97).await?);
            }
            Ok(servers)
        };
        let (cluster, sources, target) =
            tokio::try_join!(cluster, servers, Server::start(Role::Target, Kind::Mysql97))?;
        Ok(Self {
            cluster,
            sources,
            target,
        })
    }

    /// Creates the sources and the task; `instance` and `rules` are lines of its file.
    async fn begin(&self, instances: &[&str], rules: &str) -> Result<()> {
        let mut lines = String::new();
        for (index, (source, instance)) in self.sources.iter().zip(instances).enumerate() {
            let id = format!("s{}", index + 1);
            let yaml = format!(
                "source-id: {id}\nenable-gtid: true\nfrom:\n{}",
                login(source.endpoint())
            );
            let file = self.cluster.write(&format!("{id}.yaml"), &yaml)?;
            self.cluster
                .dmctl()
                .ok(&["operate-source", "create", &file])
                .await?;
            lines.push_str(&format!("  - {{source-id: {id}, {instance}}}\n"));
        }
        let yaml = format!(
            "name: {TASK}\ntask-mode: all\ntarget-database:\n{}mysql-instances:\n{lines}{rules}",
            login(self.target.endpoint())
        );
        let file = self.cluster.write("task.yaml", &yaml)?;
        self.cluster.dmctl().ok(&["start-task", &file]).await?;
        Ok(())
    }

    async fn at(server: &Server, statements: &[&str]) -> Result<()> {
        let mut conn = server.conn().await?;
        for statement in statements {
            conn.query_drop(*statement)
                .await
                .with_context(|| format!("running {statement}"))?;
        }
        Ok(conn.disconnect().await?)
    }

    async fn source(&self, statements: &[&str]) -> Result<()> {
        let source = self.sources.first().context("no source")?;
        Self::at(source, statements).await
    }

    /// Waits until a query at the target gives these texts.
    async fn expect(&self, query: &str, wanted: &[&str]) -> Result<()> {
        let begun = Instant::now();
        loop {
            let mut conn = self.target.conn().await?;
            let found: Result<Vec<String>, _> = conn.query(query).await;
            conn.disconnect().await?;
            if found.as_ref().is_ok_and(|found| found == wanted) {
                return Ok(());
            }
            if begun.elapsed() > ARRIVES_WITHIN {
                let status = self.cluster.dmctl().ok(&["query-status", TASK]).await;
                bail!("{query}\n found {found:?}\nwanted {wanted:?}\n{status:?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until `query-status` has this text.
    async fn expect_status(&self, text: &str) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let status = self.cluster.dmctl().ok(&["query-status", TASK]).await?;
            if status.to_string().contains(text) {
                return Ok(status);
            }
            ensure!(begun.elapsed() < ARRIVES_WITHIN, "no {text:?} in {status}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_holds_in_the_copy_and_in_the_stream() -> Result<()> {
    let lab = Lab::start(1).await?;
    lab.source(&[
        "CREATE DATABASE shop_1",
        "CREATE TABLE shop_1.kept (id INT PRIMARY KEY, v VARCHAR(20), w INT)",
        "INSERT INTO shop_1.kept VALUES (1, 'a', 1), (2, 'b', 2)",
        "CREATE TABLE shop_1.item_2 (id BIGINT PRIMARY KEY, name VARCHAR(30))",
        "INSERT INTO shop_1.item_2 VALUES (1, 'x'), (17592186044415, 'y')",
        "CREATE TABLE shop_1.person (id INT PRIMARY KEY, mail VARCHAR(64), phone VARCHAR(20), note TEXT, UNIQUE KEY (mail))",
        "INSERT INTO shop_1.person VALUES (1, 'a@b.c', '555-1234', 'secret')",
        "CREATE TABLE shop_1.scoped (id INT PRIMARY KEY, n INT, s VARCHAR(20) COLLATE utf8mb4_general_ci)",
        "INSERT INTO shop_1.scoped VALUES (1, 5, 'in'), (2, 50, 'out'), (3, NULL, 'in'), (4, 1, 'HIDE ')",
        "CREATE TABLE shop_1.part (id INT PRIMARY KEY, v INT)",
        "INSERT INTO shop_1.part VALUES (1, 1)",
        "CREATE TABLE shop_1.left_out (id INT PRIMARY KEY)",
    ])
    .await?;
    // The extracted columns stand first and last in the target.
    Lab::at(
        &lab.target,
        &[
            "CREATE DATABASE whole",
            "CREATE TABLE whole.parts (c_source VARCHAR(20), id INT, v INT, c_schema VARCHAR(20), PRIMARY KEY (id, c_source, c_schema))",
        ],
    )
    .await?;
    lab.begin(
        &["block-allow-list: b, route-rules: [r, p], filter-rules: [f, g], column-mapping-rules: [id, name], \
           mask-rules: [mail, phone, note], expression-filters: [n, s, d]"],
        "block-allow-list: {b: {do-dbs: ['shop_*'], ignore-tables: [{db-name: 'shop_*', tbl-name: left_out}]}}\n\
         routes:\n  r: {schema-pattern: 'shop_*', target-schema: whole}\n  \
         p: {schema-pattern: 'shop_*', table-pattern: part, target-schema: whole, target-table: parts, \
             extract-schema: {schema-regexp: 'shop_(.*)', target-column: c_schema}, \
             extract-source: {source-regexp: '(.*)', target-column: c_source}}\n\
         filters:\n  f: {schema-pattern: 'shop_*', table-pattern: kept, events: [delete, truncate table, drop column], action: Ignore}\n  \
         g: {schema-pattern: 'shop_*', table-pattern: kept, sql-pattern: ['no_such_thing'], action: Error}\n\
         column-mappings:\n  id: {schema-pattern: 'shop_*', table-pattern: 'item_*', target-column: id, expression: partition id, \
             arguments: ['3', shop, item, _]}\n  \
         name: {schema-pattern: 'shop_*', table-pattern: 'item_*', target-column: name, expression: add prefix, arguments: ['n-']}\n\
         masks:\n  mail: {schema-pattern: '*', table-pattern: person, columns: [mail], function: hash, secret-env: DM_MASK_SECRET}\n  \
         phone: {schema-pattern: '*', table-pattern: person, columns: [phone], function: partial, keep-last: 2}\n  \
         note: {schema-pattern: '*', table-pattern: person, columns: [note], function: 'null'}\n\
         expression-filter:\n  n: {schema: shop_1, table: scoped, insert-value-expr: 'n > 10'}\n  \
         s: {schema: shop_1, table: scoped, insert-value-expr: \"s = 'hide'\"}\n  \
         d: {schema: shop_1, table: scoped, delete-value-expr: 'id = 3'}\n",
    )
    .await?;

    // The copy. 3 << 59 is more than a BIGINT's sign allows together with 1 << 52 …: by hand, bit by bit.
    let id = |number: u64| ((3_u64 << 59) | (1 << 52) | (2 << 44) | number).to_string();
    let (first, last) = (id(1), id((1 << 44) - 1));
    lab.expect(
        "SELECT CONCAT(id, ' ', name) FROM whole.item_2 ORDER BY id",
        &[&format!("{first} n-x"), &format!("{last} n-y")],
    )
    .await?;
    lab.expect(
        "SELECT CAST(id AS CHAR) FROM whole.scoped ORDER BY id",
        &["1", "3"],
    )
    .await?;
    lab.expect(
        "SELECT CONCAT_WS(' ', id, v, c_schema, c_source) FROM whole.parts",
        &["1 1 1 s1"],
    )
    .await?;
    lab.expect(
        "SELECT CONCAT_WS(' ', id, CHAR_LENGTH(mail), phone, note IS NULL) FROM whole.person",
        &["1 64 ******34 1"],
    )
    .await?;

    // The stream.
    lab.source(&[
        "DELETE FROM shop_1.kept WHERE id = 1",
        "INSERT INTO shop_1.kept VALUES (1, 'again', 1), (3, 'c', 3)",
        "UPDATE shop_1.kept SET id = 4 WHERE id = 3",
        "ALTER TABLE shop_1.kept DROP COLUMN w, ALGORITHM=INPLACE",
        "INSERT INTO shop_1.kept VALUES (5, 'narrow')",
        "TRUNCATE TABLE shop_1.kept",
        "INSERT INTO shop_1.kept VALUES (2, 'new')",
        "ALTER TABLE shop_1.item_2 ADD COLUMN before_all INT DEFAULT 7 FIRST",
        "INSERT INTO shop_1.item_2 VALUES (8, 2, 'z')",
        "UPDATE shop_1.item_2 SET id = 9, name = 'moved' WHERE id = 1",
        "INSERT INTO shop_1.person VALUES (2, 'd@e.f', '555', 'x')",
        "UPDATE shop_1.person SET mail = 'a@b.c2' WHERE id = 1",
        "UPDATE shop_1.scoped SET n = 11 WHERE id = 1",
        "UPDATE shop_1.scoped SET n = 10 WHERE id = 2",
        "UPDATE shop_1.scoped SET s = 'Hide' WHERE id = 2",
        "ALTER TABLE shop_1.scoped ADD COLUMN first_one INT FIRST",
        "INSERT INTO shop_1.scoped VALUES (0, 5, 1, 'in'), (0, 6, 99, 'in')",
        "UPDATE shop_1.scoped SET s = 'in' WHERE id = 2",
        "DELETE FROM shop_1.scoped WHERE id = 3",
        "INSERT INTO shop_1.part VALUES (2, 2)",
        "UPDATE shop_1.part SET v = 3 WHERE id = 1",
        "DELETE FROM shop_1.part WHERE id = 2",
        "INSERT INTO shop_1.left_out VALUES (1)",
        "CREATE DATABASE shop_9",
        "CREATE TABLE shop_9.late (id INT PRIMARY KEY)",
        "INSERT INTO shop_9.late VALUES (7)",
    ])
    .await?;
    lab.expect("SELECT CAST(id AS CHAR) FROM whole.late", &["7"])
        .await?;
    lab.expect(
        "SELECT CONCAT_WS(' ', id, v, w) FROM whole.kept ORDER BY id",
        &["1 again 1", "2 new", "4 c 3", "5 narrow"],
    )
    .await?;
    let (second, ninth) = (id(2), id(9));
    lab.expect(
        "SELECT CONCAT_WS(' ', before_all, id, name) FROM whole.item_2 ORDER BY id",
        &[
            &format!("8 {second} n-z"),
            &format!("7 {ninth} n-moved"),
            &format!("7 {last} n-y"),
        ],
    )
    .await?;
    lab.expect(
        "SELECT CAST(id AS CHAR) FROM whole.scoped ORDER BY id",
        &["2", "3", "5"],
    )
    .await?;
    lab.expect(
        "SELECT CONCAT_WS(' ', id, v, c_schema, c_source) FROM whole.parts ORDER BY id",
        &["1 3 1 s1"],
    )
    .await?;
    lab.expect(
        "SELECT CONCAT_WS(' ', id, CHAR_LENGTH(mail), phone, note IS NULL) FROM whole.person ORDER BY id",
        &["1 64 ******34 1", "2 64 *55 1"],
    )
    .await?;
    lab.expect(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'whole' AND TABLE_NAME = 'left_out'",
        &[],
    )
    .await?;

    // A rename of a mapped column stops its table, by name; the others go on.
    lab.source(&[
        "ALTER TABLE shop_1.item_2 RENAME COLUMN name TO title",
        "INSERT INTO shop_1.item_2 VALUES (1, 3, 'lost?')",
        "INSERT INTO shop_9.late VALUES (8)",
    ])
    .await?;
    lab.expect(
        "SELECT CAST(id AS CHAR) FROM whole.late ORDER BY id",
        &["7", "8"],
    )
    .await?;
    lab.expect_status("has no column `name`").await?;
    Ok(())
}

/// How the rows of shards are told apart.
#[derive(Clone, Copy, PartialEq)]
enum Apart {
    PartitionId,
    Extracted,
}

const SCHEMAS: [u64; 2] = [1, 2];
const TABLES: [u64; 4] = [1, 2, 3, 4];
const ROUNDS: u64 = 24;

#[tokio::test(flavor = "multi_thread")]
async fn shards_with_colliding_ids_merge_by_partition_ids() -> Result<()> {
    merge(Apart::PartitionId).await
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_with_colliding_ids_merge_by_extracted_columns() -> Result<()> {
    merge(Apart::Extracted).await
}

async fn merge(apart: Apart) -> Result<()> {
    let mut lab = Lab::start(2).await?;
    for source in &lab.sources {
        let mut conn = source.conn().await?;
        for schema in SCHEMAS {
            conn.query_drop(format!("CREATE DATABASE shard_{schema}"))
                .await?;
            for table in TABLES {
                let name = format!("shard_{schema}.t_{table}");
                conn.query_drop(format!(
                    "CREATE TABLE {name} (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT, s VARCHAR(20))"
                ))
                .await?;
                let rows: Vec<String> = (0..150).map(|n| format!("({n}, 'r{n}')")).collect();
                conn.query_drop(format!(
                    "INSERT INTO {name} (v, s) VALUES {}",
                    rows.join(",")
                ))
                .await?;
            }
        }
        conn.disconnect().await?;
    }
    let key = match apart {
        Apart::PartitionId => "PRIMARY KEY (id)",
        Apart::Extracted => {
            "src VARCHAR(10), db VARCHAR(10), tbl VARCHAR(10), PRIMARY KEY (id, src, db, tbl)"
        }
    };
    // Rows of somebody else are left alone.
    Lab::at(
        &lab.target,
        &[
            "CREATE DATABASE whole",
            &format!("CREATE TABLE whole.t (id BIGINT, v INT, s VARCHAR(20), {key})"),
            match apart {
                Apart::PartitionId => "INSERT INTO whole.t VALUES (7, 7, 'foreign')",
                Apart::Extracted => "INSERT INTO whole.t VALUES (7, 7, 'foreign', 'x', 'x', 'x')",
            },
        ],
    )
    .await?;
    let lists = "block-allow-list: {b: {do-dbs: ['shard_*']}}\n";
    let route = "routes:\n  r: {schema-pattern: 'shard_*', table-pattern: 't_*', target-schema: whole, target-table: t";
    let instances: [String; 2] = std::array::from_fn(|index| {
        let mapping = match apart {
            Apart::PartitionId => format!(", column-mapping-rules: [m{}]", index + 1),
            Apart::Extracted => String::new(),
        };
        format!("block-allow-list: b, route-rules: [r]{mapping}")
    });
    let rules = match apart {
        Apart::PartitionId => {
            let mapping = |n: u64| {
                format!(
                    "  m{n}: {{schema-pattern: 'shard_*', table-pattern: 't_*', target-column: id, \
                     expression: partition id, arguments: ['{n}', shard, t, _]}}\n"
                )
            };
            format!(
                "{lists}{route}}}\ncolumn-mappings:\n{}{}",
                mapping(1),
                mapping(2)
            )
        }
        Apart::Extracted => format!(
            "{lists}{route}, extract-source: {{source-regexp: '(.*)', target-column: src}}, \
             extract-schema: {{schema-regexp: 'shard_(.*)', target-column: db}}, \
             extract-table: {{table-regexp: 't_(.*)', target-column: tbl}}}}\n"
        ),
    };
    lab.begin(&[&instances[0], &instances[1]], &rules).await?;
    for round in 0..ROUNDS {
        write(&lab, round).await?;
        if round % 8 == 3 {
            let victim = lab.cluster.owner("s1").await.unwrap_or(0);
            let worker = lab.cluster.workers.get_mut(victim).context("no worker")?;
            worker.kill9();
            tokio::time::sleep(Duration::from_millis(300)).await;
            worker.start()?;
            worker.wait_ready().await?;
        }
    }
    // What would take the others' rows away is left (R40); a table that comes later joins.
    Lab::at(
        &lab.sources[0],
        &[
            "CREATE TABLE shard_2.t_9 (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT, s VARCHAR(20))",
            "INSERT INTO shard_2.t_9 (v, s) VALUES (1, 'late'), (2, 'late')",
        ],
    )
    .await?;
    let begun = Instant::now();
    loop {
        let (wanted, found) = (expected(&lab, apart).await?, merged(&lab, apart).await?);
        if wanted == found {
            break;
        }
        if begun.elapsed() > ARRIVES_WITHIN {
            let missing: Vec<_> = wanted.difference(&found).take(5).collect();
            let extra: Vec<_> = found.difference(&wanted).take(5).collect();
            let status = lab.cluster.dmctl().ok(&["query-status", TASK]).await;
            bail!("missing {missing:?}, too many {extra:?}; {status:?}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Lab::at(&lab.sources[1], &["TRUNCATE TABLE shard_1.t_1"]).await?;
    Lab::at(
        &lab.sources[1],
        &["INSERT INTO shard_1.t_2 (v, s) VALUES (999, 'after')"],
    )
    .await?;
    lab.expect(
        "SELECT CAST(COUNT(*) AS CHAR) FROM whole.t WHERE v = 999",
        &["1"],
    )
    .await?;
    let before = merged(&lab, apart).await?.len();
    ensure!(
        before > 16 * 100,
        "{before} rows: the TRUNCATE of one shard was carried out"
    );
    Ok(())
}

/// Inserts, updates, deletes and moved keys in every shard.
async fn write(lab: &Lab, round: u64) -> Result<()> {
    for source in &lab.sources {
        let mut conn = source.conn().await?;
        for schema in SCHEMAS {
            for table in TABLES {
                let name = format!("shard_{schema}.t_{table}");
                for statement in [
                    format!("INSERT INTO {name} (v, s) VALUES ({round}, 'w{round}')"),
                    format!("UPDATE {name} SET v = v + 1 WHERE id % 7 = {}", round % 7),
                    format!("DELETE FROM {name} WHERE id = {}", round + 1),
                    // Farther each time: MySQL goes on numbering behind a moved key.
                    format!(
                        "UPDATE {name} SET id = id + {} WHERE id = {}",
                        (round + 1) * 1_000,
                        60 + round
                    ),
                ] {
                    conn.query_drop(statement).await?;
                }
            }
        }
        conn.disconnect().await?;
    }
    Ok(())
}

type Rows = BTreeSet<(u64, String, Option<i64>, String)>;

/// What the target is to have: computed by hand from the sources.
async fn expected(lab: &Lab, apart: Apart) -> Result<Rows> {
    let mut rows = Rows::new();
    for (index, source) in lab.sources.iter().enumerate() {
        let instance = index as u64 + 1;
        let mut conn = source.conn().await?;
        for schema in SCHEMAS {
            for table in [1, 2, 3, 4, 9] {
                let query = format!("SELECT id, v, s FROM shard_{schema}.t_{table}");
                let Ok(found) = conn.query::<(u64, Option<i64>, String), _>(query).await else {
                    continue;
                };
                for (id, v, s) in found {
                    rows.insert(match apart {
                        Apart::PartitionId => {
                            let id = (instance << 59) | (schema << 52) | (table << 44) | id;
                            (id, String::new(), v, s)
                        }
                        Apart::Extracted => (id, format!("s{instance} {schema} {table}"), v, s),
                    });
                }
            }
        }
        conn.disconnect().await?;
    }
    Ok(rows)
}

async fn merged(lab: &Lab, apart: Apart) -> Result<Rows> {
    let origin = match apart {
        Apart::PartitionId => "''",
        Apart::Extracted => "CONCAT_WS(' ', src, db, tbl)",
    };
    let mut conn = lab.target.conn().await?;
    let rows: Vec<(u64, String, Option<i64>, String)> = conn
        .query(format!(
            "SELECT id, {origin}, v, s FROM whole.t WHERE s <> 'foreign'"
        ))
        .await?;
    let foreign: Option<u64> = conn
        .query_first("SELECT COUNT(*) FROM whole.t WHERE s = 'foreign'")
        .await?;
    ensure!(foreign == Some(1), "the row of somebody else is gone");
    conn.disconnect().await?;
    let count = rows.len();
    let rows: Rows = rows.into_iter().collect();
    ensure!(rows.len() == count, "a row is there twice");
    Ok(rows)
}
