//! Random expressions over random rows: our verdict is the server's, or none.

use dm_model::rules::{
    Datum, Decimal, Expression, ExpressionColumn, ExpressionType, parse_datetime, parse_time_micros,
};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::server::Server;

const ROWS: usize = 40;
const EXPRESSIONS: usize = 400;

/// A column as it is declared, and what its values look like.
struct Column {
    name: &'static str,
    declared: String,
    ty: ExpressionType,
    literal: fn(&mut StdRng) -> String,
}

fn text_literal(rng: &mut StdRng) -> String {
    let words = [
        "", "a", "A", "b ", "ab", "aB", "zz", "10", "9x", "-1", "a_b", "%", "ä", "中", "Ab cd",
        " x",
    ];
    format!("'{}'", words[rng.random_range(0..words.len())])
}

fn columns(collations: [&str; 3]) -> Vec<Column> {
    let text = |name, collation: &str| Column {
        name,
        declared: format!("{name} VARCHAR(20) COLLATE {collation}"),
        ty: ExpressionType::Text {
            collation: collation.to_owned(),
        },
        literal: text_literal,
    };
    let plain = |name, declared: &str, ty, literal| Column {
        name,
        declared: format!("{name} {declared}"),
        ty,
        literal,
    };
    vec![
        plain("i", "INT", ExpressionType::Int { unsigned: false }, |rng| {
            rng.random_range(-5..12).to_string()
        }),
        plain(
            "u",
            "BIGINT UNSIGNED",
            ExpressionType::Int { unsigned: true },
            |rng| [0, 1, 7, 1 << 40, u64::MAX][rng.random_range(0..5)].to_string(),
        ),
        plain("d", "DECIMAL(10,3)", ExpressionType::Decimal, |rng| {
            ["0", "1.5", "-2.250", "10.001", "3", "-0.5"][rng.random_range(0..6)].to_owned()
        }),
        plain("f", "DOUBLE", ExpressionType::Double, |rng| {
            ["0", "1.5", "-2.25", "1e10", "3"][rng.random_range(0..5)].to_owned()
        }),
        text("s", collations[0]),
        text("b", collations[1]),
        text("n", collations[2]),
        plain("t", "DATETIME(3)", ExpressionType::DateTime, |rng| {
            [
                "'2024-02-29 12:00:00.5'",
                "'2024-03-01'",
                "'1999-12-31 23:59:59'",
            ][rng.random_range(0..3)]
            .to_owned()
        }),
        plain("y", "DATE", ExpressionType::Date, |rng| {
            ["'2024-02-29'", "'2024-03-01'", "'1999-12-31'"][rng.random_range(0..3)].to_owned()
        }),
        plain("h", "TIME", ExpressionType::Time, |rng| {
            ["'12:00:00'", "'-01:30:00'", "'100:00:01'"][rng.random_range(0..3)].to_owned()
        }),
    ]
}

fn pick<'a>(rng: &mut StdRng, from: &[&'a str]) -> &'a str {
    from[rng.random_range(0..from.len())]
}

fn number(rng: &mut StdRng, depth: usize) -> String {
    if depth == 0 || rng.random_bool(0.3) {
        return pick(
            rng,
            &[
                "i", "u", "d", "f", "0", "1", "3", "-2", "1.5", "0.001", "NULL",
            ],
        )
        .to_owned();
    }
    let next = |rng: &mut StdRng| number(rng, depth - 1);
    match rng.random_range(0..9) {
        0..=3 => {
            let operator = pick(rng, &["+", "-", "*", "/", "%", "DIV"]);
            format!("({} {operator} {})", next(rng), next(rng))
        }
        4 => format!(
            "{}({})",
            pick(rng, &["ABS", "SIGN", "FLOOR", "CEIL", "ROUND"]),
            next(rng)
        ),
        5 => format!("COALESCE({}, {})", next(rng), next(rng)),
        6 => format!(
            "IF({}, {}, {})",
            condition(rng, depth - 1),
            next(rng),
            next(rng)
        ),
        7 => format!(
            "{}({})",
            pick(rng, &["LENGTH", "CHAR_LENGTH"]),
            text(rng, depth - 1)
        ),
        _ => format!(
            "{}({})",
            pick(
                rng,
                &[
                    "YEAR",
                    "MONTH",
                    "DAYOFMONTH",
                    "DAYOFWEEK",
                    "WEEKDAY",
                    "TO_DAYS"
                ]
            ),
            pick(rng, &["t", "y"])
        ),
    }
}

