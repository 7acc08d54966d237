//! A statement as a target of another dialect runs it.

use super::known::{
    AUTO_INCREMENT_ADDED, CLUSTERED_PRIMARY_KEY_DROPPED, CREATE_SELECT, Incompatibility,
    STORED_COLUMN_ADDED,
};
use super::{create, split};
use crate::context::Context;
use crate::error::ParseError;
use crate::statement::{AlterSpec, Kind, Statement};

/// The dialect of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// MySQL or MariaDB: everything passes as it is.
    Mysql,
    /// TiDB.
    Tidb,
}

/// What the target runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adapted {
    /// Statements in order; none when all of it means nothing there.
    pub parts: Vec<String>,
    /// Clauses that were left out.
    pub left_out: Vec<String>,
}

/// A clause that the target cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which of the table.
    pub known: &'static Incompatibility,
    /// The clause as written.
    pub clause: String,
    /// A statement that can run instead; empty when the advice is to skip; `None` when there is none.
    pub suggestion: Option<String>,
}

/// Turns one statement, with qualified names and without executable comments, into what the target runs.
///
/// `before`: the target's SHOW CREATE TABLE of the table that it changes, if known. A text that isn't understood passes unchanged:
/// the target judges it.
pub fn adapt(
    text: &str,
    context: &Context<'_>,
    dialect: Dialect,
    before: Option<&str>,
) -> Result<Adapted, Box<Refused>> {
    let unchanged = || Adapted {
        parts: vec![text.to_owned()],
        left_out: Vec::new(),
    };
    if dialect == Dialect::Mysql {
        return Ok(unchanged());
    }
    let Ok(statement) = only_statement(text, context) else {
        return Ok(unchanged());
    };
    if let Kind::CreateTableSelect(_) = statement.kind() {
        return Err(Box::new(Refused {
            known: &CREATE_SELECT,
            clause: "SELECT".to_owned(),
            suggestion: None,
        }));
    }
    if let Some(refused) = refused_alter(&statement, before) {
        return Err(Box::new(refused));
    }
    if let Some(refused) = create::refused(&statement, context) {
        return Err(Box::new(refused));
    }
    Ok(match statement.kind() {
        Kind::AlterTable(alter) => split::split(&statement, alter, context),
        _ => unchanged(),
    })
}

fn only_statement(text: &str, context: &Context<'_>) -> Result<Statement, ParseError> {
    let mut parsed = crate::parse(text, context)?;
    match (parsed.pop(), parsed.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(ParseError {
            offset: 0,
            message: String::from("not one statement"),
        }),
    }
}

/// Changes of a table that there is no equal statement for, or one of another text.
fn refused_alter(statement: &Statement, before: Option<&str>) -> Option<Refused> {
    let Kind::AlterTable(alter) = statement.kind() else {
        return None;
    };
    let clustered = before.is_some_and(|text| {
        let upper = text.to_ascii_uppercase();
        upper.contains("CLUSTERED") && !upper.contains("NONCLUSTERED")
    });
    alter.clauses.iter().find_map(|clause| {
        let written = || {
            statement
                .text()
                .get(clause.span.start..clause.span.end)
                .unwrap_or_default()
                .to_owned()
        };
        match &clause.spec {
            AlterSpec::DropPrimaryKey { .. } if clustered => Some(Refused {
                known: &CLUSTERED_PRIMARY_KEY_DROPPED,
                clause: written(),
                suggestion: None,
            }),
            AlterSpec::AddColumn { column, .. } if column.auto_increment => Some(Refused {
                known: &AUTO_INCREMENT_ADDED,
                clause: written(),
                suggestion: None,
            }),
            AlterSpec::AddColumn { column, .. }
                if column
                    .generated
                    .is_some_and(|generated| generated == crate::Generated::Stored) =>
            {
                let clause = written();
                let suggestion = ["STORED", "PERSISTENT", "stored", "persistent"]
                    .iter()
                    .find_map(|word| {
                        let at = clause.rfind(word)?;
                        let (head, tail) = clause.split_at(at);
                        let tail = tail.get(word.len()..)?;
                        let virtual_clause = format!("{head}VIRTUAL{tail}");
                        Some(statement.text().replacen(&clause, &virtual_clause, 1))
                    });
                Some(Refused {
                    known: &STORED_COLUMN_ADDED,
                    clause,
                    suggestion,
                })
            }
            _ => None,
        }
    })
}
