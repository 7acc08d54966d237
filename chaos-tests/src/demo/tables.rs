//! The tables of the shop: created alike on MySQL, MariaDB and TiDB.
//!
//! Collations are always named, because the defaults of the three differ and TiDB lacks some of them.

use rand::Rng;
use rand::rngs::StdRng;

use super::values::{date, datetime, decimal, hex, json, latin, or_null, pick, time, words};

/// One table of the data set.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its database, before the prefix.
    pub schema: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What stands in the parentheses of CREATE TABLE.
    pub definition: &'static str,
    /// The columns that `row` gives values for.
    pub columns: &'static str,
    /// Rows at scale 1.
    pub rows: u64,
    /// The n-th row (from 1) as a list of literals.
    pub row: fn(&mut StdRng, u64) -> String,
}

pub(super) const ACCOUNTS: u64 = 1_000;
pub(super) const CUSTOMERS: u64 = 10_000;
pub(super) const ORDERS: u64 = 40_000;
pub(super) const LINES_PER_ORDER: u64 = 3;
pub(super) const PRODUCTS: u64 = 5_000;
pub(super) const SETTINGS: u64 = 200;
const STATES: [&str; 4] = ["new", "paid", "sent", "back"];

/// All tables.
pub const TABLES: &[Table] = &[
    Table {
        schema: "shop_catalog",
        name: "categories",
        definition: "id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, parent_id INT UNSIGNED, \
            name VARCHAR(100) NOT NULL, slug VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, \
            UNIQUE KEY slug (slug), KEY parent (parent_id)",
        columns: "id, parent_id, name, slug",
        rows: 300,
        row: |rng, n| {
            let parent = if n < 20 {
                "NULL".to_owned()
            } else {
                (n / 20).to_string()
            };
            format!("{n}, {parent}, {}, 'category-{n}'", words(rng, 2))
        },
    },
    Table {
        schema: "shop_catalog",
        name: "products",
        definition: "id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, sku CHAR(12) NOT NULL, \
            category_id INT UNSIGNED NOT NULL, title VARCHAR(200) NOT NULL, description TEXT, \
            price DECIMAL(12,2) NOT NULL, tax DECIMAL(5,4) NOT NULL DEFAULT 0.1900, weight FLOAT, rating DOUBLE, \
            active TINYINT(1) NOT NULL DEFAULT 1, status ENUM('draft','listed','gone') NOT NULL, \
            labels SET('new','sale','eco','heavy'), attributes JSON, thumb VARBINARY(64), \
            created DATETIME(6) NOT NULL, updated TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) \
            ON UPDATE CURRENT_TIMESTAMP(6), \
            gross DECIMAL(14,2) GENERATED ALWAYS AS (price * (1 + tax)) VIRTUAL, \
            UNIQUE KEY sku (sku), KEY category (category_id)",
        columns: "id, sku, category_id, title, description, price, weight, rating, status, labels, attributes, \
            thumb, created, updated",
        rows: PRODUCTS,
        row: |rng, n| {
            let (weight, rating) = (rng.random::<f32>() * 100.0, rng.random::<f64>() * 5.0);
            let description = words(rng, 12);
            format!(
                "{n}, 'SKU{n:09}', {}, {}, {}, {}.{:02}, {weight:e}, {rating:e}, '{}', '{}', {}, {}, {}, {}",
                rng.random_range(1..=300),
                words(rng, 3),
                or_null(rng, description),
                rng.random_range(1..1_000),
                rng.random_range(0..100),
                pick(rng, &["draft", "listed", "gone"]),
                pick(
                    rng,
                    &["", "new", "new,sale", "eco,heavy", "new,sale,eco,heavy"]
                ),
                json(rng),
                hex(rng, 16),
                datetime(rng, 6),
                datetime(rng, 6),
            )
        },
    },
    Table {
        schema: "shop_catalog",
        name: "product_prices",
        definition: "product_id BIGINT UNSIGNED NOT NULL, region CHAR(2) NOT NULL, valid_from DATE NOT NULL, \
            price DECIMAL(12,2) NOT NULL, note VARCHAR(60), PRIMARY KEY (product_id, region, valid_from)",
        columns: "product_id, region, valid_from, price, note",
        rows: PRODUCTS * 3,
        row: |rng, n| {
            let region = ["DE", "FR", "SE"][usize::try_from(n % 3).unwrap_or(0)];
            let note = words(rng, 1);
            format!(
                "{}, '{region}', {}, {}.50, {}",
                n.div_ceil(3),
                date(rng),
                n % 900,
                or_null(rng, note)
            )
        },
    },
    Table {
        schema: "shop_catalog",
        name: "every_type",
        definition: EVERY_TYPE,
        columns: "id, c_tiny, c_utiny, c_small, c_usmall, c_medium, c_umedium, c_int, c_uint, c_big, c_ubig, \
            c_decimal, c_decimal0, c_float, c_double, c_bit1, c_bit64, c_date, c_time, c_time6, c_datetime, \
            c_datetime6, c_timestamp, c_timestamp6, c_year, c_char, c_varchar, c_latin1, c_binary, c_varbinary, \
            c_tinytext, c_text, c_mediumtext, c_longtext, c_tinyblob, c_blob, c_mediumblob, c_longblob, c_enum, \
            c_set, c_json",
        rows: 3_000,
        row: every_type,
    },
    Table {
        schema: "shop_catalog",
        name: "suppliers_latin1",
        definition: "code CHAR(8) NOT NULL, name VARCHAR(80) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL, \
            city TINYTEXT CHARACTER SET latin1 COLLATE latin1_bin, PRIMARY KEY (code)",
        columns: "code, name, city",
        rows: 500,
        row: |rng, n| {
            let city = latin(rng);
            format!("'S{n:06}', {}, {}", latin(rng), or_null(rng, city))
        },
    },
    Table {
        schema: "shop_sales",
        name: "customers",
        definition: "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, email VARCHAR(120) NOT NULL, name VARCHAR(80), \
            born DATE, score SMALLINT, vip BIT(1) NOT NULL, notes MEDIUMTEXT, \
            since TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE KEY email (email)",
        columns: "id, email, name, born, score, vip, notes, since",
        rows: CUSTOMERS,
        row: |rng, n| {
            let (name, born, notes) = (words(rng, 2), date(rng), words(rng, 6));
            format!(
                "{n}, 'c{n}@example.org', {}, {}, {}, b'{}', {}, {}",
                or_null(rng, name),
                or_null(rng, born),
                rng.random_range(-32_768..=32_767),
                n % 2,
                or_null(rng, notes),
                datetime(rng, 0),
            )
        },
    },
    Table {
        schema: "shop_sales",
        name: "orders",
        definition: "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, customer_id INT NOT NULL, \
            state ENUM('new','paid','sent','back') NOT NULL, total DECIMAL(14,2) NOT NULL, \
            placed DATETIME(3) NOT NULL, comment VARCHAR(255), KEY customer (customer_id)",
        columns: "id, customer_id, state, total, placed, comment",
        rows: ORDERS,
        row: |rng, n| {
            let comment = words(rng, 4);
            format!(
                "{n}, {}, '{}', {}.{:02}, {}, {}",
                rng.random_range(1..=CUSTOMERS),
                pick(rng, &STATES),
                rng.random_range(1..9_999),
                rng.random_range(0..100),
                datetime(rng, 3),
                or_null(rng, comment),
            )
        },
    },
    Table {
        schema: "shop_sales",
        name: "order_lines",
        definition: "order_id BIGINT NOT NULL, line_no SMALLINT UNSIGNED NOT NULL, product_id BIGINT UNSIGNED NOT NULL, \
            amount MEDIUMINT UNSIGNED NOT NULL, price DECIMAL(12,2) NOT NULL, PRIMARY KEY (order_id, line_no)",
        columns: "order_id, line_no, product_id, amount, price",
        rows: ORDERS * LINES_PER_ORDER,
        row: |rng, n| {
            let (order, line) = (n.div_ceil(LINES_PER_ORDER), n % LINES_PER_ORDER + 1);
            format!(
                "{order}, {line}, {}, {}, {}.99",
                rng.random_range(1..=PRODUCTS),
                n % 20 + 1,
                n % 500
            )
        },
    },
    Table {
        schema: "shop_sales",
        name: "payments",
        definition: "id BINARY(16) NOT NULL PRIMARY KEY, order_id BIGINT NOT NULL, amount DECIMAL(14,2) NOT NULL, \
            method ENUM('card','bank','gift') NOT NULL, raw BLOB, paid_at TIMESTAMP(6) NULL",
        columns: "id, order_id, amount, method, raw, paid_at",
        rows: 15_000,
        row: |rng, n| {
            let raw = hex(rng, 30);
            let paid = datetime(rng, 6);
            format!(
                "{}, {n}, {}.10, '{}', {}, {}",
                hex(rng, 16),
                rng.random_range(1..999),
                pick(rng, &["card", "bank", "gift"]),
                or_null(rng, raw),
                or_null(rng, paid),
            )
        },
    },
    Table {
        schema: "shop_sales",
        name: "accounts",
        definition: "id INT UNSIGNED NOT NULL PRIMARY KEY, owner VARCHAR(40) NOT NULL, balance BIGINT NOT NULL, \
            changed DATETIME(6) NOT NULL",
        columns: "id, owner, balance, changed",
        rows: ACCOUNTS,
        row: |rng, n| format!("{n}, {}, 1000, {}", words(rng, 1), datetime(rng, 6)),
    },
    Table {
        schema: "shop_ops",
        name: "events",
        definition: "id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, kind VARCHAR(20) NOT NULL, \
            at DATETIME(6) NOT NULL",
        columns: "id, kind, at",
        rows: 5_000,
        row: |rng, n| format!("{n}, 'initial', {}", datetime(rng, 6)),
    },
    Table {
        schema: "shop_ops",
        name: "clicks",
        definition: "visitor INT UNSIGNED NOT NULL, page VARCHAR(60) NOT NULL, spent FLOAT, at DATETIME(2) NOT NULL, \
            KEY visitor (visitor)",
        columns: "visitor, page, spent, at",
        rows: 20_000,
        // No primary key, and every row is there several times.
        row: |_, n| {
            let kind = n % 4_000;
            format!(
                "{}, '/page/{kind}', {}, '2026-01-02 03:04:05.{:02}'",
                kind / 4,
                kind as f32 / 7.0,
                kind % 100
            )
        },
    },
    Table {
        schema: "shop_ops",
        name: "audit_log",
        definition: "at DATETIME(6), who VARCHAR(40), what TEXT, payload VARBINARY(200), level TINYINT UNSIGNED",
        columns: "at, who, what, payload, level",
        rows: 3_000,
        row: |rng, _| {
            let (at, who, what, payload) =
                (datetime(rng, 6), words(rng, 1), words(rng, 8), hex(rng, 24));
            format!(
                "{}, {}, {}, {}, {}",
                or_null(rng, at),
                or_null(rng, who),
                or_null(rng, what),
                or_null(rng, payload),
                rng.random::<u8>()
            )
        },
    },
    Table {
        schema: "shop_ops",
        name: "settings",
        definition: "name VARCHAR(60) NOT NULL PRIMARY KEY, value LONGTEXT, changed_year YEAR NOT NULL",
        columns: "name, value, changed_year",
        rows: SETTINGS,
        row: |rng, n| format!("'setting-{n}', {}, {}", words(rng, 20), 1970 + n % 130),
    },
];

