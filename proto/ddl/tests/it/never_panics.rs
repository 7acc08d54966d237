//! Any text gives a result: truncated, mutated, or made of nothing but punctuation.

use dm_ddl::{Context, Schema, parse};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::corpus::{MARIADB_STATEMENTS, MYSQL_STATEMENTS};
use crate::{MARIADB, MYSQL};

const MUTATIONS: usize = 20_000;

/// Pieces that change how the rest of a text reads.
const PIECES: [&str; 18] = [
    "`",
    "'",
    "\"",
    "/*",
    "*/",
    "/*!",
    "--",
    "#",
    "(",
    ")",
    ",",
    ";",
    ".",
    "\\",
    " IF EXISTS ",
    " FIRST ",
    "é",
    "\0",
];

fn exercise(text: &str, context: &Context<'_>) {
    let Ok(statements) = parse(text, context) else {
        return;
    };
    let mut schema = Schema::new(true);
    for seed in [
        "CREATE TABLE db.t (a INT, b INT, c TEXT, KEY i (a, b))",
        "CREATE TABLE db.s (x INT)",
    ] {
        schema.apply(&parse(seed, &MYSQL).unwrap()[0]).unwrap();
    }
    for statement in &statements {
        let mut map = |schema: &str, table: &str| (schema.to_owned(), table.to_owned());
        let _ = statement.rewrite_resolved(&mut map, &mut str::to_owned);
        let before = schema.clone();
        if schema.apply(statement).is_err() {
            assert_eq!(schema, before, "an error changes nothing: {text}");
        }
    }
}

fn contexts() -> [Context<'static>; 3] {
    [
        MYSQL,
        MARIADB,
        Context {
            ansi_quotes: true,
            no_backslash_escapes: true,
            ..MARIADB
        },
    ]
}

fn corpus() -> Vec<&'static str> {
    MYSQL_STATEMENTS
        .iter()
        .chain(MARIADB_STATEMENTS)
        .copied()
        .collect()
}

#[test]
fn every_truncation() {
    for text in corpus() {
        for (end, _) in text.char_indices() {
            contexts()
                .iter()
                .for_each(|context| exercise(&text[..end], context));
            contexts()
                .iter()
                .for_each(|context| exercise(&text[end..], context));
        }
    }
}

#[test]
fn random_mutations() {
    let seed = std::env::var("DM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(7);
    let mut random = StdRng::seed_from_u64(seed);
    let corpus = corpus();
    for _ in 0..MUTATIONS {
        let mut text: Vec<char> = corpus[random.random_range(0..corpus.len())]
            .chars()
            .collect();
        for _ in 0..random.random_range(1..4) {
            mutate(&mut text, &corpus, &mut random);
        }
        let text: String = text.into_iter().collect();
        contexts()
            .iter()
            .for_each(|context| exercise(&text, context));
    }
}

fn mutate(text: &mut Vec<char>, corpus: &[&str], random: &mut StdRng) {
    let at = random.random_range(0..=text.len());
    let end = random.random_range(at..=text.len().min(at + 8));
    match random.random_range(0..5) {
        0 => drop(text.drain(at..end)),
        1 => drop(text.splice(
            at..end,
            PIECES[random.random_range(0..PIECES.len())].chars(),
        )),
        2 => text.insert(
            at,
            char::from_u32(random.random_range(0..0x300)).unwrap_or('x'),
        ),
        3 => {
            let copied: Vec<char> = text[at..end].to_vec();
            let to = random.random_range(0..=text.len());
            drop(text.splice(to..to, copied));
        }
        _ => {
            let other: Vec<char> = corpus[random.random_range(0..corpus.len())]
                .chars()
                .collect();
            let from = random.random_range(0..other.len());
            drop(text.splice(at..end, other[from..].iter().take(20).copied()));
        }
    }
}

#[test]
fn deep_brackets_do_not_exhaust_the_stack() {
    let deep = format!(
        "CREATE TABLE t (a INT DEFAULT {}1{})",
        "(".repeat(200_000),
        ")".repeat(200_000)
    );
    exercise(&deep, &MYSQL);
    exercise(&"(".repeat(200_000), &MYSQL);
    exercise(&"/*!".repeat(200_000), &MYSQL);
}
