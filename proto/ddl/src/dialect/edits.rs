//! Tokens of a text by position, and edits of it.

use crate::context::Context;
use crate::error::ParseError;
use crate::lexer::{Token, TokenKind, decode_name, lex};
use crate::statement::Span;
use crate::statement::edit::{Edit, apply_edits};

/// A text with its tokens.
pub(super) struct Tokens<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str, context: &Context<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            text,
            tokens: lex(text, context)?.tokens,
        })
    }

    /// The token's text.
    pub(super) fn raw(&self, at: usize) -> &'a str {
        self.tokens
            .get(at)
            .and_then(|token| self.text.get(token.span.start..token.span.end))
            .unwrap_or_default()
    }

    pub(super) fn is_word(&self, at: usize, word: &str) -> bool {
        self.kind(at) == TokenKind::Word && self.raw(at).eq_ignore_ascii_case(word)
    }

    pub(super) fn any_word(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(at, word))
    }

    pub(super) fn is_punct(&self, at: usize, byte: u8) -> bool {
        self.kind(at) == TokenKind::Punct(byte)
    }

    pub(super) fn kind(&self, at: usize) -> TokenKind {
        self.tokens
            .get(at)
            .map_or(TokenKind::End, |token| token.kind)
    }

    /// A name or a string's content, in lower case.
    pub(super) fn value(&self, at: usize) -> String {
        let raw = self.raw(at);
        match self.kind(at) {
            TokenKind::String => raw.trim_matches(['\'', '"']).to_ascii_lowercase(),
            _ => decode_name(raw).to_ascii_lowercase(),
        }
    }

    /// The bytes of tokens `from..to`.
    pub(super) fn span(&self, from: usize, to: usize) -> Span {
        let start = self.tokens.get(from).map_or(0, |token| token.span.start);
        let end = to
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(start, |token| token.span.end);
        Span { start, end }
    }

    /// The token after the bracket that closes the one at `open`.
    pub(super) fn after_bracket(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for at in open..self.tokens.len() {
            if self.is_punct(at, b'(') {
                depth += 1;
            } else if self.is_punct(at, b')') {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
        }
        self.tokens.len()
    }

    /// Token ranges between the top-level commas of `from..to`.
    pub(super) fn items(&self, from: usize, to: usize) -> Vec<(usize, usize)> {
        let mut items = Vec::new();
        let (mut start, mut at) = (from, from);
        while at < to {
            if self.is_punct(at, b'(') {
                at = self.after_bracket(at);
                continue;
            }
            if self.is_punct(at, b',') {
                items.push((start, at));
                start = at + 1;
            }
            at += 1;
        }
        items.push((start, to));
        items
    }
}

/// The text without, or with other, pieces.
pub(super) fn edited(text: &str, edits: Vec<(Span, String)>) -> String {
    let edits = edits
        .into_iter()
        .map(|(span, with)| Edit { span, with })
        .collect();
    apply_edits(text, edits)
}
