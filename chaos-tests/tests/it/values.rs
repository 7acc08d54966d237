//! Every type at its extremes, through the full migration and through the binlog, between servers of several kinds.
//!
//! Each type has two tables: one with a primary key, and one without any, in which rows are found by all their values.

use anyhow::{Result, ensure};
use chaos_tests::lab::{Kind, Role, Server};
use chaos_tests::skip;

use crate::scene::{Plan, Scene};

/// Bytes of all kinds, for texts and blobs.
const QUOTES: &str = r#"'it''s \\ \0 \n \r \Z \b % _ \" ; -- ` ?'"#;

struct Type {
    name: &'static str,
    definition: &'static str,
    values: &'static [&'static str],
    at: fn(Kind) -> bool,
}

const fn everywhere(
    name: &'static str,
    definition: &'static str,
    values: &'static [&'static str],
) -> Type {
    Type {
        name,
        definition,
        values,
        at: |_| true,
    }
}

const fn only(
    at: fn(Kind) -> bool,
    name: &'static str,
    definition: &'static str,
    values: &'static [&'static str],
) -> Type {
    Type {
        name,
        definition,
        values,
        at,
    }
}

fn has_json(kind: Kind) -> bool {
    kind != Kind::Mysql56
}

const TYPES: &[Type] = &[
    everywhere("tiny", "TINYINT", &["-128", "127", "0"]),
    everywhere("utiny", "TINYINT UNSIGNED", &["255", "128"]),
    everywhere("ztiny", "TINYINT(3) UNSIGNED ZEROFILL", &["7", "255"]),
    everywhere("bool", "BOOLEAN", &["TRUE", "FALSE"]),
    everywhere("small", "SMALLINT", &["-32768", "32767"]),
    everywhere("usmall", "SMALLINT UNSIGNED", &["65535", "32768"]),
    everywhere("medium", "MEDIUMINT", &["-8388608", "8388607", "-1"]),
    everywhere("umedium", "MEDIUMINT UNSIGNED", &["16777215", "8388608"]),
    everywhere("int4", "INT", &["-2147483648", "2147483647"]),
    everywhere("uint4", "INT UNSIGNED", &["4294967295", "2147483648"]),
    everywhere(
        "big",
        "BIGINT",
        &["-9223372036854775808", "9223372036854775807"],
    ),
    everywhere(
        "ubig",
        "BIGINT UNSIGNED",
        &["18446744073709551615", "9223372036854775808"],
    ),
    everywhere(
        "decimal65",
        "DECIMAL(65,30)",
        &[
            "99999999999999999999999999999999999.999999999999999999999999999999",
            "-99999999999999999999999999999999999.999999999999999999999999999999",
            "0.000000000000000000000000000001",
            "-0.5",
        ],
    ),
    everywhere(
        "decimal10",
        "DECIMAL(10,0)",
        &["9999999999", "-9999999999", "0"],
    ),
    everywhere("decimal9", "DECIMAL(9,9)", &["0.999999999", "-0.000000001"]),
    everywhere(
        "float4",
        "FLOAT",
        &[
            "3.40282346e38",
            "-3.40282346e38",
            "1.17549435e-38",
            "0.1",
            "16777217",
            "-0.0",
            "1e-40",
        ],
    ),
    everywhere("ufloat", "FLOAT(7,3)", &["1234.567", "-9999.999"]),
    everywhere(
        "double8",
        "DOUBLE",
        &[
            "1.7976931348623157e308",
            "-2.2250738585072014e-308",
            "0.1",
            "-0.0",
            "5e-324",
            "9007199254740993",
        ],
    ),
    everywhere("bit1", "BIT(1)", &["b'1'", "b'0'"]),
    everywhere("bit13", "BIT(13)", &["b'1000000000001'", "b'1'"]),
    everywhere(
        "bit64",
        "BIT(64)",
        &["x'ffffffffffffffff'", "x'8000000000000000'", "1"],
    ),
    everywhere(
        "date",
        "DATE",
        &[
            "'1000-01-01'",
            "'9999-12-31'",
            "'0000-00-00'",
            "'2024-00-00'",
            "'2024-02-30'",
            "'0001-01-01'",
        ],
    ),
    everywhere(
        "time0",
        "TIME",
        &["'838:59:59'", "'-838:59:59'", "'00:00:00'", "'-00:00:01'"],
    ),
    everywhere(
        "time6",
        "TIME(6)",
        &[
            "'838:59:58.999999'",
            "'-838:59:58.999999'",
            "'-00:00:00.000001'",
            "'00:00:00.5'",
        ],
    ),
    everywhere("time3", "TIME(3)", &["'-12:34:56.789'", "'12:00:00.001'"]),
    everywhere(
        "datetime0",
        "DATETIME",
        &[
            "'1000-01-01 00:00:00'",
            "'9999-12-31 23:59:59'",
            "'0000-00-00 00:00:00'",
            "'2024-02-31 01:02:03'",
        ],
    ),
    everywhere(
        "datetime6",
        "DATETIME(6)",
        &[
            "'1000-01-01 00:00:00.000001'",
            "'9999-12-31 23:59:59.999999'",
            "'2024-03-31 02:30:00.1'",
        ],
    ),
    everywhere("datetime1", "DATETIME(1)", &["'2024-03-31 02:30:00.9'"]),
    everywhere(
        "timestamp0",
        "TIMESTAMP NULL",
        &[
            "'1970-01-02 00:00:01'",
            "'2038-01-18 03:14:07'",
            "'0000-00-00 00:00:00'",
        ],
    ),
    everywhere(
        "timestamp6",
        "TIMESTAMP(6) NULL",
        &[
            "'1970-01-02 00:00:01.000001'",
            "'2038-01-18 03:14:07.999999'",
            "'2024-03-31 02:30:00.123456'",
        ],
    ),
    everywhere("year4", "YEAR", &["1901", "2155", "0"]),
    everywhere(
        "char20",
        "CHAR(20)",
        &[
            "''",
            "' lead'",
            "'trail   '",
            "'zzzzzzzzzzzzzzzzzzzz'",
            "REPEAT('金', 20)",
        ],
    ),
    everywhere(
        "varchar255",
        "VARCHAR(255)",
        &[
            "''",
            "' '",
            "'trail  '",
            "REPEAT('🦀', 255)",
            QUOTES,
            "'a'",
            "'A'",
            "'ä'",
        ],
    ),
    everywhere(
        "varchar9000",
        "VARCHAR(9000)",
        &["REPEAT('x', 9000)", "REPEAT('é', 300)"],
    ),
    everywhere(
        "utf8",
        "VARCHAR(40) CHARACTER SET utf8 COLLATE utf8_bin",
        &["'日本語'", "'é'"],
    ),
    everywhere(
        "latin1",
        "VARCHAR(60) CHARACTER SET latin1 COLLATE latin1_bin",
        &[
            "'café £'",
            "CONVERT(x'80818d8f909da0ff' USING latin1)",
            "'e'",
        ],
    ),
    everywhere(
        "clatin1",
        "CHAR(12) CHARACTER SET latin1 COLLATE latin1_bin",
        &["'ÿþ'", "' x '"],
    ),
    everywhere(
        "tlatin1",
        "TEXT CHARACTER SET latin1 COLLATE latin1_bin",
        &["REPEAT('ÿ', 1000)"],
    ),
    everywhere(
        "ascii",
        "VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin",
        &["'~plain!'"],
    ),
    everywhere(
        "gbk",
        "VARCHAR(40) CHARACTER SET gbk COLLATE gbk_bin",
        &["'中文'", "'a'", "'誠'"],
    ),
    everywhere(
        "ucs2",
        "VARCHAR(40) CHARACTER SET ucs2 COLLATE ucs2_bin",
        &["'中文'", "'aé'"],
    ),
    everywhere(
        "utf16",
        "VARCHAR(40) CHARACTER SET utf16 COLLATE utf16_bin",
        &["'🦀a'"],
    ),
    everywhere(
        "utf16le",
        "VARCHAR(40) CHARACTER SET utf16le COLLATE utf16le_bin",
        &["'🦀a'"],
    ),
    everywhere(
        "utf32",
        "CHAR(10) CHARACTER SET utf32 COLLATE utf32_bin",
        &["'🦀a'"],
    ),
    everywhere(
        "binary8",
        "BINARY(8)",
        &[
            "x'0000000000000000'",
            "x'ffffffffffffffff'",
            "x'6100'",
            "x'0061'",
            "''",
        ],
    ),
    everywhere("binary1", "BINARY", &["x'00'", "x'20'"]),
    everywhere(
        "varbinary255",
        "VARBINARY(255)",
        &[
            "''",
            "x'00'",
            "REPEAT(x'ff', 255)",
            "x'610000'",
            "x'27225c0a0d1a00'",
        ],
    ),
    everywhere("tinytext", "TINYTEXT", &["''", "REPEAT('t', 255)", QUOTES]),
    everywhere("text2", "TEXT", &["REPEAT('é', 32767)", "'🎁'"]),
    everywhere("mediumtext", "MEDIUMTEXT", &["REPEAT('m', 100000)"]),
    everywhere("longtext", "LONGTEXT", &["REPEAT('金', 100000)"]),
    everywhere("tinyblob", "TINYBLOB", &["''", "REPEAT(x'00', 255)"]),
    everywhere("blob2", "BLOB", &["REPEAT(x'27', 65535)", "x'c328'"]),
    everywhere("mediumblob", "MEDIUMBLOB", &["REPEAT(x'5c', 100000)"]),
    everywhere("longblob", "LONGBLOB", &["REPEAT(x'ff', 300000)"]),
    everywhere(
        "enum3",
        "ENUM('small','ü','it''s, \\\\')",
        &["'small'", "'ü'", "3"],
    ),
    everywhere("set4", "SET('a','b','ç','d')", &["''", "'a,b,ç,d'", "'ç'"]),
    everywhere(
        "set64",
        "SET('1','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16','17','18','19','20','21','22','23','24','25','26','27','28','29','30','31','32','33','34','35','36','37','38','39','40','41','42','43','44','45','46','47','48','49','50','51','52','53','54','55','56','57','58','59','60','61','62','63','64')",
        &["'64'", "'1,64'", "18446744073709551615"],
    ),
    everywhere(
        "not_null",
        "VARCHAR(20) NOT NULL DEFAULT 'd'",
        &["''", "'x'"],
    ),
    only(
        has_json,
        "json",
        "JSON",
        &[
            "'null'",
            "'[]'",
            "'{}'",
            r#"'{"max": 18446744073709551615, "min": -9223372036854775808, "e": 1.5e300, "d": 0.1}'"#,
            r#"'["a\\\"b", "\\u0000", "🦀", true, false, null, [[[]]]]'"#,
            r#"'"text"'"#,
        ],
    ),
    only(
        |kind| kind == Kind::Mysql97,
        "json_of_types",
        "JSON",
        &[
            "JSON_OBJECT('d', CAST('2024-01-02' AS DATE), 't', CAST('2024-01-02 03:04:05.678901' AS DATETIME(6)), 'n', CAST(1.50 AS DECIMAL(10,2)))",
            "JSON_ARRAY(CAST('-12:34:56.5' AS TIME(6)), x'00ff', CAST(18446744073709551615 AS UNSIGNED))",
        ],
    ),
    everywhere(
        "point",
        "POINT",
        &[
            "ST_GeomFromText('POINT(1.5 -2.5)')",
            "ST_GeomFromText('POINT(0 0)')",
        ],
    ),
    everywhere(
        "geometry",
        "GEOMETRY",
        &[
            "ST_GeomFromText('LINESTRING(0 0, 1 1, 2 3)')",
            "ST_GeomFromText('POLYGON((0 0, 4 0, 4 4, 0 0))')",
        ],
    ),
];

