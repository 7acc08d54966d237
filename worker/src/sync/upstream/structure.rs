//! What the source's tables look like.

use dm_ddl::{Context, Table};
use dm_model::{BlockAllowList, DmError, Flavor, TableName, codes};
use mysql_async::{Conn, Row, prelude::Queryable};

use crate::{database::ServerIdentity, sync::errors};

/// A table found at the source.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) name: TableName,
    /// The server's estimates.
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// All base tables that the lists allow, in name order.
pub(crate) async fn list_tables(
    conn: &mut Conn,
    filter: &BlockAllowList,
) -> Result<Vec<Found>, DmError> {
    let select = "SELECT TABLE_SCHEMA, TABLE_NAME, IFNULL(TABLE_ROWS, 0), IFNULL(DATA_LENGTH, 0) FROM information_schema.TABLES \
                  WHERE TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_SCHEMA, TABLE_NAME";
    let rows: Vec<(String, String, u64, u64)> = conn.query(select).await.map_err(upstream)?;
    Ok(rows
        .into_iter()
        .filter(|(schema, table, ..)| filter.allows(schema, Some(table)))
        .map(|(schema, table, rows, bytes)| Found {
            name: TableName::new(schema, table),
            rows,
            bytes,
        })
        .collect())
}

/// Every database with the character set and collation that its new tables get.
pub(crate) async fn list_databases(
    conn: &mut Conn,
) -> Result<Vec<(String, String, String)>, DmError> {
    let select = "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA";
    conn.query(select).await.map_err(errors::upstream)
}

/// The text of SHOW CREATE TABLE and what it says. `None`: no such table.
pub(crate) async fn show_create(
    conn: &mut Conn,
    name: &TableName,
    server: &ServerIdentity,
) -> Result<Option<(String, Table)>, DmError> {
    let row: Option<Row> = match conn.query_first(format!("SHOW CREATE TABLE {name}")).await {
        Ok(row) => row,
        Err(mysql_async::Error::Server(error)) if matches!(error.code, 1146 | 1049) => {
            return Ok(None);
        }
        Err(error) => return Err(upstream(error)),
    };
    let Some(text) = row.and_then(|row| row.get_opt::<String, _>(1)?.ok()) else {
        return Ok(None);
    };
    let structure = structure_of(name, &text, server)?;
    Ok(Some((text, structure)))
}

/// What the text of SHOW CREATE TABLE says.
pub(crate) fn structure_of(
    name: &TableName,
    text: &str,
    server: &ServerIdentity,
) -> Result<Table, DmError> {
    Table::parse_create(text, &context(server, Some(&name.schema))).map_err(|error| {
        DmError::new(
            &codes::SCHEMA_TRACKER_CANNOT_EXEC_DDL,
            format!("the structure of {name} cannot be understood: {text}"),
        )
        .with_cause(error)
    })
}

/// The text of SHOW CREATE DATABASE.
pub(crate) async fn show_create_database(
    conn: &mut Conn,
    schema: &str,
) -> Result<Option<String>, DmError> {
    let show = format!(
        "SHOW CREATE DATABASE IF NOT EXISTS {}",
        crate::sync::value::quote_name(schema)
    );
    let row: Option<Row> = conn.query_first(show).await.map_err(upstream)?;
    Ok(row.and_then(|row| row.get_opt::<String, _>(1)?.ok()))
}

/// How texts of this server are to be read when no session says otherwise.
pub(crate) fn context<'a>(server: &ServerIdentity, default_schema: Option<&'a str>) -> Context<'a> {
    Context {
        default_schema,
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: ddl_flavor(server.flavor()),
        version: server.number,
    }
}

fn ddl_flavor(flavor: Flavor) -> dm_ddl::Flavor {
    match flavor {
        Flavor::Mysql => dm_ddl::Flavor::Mysql,
        Flavor::Mariadb => dm_ddl::Flavor::Mariadb,
    }
}

fn upstream(error: mysql_async::Error) -> DmError {
    errors::upstream(error)
}
