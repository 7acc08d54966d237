//! CREATE TABLE → structure: types, aliases, defaults, implicit names.

use dm_ddl::{Context, Table};

use crate::{MARIADB, MYSQL, MYSQL_57, describe};

fn table(text: &str, context: &Context<'_>) -> Table {
    Table::parse_create(text, context).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// One column of a latin1 table.
fn column(definition: &str, context: &Context<'_>) -> String {
    describe(&table(
        &format!("CREATE TABLE t (a {definition}) CHARSET latin1"),
        context,
    ))
}

#[test]
fn types_and_aliases() {
    let cases = [
        ("INT", "a Int"),
        ("INTEGER(11) UNSIGNED", "a Int unsigned"),
        ("INT(5) ZEROFILL", "a Int(5) unsigned zerofill"),
        ("BIGINT ZEROFILL", "a BigInt(20) unsigned zerofill"),
        ("BOOLEAN", "a TinyInt"),
        ("INT1", "a TinyInt"),
        ("INT2", "a SmallInt"),
        ("INT3", "a MediumInt"),
        ("INT4", "a Int"),
        ("INT8", "a BigInt"),
        ("MIDDLEINT SIGNED", "a MediumInt"),
        ("SERIAL", "a BigInt unsigned not_null auto; Unique a(a)"),
        ("DEC", "a Decimal(10,0)"),
        ("NUMERIC(5)", "a Decimal(5,0)"),
        ("FIXED(7,2) UNSIGNED", "a Decimal(7,2) unsigned"),
        ("FLOAT", "a Float"),
        ("FLOAT(24)", "a Float"),
        ("FLOAT(25)", "a Double"),
        ("FLOAT(7,3)", "a Float(7,3)"),
        ("DOUBLE PRECISION", "a Double"),
        ("REAL(8,2)", "a Double(8,2)"),
        ("FLOAT8", "a Double"),
        ("BIT", "a Bit(1)"),
        ("YEAR(4)", "a Year"),
        ("TIME(3)", "a Time(.3)"),
        ("DATETIME(0)", "a DateTime"),
        ("TIMESTAMP(6) NULL", "a Timestamp(.6)"),
        ("CHAR", "a Char(1) latin1_swedish_ci"),
        ("CHARACTER VARYING(7)", "a VarChar(7) latin1_swedish_ci"),
        ("NCHAR(3)", "a Char(3) utf8mb3_general_ci"),
        (
            "NATIONAL CHARACTER VARYING (3)",
            "a VarChar(3) utf8mb3_general_ci",
        ),
        ("NVARCHAR(4)", "a VarChar(4) utf8mb3_general_ci"),
        ("NCHAR VARYING(4)", "a VarChar(4) utf8mb3_general_ci"),
        (
            "VARCHAR(5) CHARSET utf8mb4",
            "a VarChar(5) utf8mb4_0900_ai_ci",
        ),
        ("VARCHAR(5) COLLATE utf8_bin", "a VarChar(5) utf8mb3_bin"),
        ("VARCHAR(5) BINARY", "a VarChar(5) latin1_bin"),
        (
            "VARCHAR(5) CHARACTER SET gbk BINARY",
            "a VarChar(5) gbk_bin",
        ),
        ("VARCHAR(5) ASCII", "a VarChar(5) latin1_swedish_ci"),
        ("VARCHAR(5) UNICODE", "a VarChar(5) ucs2_general_ci"),
        ("VARCHAR(5) CHARACTER SET binary", "a VarBinary(5)"),
        ("CHAR(4) BYTE", "a Binary(4)"),
        ("TEXT BYTE", "a Blob"),
        ("BINARY", "a Binary(1)"),
        ("VARBINARY(9)", "a VarBinary(9)"),
        ("TEXT(200)", "a TinyText latin1_swedish_ci"),
        ("TEXT(200) CHARSET utf8mb4", "a Text utf8mb4_0900_ai_ci"),
        ("BLOB(70000)", "a MediumBlob"),
        ("LONG", "a MediumText latin1_swedish_ci"),
        ("LONG VARCHAR", "a MediumText latin1_swedish_ci"),
        ("LONG VARBINARY", "a MediumBlob"),
        ("VARCHAR(70000)", "a MediumText latin1_swedish_ci"),
        (
            "ENUM('a','b ','c,''d')",
            "a Enum(a|b|c,'d) latin1_swedish_ci",
        ),
        (
            "SET(x'61',0x62,b'1100011') COLLATE latin1_bin",
            "a Set(a|b|c) latin1_bin",
        ),
        ("JSON", "a Json"),
        ("GEOMETRY", "a Geometry"),
        ("GEOMCOLLECTION", "a GeometryCollection"),
        ("POINT NOT NULL SRID 4326", "a Point not_null"),
        ("VECTOR", "a Vector(2048)"),
        ("VECTOR(3)", "a Vector(3)"),
    ];
    for (definition, expected) in cases {
        assert_eq!(column(definition, &MYSQL), expected, "{definition}");
    }
    let mariadb = [
        ("JSON", "a LongText utf8mb4_bin"),
        ("UUID", "a Uuid"),
        ("INET4", "a Inet4"),
        ("INET6", "a Inet6"),
        ("mariadb_schema.date", "a Date"),
        ("oracle_schema.date", "a DateTime"),
        ("VARCHAR2(10 CHAR)", "a VarChar(10) latin1_swedish_ci"),
        (
            "VARCHAR(5) CHARSET utf8mb4",
            "a VarChar(5) utf8mb4_general_ci",
        ),
    ];
    for (definition, expected) in mariadb {
        assert_eq!(column(definition, &MARIADB), expected, "{definition}");
    }
}

#[test]
fn attributes() {
    let cases = [
        ("INT NOT NULL DEFAULT 0", "a Int not_null default"),
        ("INT DEFAULT NULL", "a Int"),
        ("INT DEFAULT -1 COMMENT 'x'", "a Int default"),
        ("INT DEFAULT (1 + (2))", "a Int default"),
        ("INT KEY", "a Int not_null; Primary PRIMARY(a)"),
        (
            "INT UNIQUE KEY PRIMARY KEY",
            "a Int not_null; Primary PRIMARY(a); Unique a(a)",
        ),
        (
            "INT AUTO_INCREMENT UNIQUE",
            "a Int not_null auto; Unique a(a)",
        ),
        ("INT AS (1)", "a Int virtual"),
        (
            "INT GENERATED ALWAYS AS (1) STORED NOT NULL",
            "a Int not_null stored",
        ),
        ("INT INVISIBLE", "a Int invisible"),
        ("INT STORAGE DEFAULT NOT NULL", "a Int not_null"),
        (
            "DATETIME DEFAULT NOW() ON UPDATE NOW()",
            "a DateTime default on_update",
        ),
        ("TIMESTAMP", "a Timestamp"),
        (
            "CHAR(3) DEFAULT _utf8mb4'x' COLLATE latin1_bin",
            "a Char(3) default latin1_bin",
        ),
        (
            "BIT(3) DEFAULT b'101' NOT NULL",
            "a Bit(3) not_null default",
        ),
        (
            "INT CONSTRAINT c CHECK (a > 0) NOT ENFORCED NOT NULL",
            "a Int not_null",
        ),
        (
            "INT REFERENCES p (x) ON DELETE SET NULL ON UPDATE CASCADE NOT NULL",
            "a Int not_null",
        ),
    ];
    for (definition, expected) in cases {
        assert_eq!(column(definition, &MYSQL), expected, "{definition}");
    }
}

#[test]
fn older_servers_fill_timestamps() {
    let text = "CREATE TABLE t (a TIMESTAMP, b TIMESTAMP, c TIMESTAMP NULL)";
    let expected =
        "a Timestamp not_null default on_update; b Timestamp not_null default; c Timestamp";
    assert_eq!(describe(&table(text, &MYSQL_57)), expected);
    assert_eq!(
        describe(&table(text, &MYSQL)),
        "a Timestamp; b Timestamp; c Timestamp"
    );
    let text = "CREATE TABLE t (a TIMESTAMP DEFAULT 0, b TIMESTAMP)";
    assert_eq!(
        describe(&table(text, &MYSQL_57)),
        "a Timestamp not_null default; b Timestamp not_null default"
    );
}

#[test]
fn keys_get_the_servers_names_and_order() {
    let cases = [
        (
            "a INT, KEY (a), KEY (a), UNIQUE (a)",
            "a Int; Unique a_3(a); Index a(a); Index a_2(a)",
        ),
        (
            "a INT, b INT, FULLTEXT f (c), KEY k (b), UNIQUE u (b), UNIQUE v (a), PRIMARY KEY (a), c TEXT",
            "a Int not_null; b Int; c Text latin1_swedish_ci; Primary PRIMARY(a); Unique v(a); Unique u(b); \
             Index k(b); Fulltext f(c)",
        ),
        (
            "a INT, CONSTRAINT c UNIQUE (a), CONSTRAINT d UNIQUE e (a)",
            "a Int; Unique c(a); Unique e(a)",
        ),
        (
            "a INT, KEY ((a + 1)), KEY ((a + 2))",
            "a Int; Index functional_index((expression)); Index functional_index_2((expression))",
        ),
        (
            "`primary` INT, KEY (`primary`)",
            "primary Int; Index primary_2(primary)",
        ),
        (
            "a VARCHAR(10), KEY i (A(10)), KEY j (a(9))",
            "a VarChar(10) latin1_swedish_ci; Index i(a); Index j(a(9))",
        ),
        ("a BLOB, KEY (a(10))", "a Blob; Index a(a(10))"),
        (
            "a INT, FOREIGN KEY (a) REFERENCES p (x)",
            "a Int; Index a(a); Foreign t_ibfk_1(a) db.p(x)",
        ),
        (
            "a INT, b INT, CONSTRAINT f FOREIGN KEY i (a) REFERENCES d.p (x), UNIQUE (b, a)",
            "a Int; b Int; Unique b(b,a); Index f(a); Foreign f(a) d.p(x)",
        ),
        (
            "a INT, b INT, FOREIGN KEY (a) REFERENCES p (x), KEY k (a, b)",
            "a Int; b Int; Index k(a,b); Foreign t_ibfk_1(a) db.p(x)",
        ),
    ];
    for (items, expected) in cases {
        let text = format!("CREATE TABLE t ({items}) CHARSET=latin1");
        assert_eq!(describe(&table(&text, &MYSQL)), expected, "{items}");
    }
}

#[test]
fn inline_references_are_keys_where_the_server_honours_them() {
    let text = "CREATE TABLE t (a INT REFERENCES p (x))";
    assert_eq!(describe(&table(text, &MYSQL)), "a Int");
    let expected = "a Int; Index a(a); Foreign t_ibfk_1(a) db.p(x)";
    assert_eq!(describe(&table(text, &MARIADB)), expected);
    assert_eq!(
        describe(&table(
            text,
            &Context {
                version: 90_704,
                ..MYSQL
            }
        )),
        expected
    );
}

#[test]
fn show_create_table() {
    let text = "CREATE TABLE `orders` (\n  `id` bigint unsigned NOT NULL AUTO_INCREMENT,\n  `code` varchar(32) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL DEFAULT 'a;b',\n  `state` enum('new','it''s') DEFAULT NULL,\n  `total` decimal(10,2) GENERATED ALWAYS AS ((`id` * 2)) STORED,\n  `seen` timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),\n  `hidden` int DEFAULT '5' /*!80023 INVISIBLE */,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `code` (`code`),\n  KEY `expr` ((lower(`code`))) /*!80000 INVISIBLE */,\n  CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `other` (`id`) ON DELETE CASCADE,\n  CONSTRAINT `chk` CHECK ((`id` > 0))\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='x'\n/*!50100 PARTITION BY RANGE (`id`)\n(PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB,\n PARTITION p1 VALUES LESS THAN MAXVALUE ENGINE = InnoDB) */";
    let table = table(text, &MYSQL);
    assert_eq!(
        describe(&table),
        "id BigInt unsigned not_null auto; code VarChar(32) not_null default latin1_swedish_ci; \
         state Enum(new|it's) utf8mb4_bin; total Decimal(10,2) stored; seen Timestamp(.3) default on_update; \
         hidden Int invisible default; Primary PRIMARY(id); Unique code(code); Index expr((expression)); \
         Foreign fk(id) db.other(id)"
    );
    assert_eq!(table.charset.as_deref(), Some("utf8mb4"));
    assert_eq!(table.engine.as_deref(), Some("InnoDB"));
    assert!(table.partitioned);
    assert_eq!(
        table
            .insertable_columns()
            .map(|(index, _)| index)
            .collect::<Vec<_>>(),
        [0, 1, 2, 4, 5]
    );
    assert_eq!(table.visible_columns().count(), 5);
    assert_eq!(table.column_index("CODE"), Some(1));
    let text = serde_json::to_string(&table).unwrap();
    assert_eq!(serde_json::from_str::<Table>(&text).unwrap(), table);
}

#[test]
fn identifying_keys() {
    type Columns = Option<&'static [usize]>;
    let cases: [(&str, Columns, Columns); 7] = [
        (
            "a INT, b INT, PRIMARY KEY (b, a)",
            Some(&[1, 0]),
            Some(&[1, 0]),
        ),
        (
            "a INT, b INT NOT NULL, UNIQUE (a), UNIQUE (b)",
            None,
            Some(&[1]),
        ),
        ("a INT, UNIQUE (a)", None, None),
        ("a INT NOT NULL, UNIQUE ((a + 1))", None, None),
        ("a VARCHAR(9) NOT NULL, UNIQUE (a(3))", None, None),
        (
            "a VARCHAR(9), b INT NOT NULL UNIQUE, PRIMARY KEY (a(3))",
            Some(&[0]),
            Some(&[1]),
        ),
        ("a INT, KEY (a)", None, None),
    ];
    for (items, primary, unique) in cases {
        let table = table(&format!("CREATE TABLE t ({items})"), &MYSQL);
        assert_eq!(table.primary_key().as_deref(), primary, "{items}");
        assert_eq!(table.unique_not_null_key().as_deref(), unique, "{items}");
    }
}

#[test]
fn what_is_no_table() {
    for text in [
        "",
        "DROP TABLE t",
        "CREATE TABLE t (a INT, A INT)",
        "CREATE TABLE t (a INT, KEY (b))",
        "CREATE VIEW v AS SELECT 1",
    ] {
        assert!(Table::parse_create(text, &MYSQL).is_err(), "{text}");
    }
    assert!(
        Table::parse_create("CREATE TABLE t (a INT) WITH SYSTEM VERSIONING", &MARIADB).is_err()
    );
}