const EVERY_TYPE: &str = "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
    c_tiny TINYINT, c_utiny TINYINT UNSIGNED, c_small SMALLINT, c_usmall SMALLINT UNSIGNED, \
    c_medium MEDIUMINT, c_umedium MEDIUMINT UNSIGNED, c_int INT, c_uint INT UNSIGNED, \
    c_big BIGINT, c_ubig BIGINT UNSIGNED, \
    c_decimal DECIMAL(65,30), c_decimal0 DECIMAL(10,0), c_float FLOAT, c_double DOUBLE, \
    c_bit1 BIT(1), c_bit64 BIT(64), \
    c_date DATE, c_time TIME, c_time6 TIME(6), c_datetime DATETIME, c_datetime6 DATETIME(6), \
    c_timestamp TIMESTAMP NULL, c_timestamp6 TIMESTAMP(6) NULL, c_year YEAR, \
    c_char CHAR(20), c_varchar VARCHAR(255), c_latin1 VARCHAR(50) CHARACTER SET latin1 COLLATE latin1_bin, \
    c_binary BINARY(8), c_varbinary VARBINARY(255), \
    c_tinytext TINYTEXT, c_text TEXT, c_mediumtext MEDIUMTEXT, c_longtext LONGTEXT, \
    c_tinyblob TINYBLOB, c_blob BLOB, c_mediumblob MEDIUMBLOB, c_longblob LONGBLOB, \
    c_enum ENUM('small','medium','large','ü'), c_set SET('a','b','c','d'), c_json JSON, \
    c_virtual BIGINT GENERATED ALWAYS AS (c_small * 2) VIRTUAL, \
    c_stored BIGINT GENERATED ALWAYS AS (c_usmall + 1) STORED, KEY k_stored (c_stored)";

