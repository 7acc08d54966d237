//! Expressions whose names and types are known.

use super::ast::{Arith, Compare};
use super::collation::Collation;
use super::functions::Function;
use super::{Datum, ExpressionType};

/// A part of a bound expression.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Const(Datum),
    /// Index of a column.
    Column(usize),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Xor(Box<Node>, Box<Node>),
    Compare(Compare, Domain, Box<Node>, Box<Node>),
    IsNull(Box<Node>),
    IsTruth(Box<Node>, bool),
    In(Box<Node>, Vec<(Domain, Node)>),
    Between(Box<Node>, (Domain, Box<Node>), (Domain, Box<Node>)),
    Like(Box<Node>, Box<Node>, Option<char>, Collation),
    /// In doubles when true; the result is unsigned when the second is.
    Arith(Arith, bool, bool, Box<Node>, Box<Node>),
    Minus(Box<Node>),
    /// WHEN and THEN, ELSE.
    Case(Vec<(Node, Node)>, Box<Node>),
    /// To an unsigned BIGINT when true.
    Cast(Box<Node>, bool),
    Call(Function, Vec<Node>, Collation),
}

/// In which domain two values compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Domain {
    Exact,
    Double,
    Text(Collation),
    Bytes,
    DateTime,
    Time,
}

/// The type of a part, as far as its use depends on it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Null,
    /// Unsigned when true.
    Int(bool),
    Decimal,
    Double,
    /// Collation, and whether it comes from a column or a COLLATE rather than from a literal.
    Text(Option<Collation>, Strength, String),
    Bytes,
    Date,
    DateTime,
    Time,
    /// Can't be used; why.
    Unsupported(String),
}

/// How much a text's collation counts (MySQL: coercibility).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Literal,
    Column,
    Explicit,
}

impl Type {
    pub(super) fn of_column(ty: &ExpressionType) -> Self {
        match ty {
            ExpressionType::Int { unsigned } => Self::Int(*unsigned),
            ExpressionType::Decimal => Self::Decimal,
            ExpressionType::Double => Self::Double,
            ExpressionType::Text { collation } => Self::Text(
                Collation::by_name(collation),
                Strength::Column,
                collation.clone(),
            ),
            ExpressionType::Bytes => Self::Bytes,
            ExpressionType::Date => Self::Date,
            ExpressionType::DateTime => Self::DateTime,
            ExpressionType::Time => Self::Time,
            ExpressionType::Unsupported(what) => Self::Unsupported(what.clone()),
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Decimal | Self::Double)
    }

    pub(super) fn is_exact(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Decimal)
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(..))
    }
}
