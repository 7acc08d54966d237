//! The DDL parser and the schema history against real servers.
//!
//! Each statement of a random script runs as it is on one connection, and rewritten into other databases on a second one. What the
//! server accepts we must classify; both sides must end in the same structure; and our structure must equal what SHOW CREATE
//! TABLE parses to, after every statement.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use chaos_tests::ddl_corpus::{Family, Grammar};
use chaos_tests::lab::{Database, Kind};
use dm_ddl::{Context, Flavor, Kind as Meaning, Schema, Table};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::scene::{rounds, seed};

/// Statements of a default run; ten times as many under `DM_SOAK=1`.
const STATEMENTS: usize = 2_000;
/// Statements of one script, which begins with empty databases.
const SCRIPT: usize = 40;
/// Failures that are printed.
const SHOWN_MAX: usize = 40;
const FIRST: &str = "g1";
const SECOND: &str = "g 2";

/// What went wrong, and what was covered.
#[derive(Default)]
struct Judge {
    accepted: usize,
    refused: usize,
    /// Accepted, and not followed by documented rule: the table stops with an error that says so.
    unmodelled: usize,
    compared: usize,
    failures: Vec<String>,
    covered: BTreeMap<String, usize>,
}

impl Judge {
    fn fail(&mut self, text: &str, what: impl std::fmt::Display) {
        self.failures.push(format!("{what}\n    {text}"));
    }
}

struct Replay {
    original: Conn,
    rewritten: Conn,
    context: Context<'static>,
    schema: Schema,
    judge: Judge,
}

fn shadow(schema: &str) -> String {
    format!("s_{schema}")
}

impl Replay {
    async fn open(database: &Database, kind: Kind) -> Result<Self> {
        let mut original = database.endpoint().conn().await?;
        let version: String = original
            .query_first("SELECT VERSION()")
            .await?
            .context("a version")?;
        let mut numbers = version
            .split(['.', '-'])
            .map_while(|number| number.parse::<u32>().ok());
        let mut next = || numbers.next().unwrap_or(0);
        let version = next() * 10_000 + next() * 100 + next();
        Ok(Self {
            original,
            rewritten: database.endpoint().conn().await?,
            context: Context {
                default_schema: Some(FIRST),
                ansi_quotes: false,
                no_backslash_escapes: false,
                flavor: if kind.is_mariadb() {
                    Flavor::Mariadb
                } else {
                    Flavor::Mysql
                },
                version,
            },
            schema: Schema::new(false),
            judge: Judge::default(),
        })
    }

    /// Empty databases, and another mode of quoting now and then.
    async fn begin_script(&mut self, random: &mut StdRng) -> Result<()> {
        let plain = random.random_ratio(3, 4);
        (self.context.ansi_quotes, self.context.no_backslash_escapes) = (!plain, !plain);
        let mode = if plain {
            ""
        } else {
            "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"
        };
        for conn in [&mut self.original, &mut self.rewritten] {
            conn.query_drop(format!(
                "SET SESSION sql_mode = '{mode}', foreign_key_checks = 0"
            ))
            .await?;
            conn.query_drop("CREATE DATABASE IF NOT EXISTS elsewhere")
                .await?;
            conn.query_drop("USE elsewhere").await?;
        }
        self.schema = Schema::new(false);
        for schema in [FIRST, SECOND] {
            for name in [schema.to_owned(), shadow(schema)] {
                self.original
                    .query_drop(format!("DROP DATABASE IF EXISTS `{name}`"))
                    .await?;
                self.original
                    .query_drop(format!("CREATE DATABASE `{name}` CHARACTER SET latin1"))
                    .await?;
            }
            let create = format!("CREATE DATABASE `{schema}` CHARACTER SET latin1");
            let parsed = dm_ddl::parse(&create, &self.context)?;
            for statement in &parsed {
                self.schema.apply(statement)?;
            }
        }
        self.original.query_drop(format!("USE `{FIRST}`")).await?;
        Ok(())
    }