/// The first rows hold the ends of each type's range.
fn every_type(rng: &mut StdRng, n: u64) -> String {
    match n {
        1 => format!("1{}", ", NULL".repeat(40)),
        2 => SMALLEST.to_owned(),
        3 => LARGEST.to_owned(),
        4 => EMPTY.to_owned(),
        n => any_row(rng, n),
    }
}

const SMALLEST: &str = "2, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, \
    -99999999999999999999999999999999999.999999999999999999999999999999, -9999999999, -3.402823466e38, \
    -1.7976931348623157e308, b'0', b'0', '1000-01-01', '-838:59:59', '-838:59:58.999999', '1000-01-01 00:00:00', \
    '1000-01-01 00:00:00.000001', '1970-01-02 00:00:01', '1970-01-02 00:00:01.000001', 1901, ' lead', ' ', '¡', \
    x'0000000000000000', x'00', ' ', ' ', ' ', ' ', x'00', x'0001', x'00', x'00', 'small', 'a', 'null'";

const LARGEST: &str = "3, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, \
    18446744073709551615, 99999999999999999999999999999999999.999999999999999999999999999999, 9999999999, \
    1.1754943508e-38, 2.2250738585072014e-308, b'1', \
    b'1111111111111111111111111111111111111111111111111111111111111111', '9999-12-31', '838:59:59', \
    '838:59:58.999999', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '2038-01-18 03:14:07', \
    '2038-01-18 03:14:07.999999', 2155, 'zzzzzzzzzzzzzzzzzzzz', REPEAT('🦀', 255), REPEAT('ÿ', 50), \
    x'ffffffffffffffff', REPEAT(x'ff', 255), REPEAT('t', 255), REPEAT('é', 20000), REPEAT('m', 100000), \
    REPEAT('金', 100000), REPEAT(x'00', 255), REPEAT(x'27', 65535), REPEAT(x'5c', 100000), REPEAT(x'ff', 300000), \
    'ü', 'a,b,c,d', '{\"max\": 18446744073709551615, \"min\": -9223372036854775808, \"e\": 1.5e300}'";