fn text(rng: &mut StdRng, depth: usize) -> String {
    if depth == 0 || rng.random_bool(0.5) {
        return if rng.random_bool(0.6) {
            pick(rng, &["s", "b", "n"]).to_owned()
        } else {
            text_literal(rng)
        };
    }
    let inner = text(rng, depth - 1);
    match rng.random_range(0..6) {
        0 => format!("CONCAT({inner}, {})", text_literal(rng)),
        1 => format!("LEFT({inner}, {})", rng.random_range(-1..4)),
        2 => format!(
            "SUBSTRING({inner}, {}, {})",
            rng.random_range(-3..4),
            rng.random_range(0..3)
        ),
        3 => format!(
            "{}({inner})",
            pick(
                rng,
                &["LOWER", "UPPER", "REVERSE", "TRIM", "LTRIM", "RTRIM"]
            )
        ),
        4 => format!("LPAD({inner}, {}, 'xy')", rng.random_range(0..6)),
        _ => format!("COALESCE({inner}, {})", text_literal(rng)),
    }
}

fn condition(rng: &mut StdRng, depth: usize) -> String {
    let compare = pick(rng, &["=", "<=>", "<>", "<", "<=", ">", ">="]);
    if depth > 0 && rng.random_bool(0.4) {
        let (a, b) = (condition(rng, depth - 1), condition(rng, depth - 1));
        return match rng.random_range(0..5) {
            0 => format!("({a} AND {b})"),
            1 => format!("({a} OR {b})"),
            2 => format!("({a} XOR {b})"),
            3 => format!("(NOT {a})"),
            _ => format!(
                "({a} IS {})",
                pick(rng, &["TRUE", "NOT TRUE", "FALSE", "NULL", "NOT NULL"])
            ),
        };
    }
    let depth = depth.saturating_sub(1);
    match rng.random_range(0..9) {
        0..=2 => format!("({} {compare} {})", number(rng, depth), number(rng, depth)),
        3 => format!("({} {compare} {})", text(rng, depth), text(rng, depth)),
        4 => {
            let pattern = pick(
                rng,
                &[
                    "'a%'",
                    "'%b%'",
                    "'_'",
                    "'a\\\\_b'",
                    "'A_'",
                    "'%'",
                    "''",
                    "'%c_'",
                ],
            );
            format!(
                "({} {}LIKE {pattern})",
                text(rng, depth),
                pick(rng, &["", "NOT "])
            )
        }
        5 => format!(
            "({} {}IN ({}, {}, {}))",
            number(rng, 0),
            pick(rng, &["", "NOT "]),
            number(rng, 0),
            number(rng, 0),
            number(rng, 0)
        ),
        6 => format!(
            "({} IN ({}, {}))",
            pick(rng, &["s", "b", "n"]),
            text_literal(rng),
            text_literal(rng)
        ),
        7 => format!(
            "({} BETWEEN {} AND {})",
            number(rng, depth),
            number(rng, 0),
            number(rng, 0)
        ),
        _ => {
            let (column, literal) = [
                ("t", "'2024-03-01'"),
                ("y", "'2024-02-29'"),
                ("h", "'12:00:00'"),
                ("t", "TIMESTAMP '2024-02-29 12:00:00'"),
            ][rng.random_range(0..4)];
            format!("({column} {compare} {literal})")
        }
    }
}

