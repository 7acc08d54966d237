//! Splits a text into statements and sends each to its parser.

use super::cursor::{Cursor, Parsed};
use super::{alter, classify, create, table};
use crate::context::Context;
use crate::error::ParseError;
use crate::lexer::{Lexed, Token, TokenKind, lex};
use crate::statement::{Kind, Span, Statement};

/// Reads a text of one or more statements. Comments alone make none.
///
/// An error means that the text isn't lexically sound, or is DDL on tables that we can't read; a
/// statement of an unknown sort is [`Kind::Unknown`].
pub fn parse(text: &str, context: &Context<'_>) -> Result<Vec<Statement>, ParseError> {
    let lexed = lex(text, context)?;
    let mut statements = Vec::new();
    let mut rest = lexed.tokens.as_slice();
    let mut from = 0;
    loop {
        while let Some((
            Token {
                kind: TokenKind::Punct(b';'),
                span,
            },
            after,
        )) = rest.split_first()
        {
            (rest, from) = (after, span.end);
        }
        if rest.is_empty() {
            return Ok(statements);
        }
        let length = statement_length(text, rest, context);
        let (tokens, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let end = after.first().map_or(text.len(), |token| token.span.start);
        statements.push(parse_one(
            text,
            Span { start: from, end },
            tokens,
            &lexed,
            context,
        )?);
        (rest, from) = (after, end);
    }
}

/// Tokens up to the semicolon that ends the first statement. The body of a routine has semicolons of its
/// own, and nothing follows it.
fn statement_length(text: &str, tokens: &[Token], context: &Context<'_>) -> usize {
    let length = tokens
        .iter()
        .position(|token| token.kind == TokenKind::Punct(b';'))
        .unwrap_or(tokens.len());
    let first = tokens.get(..length).unwrap_or_default();
    if classify::has_body(&mut Cursor::new(text, first, context)) {
        tokens.len()
    } else {
        length
    }
}

fn parse_one(
    text: &str,
    whole: Span,
    tokens: &[Token],
    lexed: &Lexed,
    context: &Context<'_>,
) -> Parsed<Statement> {
    let slice = text.get(whole.start..whole.end).unwrap_or_default();
    let start = whole
        .start
        .saturating_add(slice.len().saturating_sub(slice.trim_start().len()));
    let own = slice.trim();
    let end = start.saturating_add(own.len());
    let shift = |span: Span| Span {
        start: span.start.saturating_sub(start),
        end: span.end.saturating_sub(start),
    };
    let tokens: Vec<Token> = tokens
        .iter()
        .map(|token| Token {
            kind: token.kind,
            span: shift(token.span),
        })
        .collect();
    let mut cursor = Cursor::new(own, &tokens, context);
    let outcome = kind(&mut cursor).map_err(|error| ParseError {
        offset: error.offset.saturating_add(start),
        message: error.message,
    })?;
    let cuts = lexed
        .cuts
        .iter()
        .filter(|cut| cut.start >= start && cut.end <= end)
        .map(|cut| shift(*cut))
        .collect();
    Ok(Statement {
        text: own.to_owned(),
        kind: outcome.kind,
        server: context.server(),
        names: cursor.into_names(),
        cuts,
        suffix: outcome.suffix,
    })
}

/// What a statement means, and the part of it that the target must not see.
pub(super) struct Outcome {
    pub(super) kind: Kind,
    pub(super) suffix: Option<Span>,
}

impl From<Kind> for Outcome {
    fn from(kind: Kind) -> Self {
        Self { kind, suffix: None }
    }
}

fn kind(cursor: &mut Cursor<'_>) -> Parsed<Outcome> {
    if let Some(kind) = classify::classify(cursor) {
        return Ok(kind.into());
    }
    let verb = cursor.accept_any(&["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"]);
    match verb {
        Some("CREATE") => create::create(cursor),
        Some("ALTER") => alter::alter(cursor).map(Outcome::from),
        Some("DROP") => table::drop(cursor).map(Outcome::from),
        Some("RENAME") => table::rename(cursor).map(Outcome::from),
        Some("TRUNCATE") => table::truncate(cursor).map(Outcome::from),
        _ => Ok(Kind::Unknown.into()),
    }
}
