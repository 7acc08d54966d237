//! Text → tokens with byte spans.
//!
//! Executable comments are decided here, by the flavour and version of the server that wrote the text:
//! the content of an active one becomes tokens like any other, an inactive one is skipped as a comment.
//! Both are noted as cuts, so that the text can later be written without them. Bytes ≥ 0x80 are letters
//! of names; every span bound is an ASCII byte or an end of the text, so spans slice a `str` safely.

mod comment;
mod decode;
#[allow(clippy::module_inception)]
mod lexer;
mod token;

pub(crate) use decode::{decode_hex, decode_name, decode_string};
pub(crate) use lexer::{Lexed, lex};
pub(crate) use token::{Token, TokenKind};