/// CREATE TABLE, the sources that know it, and its changes.
type Special = (&'static str, fn(Kind) -> bool, &'static [&'static str]);

/// Tables with more than a column and a key.
const SPECIAL: &[Special] = &[
    (
        "CREATE TABLE `{db}`.generated (id INT PRIMARY KEY, a INT, g INT AS (a + 1), s INT AS (a * 2) {stored}, z VARCHAR(9))",
        |_| true,
        &[
            "INSERT INTO `{db}`.generated (id, a, z) VALUES ({id}, {id}, 'z')",
            "UPDATE `{db}`.generated SET a = a + 5",
            "UPDATE `{db}`.generated SET id = id + 500, z = 'y'",
        ],
    ),
    (
        "CREATE TABLE `{db}`.invisible (id INT PRIMARY KEY, v INT INVISIBLE DEFAULT 3, w INT)",
        |kind| kind != Kind::Mysql56,
        &[
            "INSERT INTO `{db}`.invisible (id, v, w) VALUES ({id}, {id}, 1), ({id} + 1, 4, 5)",
            "UPDATE `{db}`.invisible SET v = v + 1",
        ],
    ),
    (
        "CREATE TABLE `{db}`.unique_only (a INT NOT NULL, b VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL, c BLOB, UNIQUE KEY (a, b))",
        |_| true,
        &[
            "INSERT INTO `{db}`.unique_only VALUES ({id}, 'ÿ', x'00'), ({id}, 'é', NULL)",
            "UPDATE `{db}`.unique_only SET b = CONCAT(b, 'é')",
            "DELETE FROM `{db}`.unique_only WHERE c IS NULL AND a = {id}",
        ],
    ),
    (
        "CREATE TABLE `{db}`.unique_nullable (a INT, b INT, UNIQUE KEY (a))",
        |_| true,
        &[
            "INSERT INTO `{db}`.unique_nullable VALUES (NULL, 1), (NULL, 1), ({id}, 2)",
            "DELETE FROM `{db}`.unique_nullable WHERE b = 1 LIMIT 1",
            "UPDATE `{db}`.unique_nullable SET b = b + 1 WHERE a IS NULL",
        ],
    ),
    (
        "CREATE TABLE `{db}`.binary_key (k VARBINARY(20) PRIMARY KEY, v INT)",
        |_| true,
        &[
            "INSERT INTO `{db}`.binary_key VALUES (CONCAT(x'00ff27', {id}), 1), (CONCAT({id}, x'00'), 2), ({id}, 3)",
            "UPDATE `{db}`.binary_key SET v = v + 1",
        ],
    ),
    (
        "CREATE TABLE `{db}`.text_key (k VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, v INT)",
        |_| true,
        &[
            "INSERT INTO `{db}`.text_key VALUES (CONCAT('ä', {id}), 1), (CONCAT('a', {id}), 2), (CONCAT('A', {id}), 3)",
            "UPDATE `{db}`.text_key SET v = v + 1 WHERE k LIKE 'A%'",
        ],
    ),
    (
        "CREATE TABLE `{db}`.time_key (k TIMESTAMP(3) NOT NULL DEFAULT '2024-01-01 00:00:00', d DATE NOT NULL, v INT, PRIMARY KEY (k, d))",
        |_| true,
        &[
            "INSERT INTO `{db}`.time_key VALUES ('2024-05-06 07:08:09.123' + INTERVAL {id} SECOND, '2024-01-01', 1)",
            "UPDATE `{db}`.time_key SET v = 9, d = d + INTERVAL 1 DAY",
        ],
    ),
    (
        "CREATE TABLE `{db}`.`odd ``name.x` (`a b` INT PRIMARY KEY, `select` VARCHAR(9), `ü``` INT)",
        |_| true,
        &[
            "INSERT INTO `{db}`.`odd ``name.x` VALUES ({id}, 'x', 1)",
            "UPDATE `{db}`.`odd ``name.x` SET `select` = 'y'",
        ],
    ),
];

/// Types that only one product has.
const MARIADB_ONLY: &[Type] = &[
    only(
        Kind::is_mariadb,
        "uuid",
        "UUID",
        &[
            "'018f2b3c-4d5e-7001-8203-040506070800'",
            "'123e4567-e89b-12d3-a456-426655440000'",
            "'00000000-0000-0000-0000-000000000000'",
        ],
    ),
    only(
        Kind::is_mariadb,
        "inet6",
        "INET6",
        &["'::1'", "'2001:db8::ff00:42:8329'"],
    ),
    only(
        |kind| kind == Kind::Mariadb118,
        "inet4",
        "INET4",
        &["'10.1.2.3'", "'0.0.0.0'"],
    ),
    only(
        |kind| kind == Kind::Mariadb118,
        "vector",
        "VECTOR(3)",
        &["VEC_FromText('[1,2.5,-3]')"],
    ),
];

const MYSQL_ONLY: &[Type] = &[only(
    |kind| kind == Kind::Mysql97,
    "vector",
    "VECTOR(3)",
    &["STRING_TO_VECTOR('[1,2.5,-3]')"],
)];

/// The rows of one type: what the full migration finds, or what the stream adds and changes.
fn statements(types: &[Type], source: Kind, first: usize, streamed: bool) -> Vec<String> {
    let mut all = Vec::new();
    for one in types.iter().filter(|one| (one.at)(source)) {
        for table in ["k", "p"].map(|prefix| format!("`{{db}}`.{prefix}_{}", one.name)) {
            for (n, value) in one.values.iter().enumerate() {
                all.push(format!(
                    "INSERT INTO {table} VALUES ({}, {value})",
                    first + n
                ));
            }
            if one.name != "not_null" {
                all.push(format!("INSERT INTO {table} VALUES ({}, NULL)", first + 90));
            }
            if !streamed {
                continue;
            }
            // Every value of the full migration and of the stream is an old image once: moved, replaced, deleted.
            let value = one.values[0];
            all.push(format!("UPDATE {table} SET id = id + 1000 WHERE id < 1000"));
            all.push(format!("UPDATE {table} SET v = {value} WHERE id = 1001"));
            all.push(format!("UPDATE {table} SET v = {value} WHERE id = 1090"));
            all.push(format!("DELETE FROM {table} WHERE id >= {}", 1000 + first));
            all.push(format!("INSERT INTO {table} VALUES (5000, {value})"));
        }
    }
    all
}

fn creates(types: &[Type], source: Kind) -> Vec<String> {
    // A collation that all products have.
    const OPTIONS: &str = "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
    let types = types.iter().filter(|one| (one.at)(source));
    types
        .flat_map(|one| {
            [
                format!(
                    "CREATE TABLE `{{db}}`.k_{} (id INT PRIMARY KEY, v {}) {OPTIONS}",
                    one.name, one.definition
                ),
                format!(
                    "CREATE TABLE `{{db}}`.p_{} (id INT, v {}) {OPTIONS}",
                    one.name, one.definition
                ),
            ]
        })
        .collect()
}

async fn run(scene: &Scene, statements: &[String]) -> Result<()> {
    // What was legal upstream under any mode.
    let mut all = vec!["SET SESSION sql_mode = ''", "SET NAMES utf8mb4"];
    all.extend(statements.iter().map(String::as_str));
    scene.at_source(&all).await
}

/// A server that is given takes the place of the kind that it is like, and only of that.
async fn unlike(role: Role, wanted: Kind) -> Result<Option<String>> {
    let Some(endpoint) = Server::given(role)? else {
        return Ok(None);
    };
    let product = endpoint.product().await?;
    Ok((Kind::like(&product) != wanted).then(|| format!("{product} is given as {role:?}")))
}

async fn values(name: &str, source: Kind, target: Kind) -> Result<()> {
    for (role, kind) in [(Role::Source, source), (Role::Target, target)] {
        if let Some(why) = unlike(role, kind).await? {
            skip!(name, "{why}");
        }
    }
    let plan = Plan {
        source,
        target,
        workers: 1,
        source_args: vec!["--default-time-zone=+05:30", "--max-allowed-packet=64M"],
        target_args: vec!["--default-time-zone=-03:00", "--max-allowed-packet=64M"],
        ..Plan::default()
    };
    let mut scene = Scene::open(plan).await?;
    let mut types = vec![TYPES];
    if source.is_mariadb() && target.is_mariadb() {
        types.push(MARIADB_ONLY);
    }
    let has_vectors = |server: &Server| server.product().version().starts_with('9');
    if has_vectors(&scene.source) && has_vectors(&scene.target) {
        types.push(MYSQL_ONLY);
    }
    let stored = if source == Kind::Mysql56 || source.is_mariadb() {
        "PERSISTENT"
    } else {
        "STORED"
    };
    let special: Vec<_> = SPECIAL
        .iter()
        .filter(|(create, at, _)| {
            at(source) && !(source == Kind::Mysql56 && create.contains("generated"))
        })
        // INVISIBLE is spelled differently by the two products.
        .filter(|(create, _, _)| {
            source.is_mariadb() == target.is_mariadb() || !create.contains("INVISIBLE")
        })
        .collect();
    let mut made = vec!["CREATE DATABASE `{db}`".to_owned()];
    types
        .iter()
        .for_each(|types| made.extend(creates(types, source)));
    for (create, _, changes) in &special {
        made.push(format!(
            "{} DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
            create.replace("{stored}", stored)
        ));
        made.extend(changes.iter().map(|text| text.replace("{id}", "10")));
    }
    types
        .iter()
        .for_each(|types| made.extend(statements(types, source, 1, false)));
    run(&scene, &made).await?;
    scene.begin().await?;
    scene
        .wait_status("the full migration is over", |status| status.unit == "Sync")
        .await?;
    let mut changes = Vec::new();
    types
        .iter()
        .for_each(|types| changes.extend(statements(types, source, 200, true)));
    for (_, _, texts) in &special {
        changes.extend(texts.iter().map(|text| text.replace("{id}", "20")));
    }
    run(&scene, &changes).await?;
    scene.wait_synced().await?;
    let status = scene.status().await?;
    let compared = scene.must_be_identical().await;
    ensure!(
        compared.is_ok() && status.errors.is_empty(),
        "{:#?}\n{compared:?}",
        status.errors
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_mysql97_in_mysql97() -> Result<()> {
    values("values_of_mysql97_in_mysql97", Kind::Mysql97, Kind::Mysql97).await
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_mysql97_in_mariadb118() -> Result<()> {
    values(
        "values_of_mysql97_in_mariadb118",
        Kind::Mysql97,
        Kind::Mariadb118,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_mysql56_in_mysql97() -> Result<()> {
    values("values_of_mysql56_in_mysql97", Kind::Mysql56, Kind::Mysql97).await
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_mysql56_in_mariadb118() -> Result<()> {
    values(
        "values_of_mysql56_in_mariadb118",
        Kind::Mysql56,
        Kind::Mariadb118,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_mariadb1011_in_mysql97() -> Result<()> {
    values(
        "values_of_mariadb1011_in_mysql97",
        Kind::Mariadb1011,
        Kind::Mysql97,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_mariadb118_in_mysql97() -> Result<()> {
    values(
        "values_of_mariadb118_in_mysql97",
        Kind::Mariadb118,
        Kind::Mysql97,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_mariadb118_in_mariadb118() -> Result<()> {
    values(
        "values_of_mariadb118_in_mariadb118",
        Kind::Mariadb118,
        Kind::Mariadb118,
    )
    .await
}
