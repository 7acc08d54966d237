//! SQL expressions over one row, with the server's types, NULL logic and collations.
//!
//! Constraint: a verdict is the server's or none. What could come out differently here (an unknown
//! function, a collation without a table of its own) is refused when the expression is bound to a table's
//! columns; what only some values show (an accented letter under a collation that ignores accents, an
//! overflow) is an error of that row.
//!
//! Read in this order: `token` and `parser` (text → [`ast`]), `datum` with `decimal` and `temporal`
//! (values), `collation` (how texts compare), `bind` (names and types → [`Expression`]), `eval` and
//! `functions`.

mod ast;
mod bind;
mod collation;
mod datum;
mod decimal;
mod eval;
mod functions;
mod node;
mod parser;
mod temporal;
mod token;

pub use bind::{Expression, ExpressionColumn, ExpressionType};
pub use datum::Datum;
pub use decimal::Decimal;
pub use temporal::{DateTime, parse_datetime, parse_time_micros};

pub(super) use ast::Ast;
pub(super) use parser::parse;

/// Longest expression.
const EXPRESSION_BYTES_MAX: usize = 16 << 10;
/// Deepest nesting of an expression.
const DEPTH_MAX: usize = 64;
/// Most operators in an expression.
const OPERATORS_MAX: usize = 256;