fn datum(literal: &str, ty: &ExpressionType) -> Datum {
    if literal == "NULL" {
        return Datum::Null;
    }
    let text = literal.trim_matches('\'');
    match ty {
        ExpressionType::Int { .. } => Datum::Int(text.parse().expect("a number")),
        // As the column stores it.
        ExpressionType::Decimal => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            Datum::Decimal(Decimal::parse(&format!("{whole}.{fraction:0<3}")).expect("a number"))
        }
        ExpressionType::Double => Datum::Double(text.parse().expect("a number")),
        ExpressionType::Date | ExpressionType::DateTime => {
            Datum::DateTime(parse_datetime(text).expect("a date"))
        }
        ExpressionType::Time => Datum::Time(parse_time_micros(text).expect("a time")),
        _ => Datum::Text(text.to_owned()),
    }
}

async fn agree(server: &str, collations: [&str; 3]) {
    let Some(server) = Server::start(server, &[]).await else {
        return;
    };
    let seed = std::env::var("DM_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("DM_TEST_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut conn = Conn::new(server.opts()).await.expect("connects");
    let columns = columns(collations);
    let declared: Vec<&str> = columns
        .iter()
        .map(|column| column.declared.as_str())
        .collect();
    for statement in [
        "SET NAMES utf8mb4".to_owned(),
        "SET SESSION sql_mode = '', time_zone = '+00:00'".to_owned(),
        "CREATE DATABASE x".to_owned(),
        format!(
            "CREATE TABLE x.t (id INT PRIMARY KEY, {}) CHARACTER SET utf8mb4",
            declared.join(", ")
        ),
    ] {
        conn.query_drop(&statement).await.expect(&statement);
    }
    let mut rows: Vec<Vec<Datum>> = Vec::new();
    for id in 0..ROWS {
        let literals: Vec<String> = columns
            .iter()
            .map(|column| {
                if rng.random_bool(0.15) {
                    "NULL".to_owned()
                } else {
                    (column.literal)(&mut rng)
                }
            })
            .collect();
        let insert = format!("INSERT INTO x.t VALUES ({id}, {})", literals.join(", "));
        conn.query_drop(&insert).await.expect(&insert);
        let row = literals.iter().zip(&columns);
        rows.push(
            row.map(|(literal, column)| datum(literal, &column.ty))
                .collect(),
        );
    }
    let bound: Vec<ExpressionColumn> = columns
        .iter()
        .map(|column| ExpressionColumn {
            name: column.name.to_owned(),
            ty: column.ty.clone(),
        })
        .collect();
    let (mut compared, mut undecided, mut refused) = (0, 0, 0);
    for _ in 0..EXPRESSIONS {
        let text = condition(&mut rng, 3);
        let expression = match Expression::new(&text, &bound) {
            Ok(expression) => expression,
            Err(_) => {
                refused += 1;
                continue;
            }
        };
        for (id, row) in rows.iter().enumerate() {
            let ours = expression.verdict(&|index| row.get(index).cloned().unwrap_or(Datum::Null));
            let query =
                format!("SELECT ({text}) IS NULL, ({text}) IS TRUE FROM x.t WHERE id = {id}");
            let theirs: Result<Option<(bool, bool)>, _> = conn.query_first(&query).await;
            match (ours, theirs) {
                (Ok(ours), Ok(Some((is_null, is_true)))) => {
                    let theirs = (!is_null).then_some(is_true);
                    assert_eq!(ours, theirs, "{text}\nrow {row:?}\nDM_TEST_SEED={seed}");
                    compared += 1;
                }
                // An overflow, a collation that isn't known: no verdict is one too.
                (Err(_), _) | (_, Err(_)) => undecided += 1,
                (Ok(_), Ok(None)) => panic!("the server has no row {id}"),
            }
        }
    }
    println!(
        "compared {compared}, undecided {undecided}, refused {refused} of {EXPRESSIONS} expressions"
    );
    assert!(compared > EXPRESSIONS * ROWS / 4, "too few were compared");
}

#[tokio::test]
async fn expressions_agree_with_mysql() {
    agree(
        "mysql97",
        ["utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_0900_ai_ci"],
    )
    .await;
}

#[tokio::test]
async fn expressions_agree_with_mariadb() {
    agree(
        "mariadb1011",
        ["utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_unicode_ci"],
    )
    .await;
}
