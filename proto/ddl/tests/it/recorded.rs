//! What real servers made of DDL: our structure after the same statements equals what their SHOW CREATE
//! TABLE parses to. `tests/record_structures.py` makes the data; `DM_RECORDED` names another folder of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dm_ddl::{Context, Flavor, Schema, Table, parse};
use serde::Deserialize;

#[derive(Deserialize)]
struct Header {
    version: String,
}

#[derive(Deserialize)]
struct Case {
    statements: Vec<String>,
    tables: BTreeMap<String, String>,
}

#[test]
fn structures_equal_the_servers() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data");
    let folder = std::env::var_os("DM_RECORDED").map_or(committed, PathBuf::from);
    let mut failures = Vec::new();
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            compared += compare_file(&path, &mut failures);
        }
    }
    assert!(compared > 50, "only {compared} tables compared");
    assert!(
        failures.is_empty(),
        "{} of {compared} differ\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

fn context(version: &str) -> Context<'static> {
    let mut numbers = version
        .split(['.', '-'])
        .map_while(|number| number.parse::<u32>().ok());
    let mut next = || numbers.next().unwrap_or(0);
    let version_number = next() * 10_000 + next() * 100 + next();
    let flavor = if version.contains("MariaDB") {
        Flavor::Mariadb
    } else {
        Flavor::Mysql
    };
    Context {
        flavor,
        version: version_number,
        ..crate::MYSQL
    }
}

fn compare_file(path: &Path, failures: &mut Vec<String>) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let header: Header = serde_json::from_str(lines.next().unwrap()).unwrap();
    let context = context(&header.version);
    let mut compared = 0;
    for line in lines {
        let case: Case = serde_json::from_str(line).unwrap();
        compared += case.tables.len();
        if let Err(problem) = compare(&case, &context) {
            failures.push(format!(
                "{}: {}\n{problem}",
                header.version,
                case.statements.join(";\n")
            ));
        }
    }
    compared
}

fn compare(case: &Case, context: &Context<'_>) -> Result<(), String> {
    let mut schema = Schema::new(false);
    let all = ["CREATE DATABASE db CHARACTER SET latin1"].into_iter();
    for text in all.chain(case.statements.iter().map(String::as_str)) {
        for statement in parse(text, context).map_err(|e| format!("{text}: {e}"))? {
            schema
                .apply(&statement)
                .map_err(|e| format!("{text}: {e}"))?;
        }
    }
    if schema.tables.len() != case.tables.len() {
        return Err(format!(
            "{} tables, the server has {}",
            schema.tables.len(),
            case.tables.len()
        ));
    }
    for (name, show) in &case.tables {
        let theirs = plain(Table::parse_create(show, context).map_err(|e| format!("{show}: {e}"))?);
        let ours = schema
            .table("db", name)
            .cloned()
            .ok_or_else(|| format!("no table {name}"))?;
        let (mut ours, mut theirs) = (plain(ours), theirs);
        if context.flavor == Flavor::Mariadb || context.version < 50_700 {
            forget_unique_order(&mut ours);
            forget_unique_order(&mut theirs);
        }
        if ours != theirs {
            let (a, b) = (crate::describe(&ours), crate::describe(&theirs));
            return Err(format!(
                "ours:   {a} / {:?}\nserver: {b} / {:?}",
                ours.collation, theirs.collation
            ));
        }
    }
    Ok(())
}

/// These servers order unique keys by more than we model, where a primary key makes the order meaningless.
fn forget_unique_order(table: &mut Table) {
    if table.primary_key().is_some() {
        table
            .keys
            .sort_by_key(|key| (!key.is_unique(), key.is_unique().then(|| key.name.clone())));
    }
}

/// Without what SHOW CREATE TABLE says more of than the statement: the engine, and the prefix that a lax
/// sql_mode gives an index on a BLOB without one.
fn plain(mut table: Table) -> Table {
    table.engine = None;
    let blobs: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.ty.kind.is_blob())
        .map(|column| column.name.clone())
        .collect();
    for key in table
        .keys
        .iter_mut()
        .filter(|key| key.kind == dm_ddl::KeyKind::Index)
    {
        for part in &mut key.parts {
            if part
                .column
                .as_ref()
                .is_some_and(|column| blobs.contains(column))
            {
                part.prefix = None;
            }
        }
    }
    table
}
