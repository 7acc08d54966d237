//! Parser.
use crate::{Context, ParseError, Statement, Kind};
/// Splits a text into statements.
pub fn parse(text: &str, context: &Context<'_>) -> Result<Vec<Statement>, ParseError> {
    Ok(vec![Statement { text: text.to_owned(), kind: Kind::Unknown, server: context.server(), names: vec![], cuts: vec![], suffix: None }])
}