const EMPTY: &str = "4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'0', b'0', '2000-02-29', '00:00:00', \
    '00:00:00.000000', '2000-02-29 00:00:00', '2000-02-29 00:00:00', '2000-02-29 00:00:00', \
    '2000-02-29 00:00:00.000000', 2000, '', '', '', '', '', '', '', '', '', '', '', '', '', 'medium', '', '{}'";

fn any_row(rng: &mut StdRng, n: u64) -> String {
    let mut values = vec![
        rng.random::<i8>().to_string(),
        rng.random::<u8>().to_string(),
        rng.random::<i16>().to_string(),
        rng.random::<u16>().to_string(),
        rng.random_range(-8_388_608..=8_388_607).to_string(),
        rng.random_range(0..=16_777_215).to_string(),
        rng.random::<i32>().to_string(),
        rng.random::<u32>().to_string(),
        rng.random::<i64>().to_string(),
        rng.random::<u64>().to_string(),
        decimal(rng, 35, 30),
        decimal(rng, 10, 0),
        format!("{:e}", (rng.random::<f32>() - 0.5) * 1e30),
        format!("{:e}", (rng.random::<f64>() - 0.5) * 1e300),
        format!("b'{}'", n % 2),
        format!("b'{:b}'", rng.random::<u64>()),
        date(rng),
        time(rng, 0),
        time(rng, 6),
        datetime(rng, 0),
        datetime(rng, 6),
        datetime(rng, 0),
        datetime(rng, 6),
        rng.random_range(1901..=2155).to_string(),
        format!("'char {n}'"),
        words(rng, 5),
        latin(rng),
        hex(rng, 8),
        hex(rng, 20),
        words(rng, 3),
        words(rng, 20),
        words(rng, 20),
        words(rng, 40),
        hex(rng, 12),
        hex(rng, 80),
        hex(rng, 40),
        hex(rng, 100),
        format!("'{}'", pick(rng, &["small", "medium", "large", "ü"])),
        format!("'{}'", pick(rng, &["", "a", "b,c", "a,b,c,d"])),
        json(rng),
    ];
    for value in &mut values {
        if rng.random_ratio(1, 10) {
            *value = "NULL".to_owned();
        }
    }
    format!("{n}, {}", values.join(", "))
}