    async fn run(&mut self, text: &str, productions: &[String]) -> Result<()> {
        let ran = self.original.query_drop(text).await;
        let parsed = dm_ddl::parse(text, &self.context);
        let statement = match (&ran, parsed) {
            (Ok(()), Err(error)) => {
                self.judge.fail(
                    text,
                    format!("the server accepts what cannot be parsed: {error}"),
                );
                return self.relearn().await;
            }
            (Err(_), Err(_)) => {
                self.judge.refused += 1;
                return Ok(());
            }
            (_, Ok(mut parsed)) => {
                let only = parsed.pop();
                match only.filter(|_| parsed.is_empty()) {
                    Some(only) => only,
                    None => {
                        self.judge.fail(text, "not one statement");
                        return self.relearn().await;
                    }
                }
            }
        };
        let copy = statement.rewrite(
            &mut |schema, table| (shadow(schema), table.to_owned()),
            &mut shadow,
        );
        let copied = self.rewritten.query_drop(&copy).await;
        match (&ran, &copied) {
            (Ok(()), Err(error)) => {
                self.judge.fail(
                    text,
                    format!("only the rewritten form is refused: {error}\n    {copy}"),
                );
                return self.relearn().await;
            }
            (Err(error), Ok(())) => {
                self.judge.fail(
                    text,
                    format!("only the original is refused: {error}\n    {copy}"),
                );
                return self.relearn().await;
            }
            (Err(_), Err(_)) => {
                self.judge.refused += 1;
                // MariaDB drops and renames as far as it gets.
                let partly = matches!(
                    statement.kind(),
                    Meaning::DropTable { .. } | Meaning::RenameTable { .. }
                );
                return if partly { self.relearn().await } else { Ok(()) };
            }
            (Ok(()), Ok(())) => {}
        }
        if matches!(
            statement.kind(),
            Meaning::Unknown | Meaning::Dml { .. } | Meaning::Ignored { .. }
        ) {
            self.judge.fail(text, "an accepted DDL is not classified");
            return self.relearn().await;
        }
        self.judge.accepted += 1;
        for production in productions {
            *self.judge.covered.entry(production.clone()).or_default() += 1;
        }
        if let Err(error) = self.schema.apply(&statement) {
            if matches!(error, dm_ddl::ApplyError::Unsupported(_)) {
                self.judge.unmodelled += 1;
                return self.relearn().await;
            }
            self.judge
                .fail(text, format!("cannot be followed: {error}"));
            return self.relearn().await;
        }
        let tables: BTreeSet<(String, String)> = statement.tables().into_iter().collect();
        for (schema, table) in tables {
            if !self.compare(text, &schema, &table).await? {
                return self.relearn().await;
            }
        }
        Ok(())
    }

    /// One table on both sides and in our history.
    async fn compare(&mut self, text: &str, schema: &str, table: &str) -> Result<bool> {
        let original = show(&mut self.original, schema, table).await?;
        let copy = show(&mut self.rewritten, &shadow(schema), table).await?;
        let ours = self.schema.table(schema, table);
        let (original, copy, ours) = match (original, copy, ours) {
            (None, None, None) => return Ok(true),
            (Some(original), Some(copy), Some(ours)) => (original, copy, ours),
            (original, copy, ours) => {
                let found = (original.is_some(), copy.is_some(), ours.is_some());
                self.judge.fail(
                    text,
                    format!("`{schema}`.`{table}` is there (original, copy, ours): {found:?}"),
                );
                return Ok(false);
            }
        };
        let renamed = [FIRST, SECOND].iter().fold(copy, |copy, schema| {
            let quote = |text: &str| format!("`{text}`.");
            let ansi = |text: &str| format!("\"{text}\".");
            copy.replace(&quote(&shadow(schema)), &quote(schema))
                .replace(&ansi(&shadow(schema)), &ansi(schema))
        });
        if renamed != original {
            self.judge.fail(
                text,
                format!("the structures differ:\n{original}\n{renamed}"),
            );
            return Ok(false);
        }
        let shown = Context {
            default_schema: Some(schema),
            ..self.context
        };
        let theirs = Table::parse_create(&original, &shown)
            .with_context(|| format!("SHOW CREATE TABLE cannot be parsed: {original}"))?;
        self.judge.compared += 1;
        // Only SHOW CREATE TABLE says which engine was the default.
        let theirs = Table {
            engine: ours.engine.clone().and(theirs.engine),
            ..theirs
        };
        let ours = &Table {
            engine: ours.engine.clone().filter(|_| theirs.engine.is_some()),
            ..ours.clone()
        };
        if theirs == *ours {
            return Ok(true);
        }
        let difference = difference(ours, &theirs);
        self.judge.fail(
            text,
            format!("our history of `{schema}`.`{table}` differs: {difference}\n{original}"),
        );
        Ok(false)
    }

