//! Tokens.

use crate::statement::Span;

/// What a token is. Keywords are words: only the parser knows where a word is a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Unquoted name or keyword; also a character set introducer such as `_utf8mb4`.
    Word,
    /// Name in backticks, or in double quotes under ANSI_QUOTES.
    QuotedName,
    /// String.
    String,
    /// Decimal number.
    Number,
    /// Hexadecimal literal, `0x1f` or `x'1f'`.
    Hex,
    /// Bit literal, `0b1` or `b'1'`.
    Bit,
    /// One byte of punctuation.
    Punct(u8),
    /// After the last token.
    End,
}

/// A token and its bytes in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}
