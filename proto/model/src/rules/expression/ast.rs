//! Expressions as they are written.

use super::Decimal;

/// An expression as it is written; names are not looked up yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ast {
    Null,
    Int(i128),
    Decimal(Decimal),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// `DATE '…'`, `TIME '…'` and `TIMESTAMP '…'`, by their first word.
    Temporal(&'static str, String),
    Column(String),
    Unary(Unary, Box<Ast>),
    Binary(Binary, Box<Ast>, Box<Ast>),
    IsNull(Box<Ast>),
    /// IS TRUE when true, IS FALSE when false.
    IsTruth(Box<Ast>, bool),
    In(Box<Ast>, Vec<Ast>),
    Between(Box<Ast>, Box<Ast>, Box<Ast>),
    /// Text, pattern, escape character.
    Like(Box<Ast>, Box<Ast>, Option<char>),
    Collate(Box<Ast>, String),
    /// CASE: operand, WHEN and THEN, ELSE.
    Case(Option<Box<Ast>>, Vec<(Ast, Ast)>, Option<Box<Ast>>),
    /// CAST(… AS type).
    Cast(Box<Ast>, Cast),
    /// Name in upper case, arguments.
    Call(String, Vec<Ast>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unary {
    Not,
    Minus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    Xor,
    And,
    Compare(Compare),
    Arith(Arith),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NullSafe,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arith {
    Add,
    Subtract,
    Multiply,
    Divide,
    IntDivide,
    Modulo,
}

/// A target of CAST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    Signed,
    Unsigned,
}