    /// Takes the structures from the server again, so that one failure isn't reported by every statement after it.
    async fn relearn(&mut self) -> Result<()> {
        for schema in [FIRST, SECOND] {
            let ours: Vec<(String, String)> = self
                .schema
                .tables
                .keys()
                .filter(|(database, _)| database == schema)
                .cloned()
                .collect();
            for (schema, table) in ours {
                self.schema.remove(&schema, &table);
            }
            let tables: Vec<String> = self
                .original
                .query(format!("SHOW TABLES FROM `{schema}`"))
                .await?;
            let copies: Vec<String> = self
                .original
                .query(format!("SHOW TABLES FROM `{}`", shadow(schema)))
                .await?;
            for gone in copies.iter().filter(|table| !tables.contains(table)) {
                let name = gone.replace('`', "``");
                let drop = format!("DROP TABLE `{}`.`{name}`", shadow(schema));
                self.rewritten.query_drop(drop).await?;
            }
            for table in tables {
                let Some(shown) = show(&mut self.original, schema, &table).await? else {
                    continue;
                };
                // The copy starts anew from the original.
                let name = table.replace('`', "``");
                let place = shadow(schema);
                self.rewritten
                    .query_drop(format!("DROP TABLE IF EXISTS `{place}`.`{name}`"))
                    .await?;
                self.rewritten.query_drop(format!("USE `{place}`")).await?;
                let again = [FIRST, SECOND].iter().fold(shown.clone(), |text, schema| {
                    text.replace(&format!("`{schema}`."), &format!("`{}`.", shadow(schema)))
                });
                let copied = self.rewritten.query_drop(&again).await;
                self.rewritten.query_drop("USE elsewhere").await?;
                let context = Context {
                    default_schema: Some(schema),
                    ..self.context
                };
                match (copied, Table::parse_create(&shown, &context)) {
                    (Ok(()), Ok(learnt)) => self.schema.insert(schema, &table, learnt),
                    _ => {
                        for place in [schema.to_owned(), place] {
                            let drop = format!("DROP TABLE IF EXISTS `{place}`.`{name}`");
                            self.original.query_drop(drop).await?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

async fn show(conn: &mut Conn, schema: &str, table: &str) -> Result<Option<String>> {
    let name = table.replace('`', "``");
    match conn
        .query_first::<Row, _>(format!("SHOW CREATE TABLE `{schema}`.`{name}`"))
        .await
    {
        Ok(row) => Ok(row.and_then(|row| row.get(1))),
        Err(mysql_async::Error::Server(error)) if error.code == 1146 => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn difference(ours: &Table, theirs: &Table) -> String {
    for (own, their) in ours.columns.iter().zip(&theirs.columns) {
        if own != their {
            return format!("ours {own:?}\n  theirs {their:?}");
        }
    }
    if ours.columns.len() != theirs.columns.len() {
        return format!(
            "{} columns, theirs {}",
            ours.columns.len(),
            theirs.columns.len()
        );
    }
    if ours.keys != theirs.keys {
        return format!("ours {:?}\n  theirs {:?}", ours.keys, theirs.keys);
    }
    if ours.foreign_keys != theirs.foreign_keys {
        return format!(
            "ours {:?}\n  theirs {:?}",
            ours.foreign_keys, theirs.foreign_keys
        );
    }
    format!(
        "ours {:?} {:?} {:?} {}, theirs {:?} {:?} {:?} {}",
        ours.charset,
        ours.collation,
        ours.engine,
        ours.partitioned,
        theirs.charset,
        theirs.collation,
        theirs.engine,
        theirs.partitioned
    )
}

async fn replay(kind: Kind) -> Result<()> {
    let database = Database::builder(kind)
        .arg("--skip-log-bin")
        .start()
        .await?;
    let family = if kind.is_mariadb() {
        Family::Mariadb
    } else {
        Family::Mysql
    };
    let grammar = Grammar::new(family, FIRST, SECOND);
    let mut random = StdRng::seed_from_u64(seed());
    let mut replay = Replay::open(&database, kind).await?;
    let wanted = rounds(STATEMENTS);
    let mut made = 0;
    while made < wanted {
        replay.begin_script(&mut random).await?;
        for number in 0..SCRIPT {
            // Tables first, or nothing could be altered.
            let rule = if number < 4 {
                "create_table"
            } else {
                "statement"
            };
            let one = grammar.generate(rule, &mut random);
            replay.run(&one.text, &one.productions).await?;
            made += 1;
        }
    }
    let judge = &replay.judge;
    let productions = grammar.productions();
    let never: Vec<&String> = productions
        .iter()
        .filter(|production| !judge.covered.contains_key(*production))
        .collect();
    println!(
        "{}: {made} statements, {} accepted, {} refused by both, {} not modelled, {} structures compared, {} of {} productions accepted",
        kind.title(),
        judge.accepted,
        judge.refused,
        judge.unmodelled,
        judge.compared,
        productions.len() - never.len(),
        productions.len()
    );
    for production in &productions {
        let count = judge.covered.get(production).copied().unwrap_or_default();
        println!("{count:6} {production}");
    }
    ensure!(
        judge.failures.is_empty(),
        "{}: {} failures\n\n{}",
        kind.title(),
        judge.failures.len(),
        judge
            .failures
            .iter()
            .take(SHOWN_MAX)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n\n")
    );
    ensure!(
        judge.accepted * 4 > made,
        "only {} of {made} statements were accepted",
        judge.accepted
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn random_ddl_is_followed_on_mysql() -> Result<()> {
    replay(Kind::Mysql97).await
}

#[tokio::test(flavor = "multi_thread")]
async fn random_ddl_is_followed_on_mariadb() -> Result<()> {
    replay(Kind::Mariadb118).await
}
