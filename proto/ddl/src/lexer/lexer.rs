//! The lexer.

use super::comment::{self, Opening};
use super::{Token, TokenKind};
use crate::context::Context;
use crate::error::ParseError;
use crate::statement::Span;

/// A text's tokens, without one for its end.
#[derive(Debug, Default)]
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    /// Markers of active executable comments, and inactive ones whole.
    pub(crate) cuts: Vec<Span>,
}

/// Splits a text into tokens. Only an unfinished string, name or comment is an error.
pub(crate) fn lex(text: &str, context: &Context<'_>) -> Result<Lexed, ParseError> {
    let mut lexer = Lexer {
        bytes: text.as_bytes(),
        at: 0,
        open_comments: 0,
        context,
        out: Lexed::default(),
    };
    while lexer.at < lexer.bytes.len() {
        lexer.step()?;
    }
    Ok(lexer.out)
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Active executable comments that haven't ended.
    open_comments: usize,
    context: &'a Context<'a>,
    out: Lexed,
}

impl Lexer<'_> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at.saturating_add(ahead)).copied()
    }

    fn step(&mut self) -> Result<(), ParseError> {
        let Some(first) = self.byte(0) else {
            return Ok(());
        };
        match (first, self.byte(1)) {
            (byte, _) if byte.is_ascii_whitespace() || byte.is_ascii_control() => {
                self.at = self.at.saturating_add(1)
            }
            (b'#', _) => self.skip_line(),
            (b'-', Some(b'-'))
                if self
                    .byte(2)
                    .is_none_or(|b| b.is_ascii_whitespace() || b.is_ascii_control()) =>
            {
                self.skip_line();
            }
            (b'/', Some(b'*')) => self.comment()?,
            (b'*', Some(b'/')) if self.open_comments > 0 => {
                self.open_comments = self.open_comments.saturating_sub(1);
                let start = self.at;
                self.at = self.at.saturating_add(2);
                self.out.cuts.push(Span {
                    start,
                    end: self.at,
                });
            }
            (b'`', _) => self.quoted(0, false, TokenKind::QuotedName)?,
            (b'"', _) if self.context.ansi_quotes => {
                self.quoted(0, false, TokenKind::QuotedName)?
            }
            (b'\'' | b'"', _) => self.quoted(0, true, TokenKind::String)?,
            (b'x' | b'X', Some(b'\'')) => self.quoted(1, false, TokenKind::Hex)?,
            (b'b' | b'B', Some(b'\'')) => self.quoted(1, false, TokenKind::Bit)?,
            (b'n' | b'N', Some(b'\'')) => self.quoted(1, true, TokenKind::String)?,
            (b'0'..=b'9', _) => self.number_or_word(),
            (b'.', Some(b'0'..=b'9')) if !self.follows_name() => self.number_or_word(),
            (byte, _) if is_name_byte(byte) => self.word(),
            (byte, _) => {
                let start = self.at;
                self.at = self.at.saturating_add(1);
                self.push(TokenKind::Punct(byte), start);
            }
        }
        Ok(())
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.out.tokens.push(Token {
            kind,
            span: Span {
                start,
                end: self.at,
            },
        });
    }

    fn unfinished(&self, what: &str) -> ParseError {
        ParseError {
            offset: self.at,
            message: format!("{what} without an end"),
        }
    }

    fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        self.at = self.at.saturating_add(length);
    }

    fn comment(&mut self) -> Result<(), ParseError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let start = self.at;
        let opening = comment::opening(rest, self.context.server());
        if let Opening::Active(marker) = opening {
            self.at = self.at.saturating_add(marker);
            self.open_comments = self.open_comments.saturating_add(1);
            self.out.cuts.push(Span {
                start,
                end: self.at,
            });
            return Ok(());
        }
        let inactive = opening == Opening::Inactive;
        let length = comment::length(rest, inactive).ok_or_else(|| self.unfinished("a comment"))?;
        self.at = self.at.saturating_add(length);
        if inactive {
            self.out.cuts.push(Span {
                start,
                end: self.at,
            });
        }
        Ok(())
    }

    /// A token in quotes that start after `prefix` bytes; a doubled quote stands for itself.
    fn quoted(&mut self, prefix: usize, escapes: bool, kind: TokenKind) -> Result<(), ParseError> {
        let quote = self.byte(prefix);
        let escapes = escapes && !self.context.no_backslash_escapes;
        let mut at = self.at.saturating_add(prefix).saturating_add(1);
        loop {
            let Some(&byte) = self.bytes.get(at) else {
                return Err(self.unfinished(if kind == TokenKind::QuotedName {
                    "a quoted name"
                } else {
                    "a string"
                }));
            };
            at = at.saturating_add(1);
            if byte == b'\\' && escapes {
                at = at.saturating_add(1);
            } else if Some(byte) == quote {
                if self.bytes.get(at).copied() != quote {
                    break;
                }
                at = at.saturating_add(1);
            }
        }
        let start = self.at;
        self.at = at;
        self.push(kind, start);
        Ok(())
    }

    /// Whether the last token is a name's end or a dot right before this byte: what comes is a name,
    /// though it may start with a digit (`db.1t`).
    fn follows_name(&self) -> bool {
        self.out.tokens.last().is_some_and(|token| {
            token.span.end == self.at
                && matches!(
                    token.kind,
                    TokenKind::Word | TokenKind::QuotedName | TokenKind::Punct(b'.')
                )
        })
    }

    fn word(&mut self) {
        let start = self.at;
        self.at = self.end_of(start, is_name_byte);
        self.push(TokenKind::Word, start);
    }

    fn end_of(&self, from: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from.saturating_add(rest.iter().position(|&b| !wanted(b)).unwrap_or(rest.len()))
    }

    /// A word may start with a digit but not be all digits; `1e5` and `0x1f` are numbers.
    fn number_or_word(&mut self) {
        let start = self.at;
        if self.follows_name() {
            return self.word();
        }
        let run = self
            .bytes
            .get(start..self.end_of(start, is_name_byte))
            .unwrap_or_default();
        let kind = match run {
            [b'0', b'x', digits @ ..]
                if !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit) =>
            {
                TokenKind::Hex
            }
            [b'0', b'b', digits @ ..]
                if !digits.is_empty() && digits.iter().all(|b| matches!(b, b'0' | b'1')) =>
            {
                TokenKind::Bit
            }
            _ => return self.decimal_or_word(start, run.len()),
        };
        self.at = start.saturating_add(run.len());
        self.push(kind, start);
    }

    fn decimal_or_word(&mut self, start: usize, run: usize) {
        let mut end = self.end_of(start, |b| b.is_ascii_digit());
        let is_integer = end == start.saturating_add(run);
        if self.bytes.get(end) == Some(&b'.') && (is_integer || run == 0) {
            end = self.end_of(end.saturating_add(1), |b| b.is_ascii_digit());
        }
        let exponent = self.exponent_end(end);
        if exponent.is_none() && !is_integer && run > 0 {
            self.at = start.saturating_add(run);
            return self.push(TokenKind::Word, start);
        }
        self.at = exponent.unwrap_or(end);
        self.push(TokenKind::Number, start);
    }

    fn exponent_end(&self, at: usize) -> Option<usize> {
        let mut digits = at.saturating_add(1);
        if !matches!(self.bytes.get(at), Some(b'e' | b'E')) {
            return None;
        }
        if matches!(self.bytes.get(digits), Some(b'+' | b'-')) {
            digits = digits.saturating_add(1);
        }
        let end = self.end_of(digits, |b| b.is_ascii_digit());
        let word_goes_on = self.bytes.get(end).is_some_and(|&b| is_name_byte(b));
        (end > digits && !word_goes_on).then_some(end)
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}
