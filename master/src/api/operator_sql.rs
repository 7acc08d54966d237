//! What may stand in a replacement or an injection.

use dm_ddl::{Context, Flavor, Kind};
use dm_model::{DmError, codes};

/// Comments for servers are judged as the newest would.
const VERSION: u32 = 90_700;

/// Every text must be DDL on tables or databases, with the schema in front of each table.
pub(super) fn check_statements(sqls: &[String]) -> Result<(), DmError> {
    let context = Context {
        default_schema: None,
        ansi_quotes: false,
        no_backslash_escapes: false,
        flavor: Flavor::Mysql,
        version: VERSION,
    };
    for sql in sqls {
        let parsed = dm_ddl::parse(sql, &context).map_err(|error| {
            DmError::new(
                &codes::VERIFY_HANDLE_ERROR_ARGS,
                format!("invalid sql '{sql}'"),
            )
            .with_cause(error)
        })?;
        if parsed.is_empty() {
            let message = format!("invalid sql '{sql}': there is no statement in it");
            return Err(DmError::new(&codes::VERIFY_HANDLE_ERROR_ARGS, message));
        }
        for statement in &parsed {
            match statement.kind() {
                Kind::Transaction(_) | Kind::Ignored { .. } | Kind::Dml { .. } | Kind::Unknown => {
                    let message = format!("'{}' is not a DDL statement", statement.text());
                    return Err(DmError::new(&codes::SYNCER_EVENT, message));
                }
                _ => {}
            }
            if let Some(name) = statement.names().iter().find(|name| name.schema.is_empty()) {
                let table = name.table.as_deref().unwrap_or_default();
                let message = format!("table `{table}` in '{}' has no schema", statement.text());
                return Err(DmError::new(
                    &codes::SYNCER_UNIT_INJECT_DDL_WITHOUT_SCHEMA,
                    message,
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ddl_with_a_schema_is_taken() {
        let code = |sql: &str| {
            check_statements(&[sql.to_owned()])
                .err()
                .map(|error| error.code)
        };
        assert_eq!(
            code("ALTER TABLE d.t ADD c INT; ALTER TABLE d.t ADD e INT"),
            None
        );
        assert_eq!(code("CREATE DATABASE d"), None);
        assert_eq!(code("ALTER TABLE t ADD c INT"), Some(36024));
        assert_eq!(code("INSERT INTO d.t VALUES (1)"), Some(36064));
        assert_eq!(code("GRANT ALL ON *.* TO a"), Some(36064));
        assert_eq!(code("ALTER TABEL d.t"), Some(36064));
        assert_eq!(code("ALTER TABLE d.t ADD c 'unfinished"), Some(11118));
        assert_eq!(code("-- nothing"), Some(11118));
    }
}
