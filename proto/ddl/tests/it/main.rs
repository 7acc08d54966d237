//! dm-ddl seen from outside: one file per scenario.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod apply;
mod apply_schema;
mod classify;
mod corpus;
mod create_table;
mod dialect;
mod never_panics;
mod recorded;
mod resolve;
mod rewrite;

use dm_ddl::{Context, Flavor, Kind, Schema, Statement, Table};

/// MySQL 8.0.46 with `db` as default database.
pub(crate) const MYSQL: Context<'static> = Context {
    default_schema: Some("db"),
    ansi_quotes: false,
    no_backslash_escapes: false,
    flavor: Flavor::Mysql,
    version: 80_046,
};

/// MySQL 5.7.33.
pub(crate) const MYSQL_57: Context<'static> = Context {
    version: 50_733,
    ..MYSQL
};

/// MariaDB 10.11.6.
pub(crate) const MARIADB: Context<'static> = Context {
    flavor: Flavor::Mariadb,
    version: 101_106,
    ..MYSQL
};

/// The only statement of a text.
pub(crate) fn one(text: &str, context: &Context<'_>) -> Statement {
    let mut statements = dm_ddl::parse(text, context).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(statements.len(), 1, "{text}");
    statements.remove(0)
}

/// What a text means.
pub(crate) fn kind(text: &str, context: &Context<'_>) -> Kind {
    one(text, context).kind().clone()
}

/// A schema with `db` in latin1, after these statements.
pub(crate) fn after(texts: &[&str], context: &Context<'_>) -> Schema {
    let mut schema = Schema::new(false);
    let all = ["CREATE DATABASE db CHARACTER SET latin1"]
        .iter()
        .chain(texts);
    for text in all {
        schema
            .apply(&one(text, context))
            .unwrap_or_else(|e| panic!("{text}: {e}"));
    }
    schema
}

/// One line per column and key, for comparison.
pub(crate) fn describe(table: &Table) -> String {
    let columns = table.columns.iter().map(describe_column);
    let keys = table.keys.iter().map(|key| {
        let parts = key.parts.iter().map(|part| {
            let name = part.column.as_deref().unwrap_or("(expression)");
            part.prefix
                .map_or_else(|| name.to_owned(), |prefix| format!("{name}({prefix})"))
        });
        format!(
            "{:?} {}({})",
            key.kind,
            key.name,
            parts.collect::<Vec<_>>().join(",")
        )
    });
    let foreign = table.foreign_keys.iter().map(|key| {
        let parent = format!(
            "{}.{}({})",
            key.parent_schema,
            key.parent_table,
            key.parent_columns.join(",")
        );
        format!("Foreign {}({}) {parent}", key.name, key.columns.join(","))
    });
    columns
        .chain(keys)
        .chain(foreign)
        .collect::<Vec<_>>()
        .join("; ")
}

fn describe_column(column: &dm_ddl::Column) -> String {
    let ty = &column.ty;
    let mut out = format!("{} {:?}", column.name, ty.kind);
    match (ty.length, ty.decimals) {
        (Some(length), Some(decimals)) => out += &format!("({length},{decimals})"),
        (Some(length), None) => out += &format!("({length})"),
        (None, Some(decimals)) => out += &format!("(.{decimals})"),
        (None, None) => {}
    }
    if !ty.elements.is_empty() {
        out += &format!("({})", ty.elements.join("|"));
    }
    for (set, word) in [
        (ty.unsigned, " unsigned"),
        (ty.zerofill, " zerofill"),
        (!column.nullable, " not_null"),
        (
            column.generated == Some(dm_ddl::Generated::Virtual),
            " virtual",
        ),
        (
            column.generated == Some(dm_ddl::Generated::Stored),
            " stored",
        ),
        (column.invisible, " invisible"),
        (column.auto_increment, " auto"),
        (column.has_default, " default"),
        (column.on_update_now, " on_update"),
    ] {
        if set {
            out += word;
        }
    }
    if let Some(collation) = &ty.collation {
        out += &format!(" {collation}");
    }
    out
}
