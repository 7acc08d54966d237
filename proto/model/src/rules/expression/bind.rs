//! Looks names up and works types out; what would come out differently from the server is refused here.

use super::ast::{Arith, Ast, Binary, Cast, Compare, Unary};
use super::collation::Collation;
use super::functions::{self, Function};
use super::node::{Domain, Node, Strength, Type};
use super::{Datum, Decimal, eval, parse_datetime, parse_time_micros};

/// A column that an expression may name.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpressionColumn {
    /// Its name; case doesn't count.
    pub name: String,
    /// Its type.
    pub ty: ExpressionType,
}

/// What an expression has to know about a column's type.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpressionType {
    /// The integer types, YEAR and BIT.
    Int {
        /// UNSIGNED.
        unsigned: bool,
    },
    /// DECIMAL.
    Decimal,
    /// FLOAT and DOUBLE.
    Double,
    /// CHAR, VARCHAR, TEXT, ENUM and SET.
    Text {
        /// The server's name of the collation.
        collation: String,
    },
    /// BINARY, VARBINARY and BLOB.
    Bytes,
    /// DATE.
    Date,
    /// DATETIME, and TIMESTAMP in UTC.
    DateTime,
    /// TIME.
    Time,
    /// Its values can't be used; the type's name.
    Unsupported(String),
}

/// An expression bound to a table's columns.
#[derive(Debug, Clone)]
pub struct Expression {
    node: Node,
}

impl Expression {
    /// Reads an expression for a table with these columns; the error says what is wrong with it.
    pub fn new(text: &str, columns: &[ExpressionColumn]) -> Result<Self, String> {
        Self::bind(&super::parse(text)?, columns)
    }

    pub(crate) fn bind(ast: &Ast, columns: &[ExpressionColumn]) -> Result<Self, String> {
        let (node, ty) = Binder { columns }.bind(ast)?;
        condition(&ty)?;
        Ok(Self { node })
    }

    /// Whether it holds for a row, given by column index; NULL is `None`. The error says why that is not
    /// known.
    pub fn verdict(&self, column: &dyn Fn(usize) -> Datum) -> Result<Option<bool>, String> {
        eval::eval(&self.node, column).map(|value| value.is_true())
    }
}

struct Binder<'a> {
    columns: &'a [ExpressionColumn],
}

type Bound = Result<(Node, Type), String>;

impl Binder<'_> {
    fn bind(&self, ast: &Ast) -> Bound {
        Ok(match ast {
            Ast::Null => (Node::Const(Datum::Null), Type::Null),
            Ast::Int(value) => {
                if *value > i128::from(u64::MAX) {
                    let decimal = Datum::Decimal(Decimal::whole(*value));
                    return Ok((Node::Const(decimal), Type::Decimal));
                }
                let unsigned = *value > i128::from(i64::MAX);
                (Node::Const(Datum::Int(*value)), Type::Int(unsigned))
            }
            Ast::Decimal(value) => (Node::Const(Datum::Decimal(*value)), Type::Decimal),
            Ast::Double(value) => (Node::Const(Datum::Double(*value)), Type::Double),
            Ast::Text(text) => (Node::Const(Datum::Text(text.clone())), literal()),
            Ast::Bytes(bytes) => (Node::Const(Datum::Bytes(bytes.clone())), Type::Bytes),
            Ast::Temporal(kind, text) => temporal(kind, text)?,
            Ast::Column(name) => self.column(name)?,
            Ast::Unary(Unary::Not, inner) => {
                let (node, ty) = self.bind(inner)?;
                condition(&ty)?;
                (Node::Not(Box::new(node)), Type::Int(false))
            }
            Ast::Unary(Unary::Minus, inner) => self.minus(inner)?,
            Ast::Binary(Binary::Arith(operator), a, b) => self.arith(*operator, a, b)?,
            Ast::Binary(Binary::Compare(compare), a, b) => {
                let (domain, a, b) = self.compared(self.bind(a)?, self.bind(b)?)?;
                let node = Node::Compare(*compare, domain, Box::new(a), Box::new(b));
                (node, Type::Int(false))
            }
            Ast::Binary(operator, a, b) => {
                let ((a, of_a), (b, of_b)) = (self.bind(a)?, self.bind(b)?);
                condition(&of_a)?;
                condition(&of_b)?;
                let (a, b) = (Box::new(a), Box::new(b));
                let node = match operator {
                    Binary::Or => Node::Or(a, b),
                    Binary::Xor => Node::Xor(a, b),
                    _ => Node::And(a, b),
                };
                (node, Type::Int(false))
            }
            Ast::IsNull(inner) => {
                let (node, ty) = self.bind(inner)?;
                usable(&ty)?;
                (Node::IsNull(Box::new(node)), Type::Int(false))
            }
            Ast::IsTruth(inner, truth) => {
                let (node, ty) = self.bind(inner)?;
                condition(&ty)?;
                (Node::IsTruth(Box::new(node), *truth), Type::Int(false))
            }
            Ast::In(item, list) => self.in_list(item, list)?,
            Ast::Between(item, low, high) => self.between(item, low, high)?,
            Ast::Like(text, pattern, escape) => {
                let (text, of_text) = self.bind(text)?;
                let (pattern, of_pattern) = self.bind(pattern)?;
                let collation = merged(&of_text, &of_pattern)?;
                let node = Node::Like(Box::new(text), Box::new(pattern), *escape, collation);
                (node, Type::Int(false))
            }
            Ast::Collate(inner, name) => {
                let (node, ty) = self.bind(inner)?;
                let collation = Collation::by_name(name)
                    .ok_or_else(|| format!("collation {name} has no rules here"))?;
                if !ty.is_text() {
                    return Err("COLLATE is for text".to_owned());
                }
                let ty = Type::Text(Some(collation), Strength::Explicit, name.clone());
                (node, ty)
            }
            Ast::Case(operand, branches, otherwise) => {
                self.case(operand.as_deref(), branches, otherwise.as_deref())?
            }
            Ast::Cast(inner, to) => {
                let (node, ty) = self.bind(inner)?;
                if !ty.is_exact() && ty != Type::Null {
                    return Err("CAST here is for whole and decimal numbers".to_owned());
                }
                let unsigned = *to == Cast::Unsigned;
                (Node::Cast(Box::new(node), unsigned), Type::Int(unsigned))
            }
            Ast::Call(name, arguments) => self.call(name, arguments)?,
        })
    }

    fn column(&self, name: &str) -> Bound {
        let found = self
            .columns
            .iter()
            .position(|column| column.name.to_lowercase() == name.to_lowercase());
        let column = found.and_then(|index| Some((index, self.columns.get(index)?)));
        let (index, column) = column.ok_or_else(|| format!("there is no column `{name}`"))?;
        if let ExpressionType::Unsupported(what) = &column.ty {
            return Err(format!("column `{name}` is {what}, which can't be used"));
        }
        Ok((Node::Column(index), Type::of_column(&column.ty)))
    }

    fn minus(&self, inner: &Ast) -> Bound {
        // The smallest BIGINT is written as minus one number more than the largest.
        if let Ast::Int(value) = inner {
            let value = -value;
            return if value >= i128::from(i64::MIN) {
                Ok((Node::Const(Datum::Int(value)), Type::Int(false)))
            } else {
                let decimal = Datum::Decimal(Decimal::whole(value));
                Ok((Node::Const(decimal), Type::Decimal))
            };
        }
        let (node, ty) = self.bind(inner)?;
        let ty = match ty {
            Type::Int(_) => Type::Int(false),
            Type::Decimal | Type::Double | Type::Null => ty,
            _ => return Err("- is for numbers".to_owned()),
        };
        Ok((Node::Minus(Box::new(node)), ty))
    }

    fn arith(&self, operator: Arith, a: &Ast, b: &Ast) -> Bound {
        let ((a, of_a), (b, of_b)) = (self.bind(a)?, self.bind(b)?);
        for ty in [&of_a, &of_b] {
            if !(ty.is_number() || ty.is_text() || *ty == Type::Null) {
                return Err("arithmetic is for numbers".to_owned());
            }
        }
        let double = [&of_a, &of_b]
            .iter()
            .any(|ty| matches!(ty, Type::Double | Type::Text(..)));
        if double && operator == Arith::IntDivide {
            return Err("DIV here is for whole and decimal numbers".to_owned());
        }
        let unsigned = of_a == Type::Int(true) || of_b == Type::Int(true);
        let whole = [&of_a, &of_b]
            .iter()
            .all(|ty| matches!(ty, Type::Int(_) | Type::Null));
        let ty = match operator {
            _ if double => Type::Double,
            Arith::Divide => Type::Decimal,
            Arith::IntDivide => Type::Int(unsigned),
            Arith::Modulo if whole => Type::Int(of_a == Type::Int(true)),
            _ if whole => Type::Int(unsigned),
            _ => Type::Decimal,
        };
        let node = Node::Arith(
            operator,
            double,
            ty == Type::Int(true),
            Box::new(a),
            Box::new(b),
        );
        Ok((node, ty))
    }

    /// The domain in which two values compare, and the values with constants turned into it.
    fn compared(
        &self,
        (a, of_a): (Node, Type),
        (b, of_b): (Node, Type),
    ) -> Result<(Domain, Node, Node), String> {
        usable(&of_a)?;
        usable(&of_b)?;
        let domain = match (&of_a, &of_b) {
            (Type::Null, _) | (_, Type::Null) => Domain::Exact,
            (a, b) if a.is_exact() && b.is_exact() => Domain::Exact,
            (a, b) if (a.is_number() || a.is_text()) && (b.is_number() || b.is_text()) => {
                if a.is_text() && b.is_text() {
                    Domain::Text(merged(a, b)?)
                } else {
                    Domain::Double
                }
            }
            (Type::Bytes, Type::Bytes) => Domain::Bytes,
            (Type::Bytes, Type::Text(_, Strength::Literal, _)) => {
                return Ok((Domain::Bytes, a, literal_bytes(b)?));
            }
            (Type::Text(_, Strength::Literal, _), Type::Bytes) => {
                return Ok((Domain::Bytes, literal_bytes(a)?, b));
            }
            (Type::Date | Type::DateTime, Type::Date | Type::DateTime) => Domain::DateTime,
            (Type::Time, Type::Time) => Domain::Time,
            (Type::Date | Type::DateTime | Type::Time, Type::Text(..)) => {
                let time = of_a == Type::Time;
                return Ok((temporal_domain(time), a, literal_temporal(b, time)?));
            }
            (Type::Text(..), Type::Date | Type::DateTime | Type::Time) => {
                let time = of_b == Type::Time;
                return Ok((temporal_domain(time), literal_temporal(a, time)?, b));
            }
            _ => {
                return Err(format!(
                    "values of these types are not compared here: {} and {}",
                    named(&of_a),
                    named(&of_b)
                ));
            }
        };
        Ok((domain, a, b))
    }

    fn in_list(&self, item: &Ast, list: &[Ast]) -> Bound {
        let (item, of_item) = self.bind(item)?;
        if list.is_empty() {
            return Err("IN needs a list".to_owned());
        }
        let mut bound = Vec::with_capacity(list.len());
        let mut kinds = Vec::new();
        for one in list {
            let (node, ty) = self.bind(one)?;
            if ty != Type::Null {
                kinds.push(ty.is_text());
            }
            let (domain, _, node) = self.compared((item.clone(), of_item.clone()), (node, ty))?;
            bound.push((domain, node));
        }
        // The server makes one type of a list; texts and numbers in one mean something else there.
        if kinds.windows(2).any(|pair| pair.first() != pair.get(1)) {
            return Err("IN needs a list of texts or of numbers, not of both".to_owned());
        }
        if of_item.is_text() && bound.iter().any(|(d, _)| *d == Domain::Double) {
            return Err("a text is not looked for in a list of numbers here".to_owned());
        }
        Ok((Node::In(Box::new(item), bound), Type::Int(false)))
    }

    fn between(&self, item: &Ast, low: &Ast, high: &Ast) -> Bound {
        let (item, of_item) = self.bind(item)?;
        let (low, of_low) = self.bind(low)?;
        let (high, of_high) = self.bind(high)?;
        let texts = [&of_item, &of_low, &of_high].map(Type::is_text);
        if of_item != Type::Null && texts.iter().any(|t| *t) && !texts.iter().all(|t| *t) {
            let temporal = matches!(of_item, Type::Date | Type::DateTime | Type::Time);
            if !temporal {
                return Err("BETWEEN needs three texts or three numbers".to_owned());
            }
        }
        let (low_domain, item, low) = self.compared((item, of_item.clone()), (low, of_low))?;
        let (high_domain, item, high) = self.compared((item, of_item), (high, of_high))?;
        let node = Node::Between(
            Box::new(item),
            (low_domain, Box::new(low)),
            (high_domain, Box::new(high)),
        );
        Ok((node, Type::Int(false)))
    }

    fn case(
        &self,
        operand: Option<&Ast>,
        branches: &[(Ast, Ast)],
        otherwise: Option<&Ast>,
    ) -> Bound {
        let operand = operand.map(|operand| self.bind(operand)).transpose()?;
        let mut bound = Vec::with_capacity(branches.len());
        let mut types = Vec::with_capacity(branches.len() + 1);
        for (when, then) in branches {
            let when = self.bind(when)?;
            let when = match &operand {
                None => {
                    condition(&when.1)?;
                    when.0
                }
                Some(operand) => {
                    let (domain, a, b) = self.compared(operand.clone(), when)?;
                    Node::Compare(Compare::Equal, domain, Box::new(a), Box::new(b))
                }
            };
            let (then, ty) = self.bind(then)?;
            types.push(ty);
            bound.push((when, then));
        }
        let (otherwise, ty) = match otherwise {
            Some(otherwise) => self.bind(otherwise)?,
            None => (Node::Const(Datum::Null), Type::Null),
        };
        types.push(ty);
        Ok((Node::Case(bound, Box::new(otherwise)), one_type(&types)?))
    }

    fn call(&self, name: &str, arguments: &[Ast]) -> Bound {
        let bound = arguments
            .iter()
            .map(|argument| self.bind(argument))
            .collect::<Result<Vec<_>, _>>()?;
        match (name, bound.as_slice()) {
            ("IF", [when, then, otherwise]) => {
                condition(&when.1)?;
                let ty = one_type(&[then.1.clone(), otherwise.1.clone()])?;
                let branch = (when.0.clone(), then.0.clone());
                return Ok((Node::Case(vec![branch], Box::new(otherwise.0.clone())), ty));
            }
            ("ISNULL", [inner]) => {
                return Ok((Node::IsNull(Box::new(inner.0.clone())), Type::Int(false)));
            }
            ("NULLIF", [a, b]) => {
                let (domain, left, right) = self.compared(a.clone(), b.clone())?;
                let equal = Node::Compare(Compare::Equal, domain, Box::new(left), Box::new(right));
                let branch = (equal, Node::Const(Datum::Null));
                return Ok((Node::Case(vec![branch], Box::new(a.0.clone())), a.1.clone()));
            }
            _ => {}
        }
        let types: Vec<Type> = bound.iter().map(|(_, ty)| ty.clone()).collect();
        let function = Function::by_name(name).ok_or_else(|| functions::unknown(name))?;
        let ty = function
            .check(&types)
            .map_err(|problem| format!("{name}: {problem}"))?;
        let texts: Vec<&Type> = types.iter().filter(|ty| ty.is_text()).collect();
        let mut collation = Collation::of_literals();
        if let Some(first) = texts.first() {
            let mut whole = (*first).clone();
            for other in texts.iter().skip(1) {
                whole = stronger(&whole, other)?;
            }
            if let Type::Text(Some(own), _, _) = whole {
                collation = own;
            } else {
                return Err(format!(
                    "{name}: the collation of its text has no rules here"
                ));
            }
        }
        let nodes = bound.into_iter().map(|(node, _)| node).collect();
        Ok((Node::Call(function, nodes, collation), ty))
    }
}

fn literal() -> Type {
    Type::Text(
        Some(Collation::of_literals()),
        Strength::Literal,
        String::new(),
    )
}

fn temporal(kind: &str, text: &str) -> Bound {
    let bad = || format!("{kind} '{text}' is none");
    if kind == "TIME" {
        let micros = parse_time_micros(text).ok_or_else(bad)?;
        return Ok((Node::Const(Datum::Time(micros)), Type::Time));
    }
    let value = parse_datetime(text).ok_or_else(bad)?;
    let ty = if kind == "DATE" {
        Type::Date
    } else {
        Type::DateTime
    };
    Ok((Node::Const(Datum::DateTime(value)), ty))
}

fn temporal_domain(time: bool) -> Domain {
    if time { Domain::Time } else { Domain::DateTime }
}

fn literal_temporal(node: Node, time: bool) -> Result<Node, String> {
    let Node::Const(Datum::Text(text)) = &node else {
        return Err("a date or time compares with a date, a time or a literal only".to_owned());
    };
    let value = if time {
        parse_time_micros(text).map(Datum::Time)
    } else {
        parse_datetime(text).map(Datum::DateTime)
    };
    value
        .map(Node::Const)
        .ok_or_else(|| format!("'{text}' is no date or time: write YYYY-MM-DD hh:mm:ss"))
}

fn literal_bytes(node: Node) -> Result<Node, String> {
    match node {
        Node::Const(Datum::Text(text)) => Ok(Node::Const(Datum::Bytes(text.into_bytes()))),
        _ => Err("binary data compares with binary data or a literal only".to_owned()),
    }
}

fn usable(ty: &Type) -> Result<(), String> {
    match ty {
        Type::Unsupported(what) => Err(format!("{what} can't be used")),
        _ => Ok(()),
    }
}

/// What can stand where TRUE or FALSE is wanted.
fn condition(ty: &Type) -> Result<(), String> {
    if ty.is_number() || ty.is_text() || *ty == Type::Null {
        Ok(())
    } else {
        Err(format!("{} is neither true nor false", named(ty)))
    }
}

fn merged(a: &Type, b: &Type) -> Result<Collation, String> {
    match stronger(a, b)? {
        Type::Text(Some(collation), _, _) => Ok(collation),
        Type::Text(None, _, name) => Err(format!(
            "collation {name} has no rules here; write COLLATE with another one"
        )),
        _ => Err("LIKE and text comparison are for text".to_owned()),
    }
}

/// The text type whose collation counts.
fn stronger(a: &Type, b: &Type) -> Result<Type, String> {
    let (Type::Text(own, of_own, name), Type::Text(others, of_others, other_name)) = (a, b) else {
        return if *a == Type::Null || *b == Type::Null {
            Ok(literal())
        } else {
            Err("a text and something else are not compared here".to_owned())
        };
    };
    if of_own != of_others {
        return Ok(if of_own > of_others { a } else { b }.clone());
    }
    if own == others && name.eq_ignore_ascii_case(other_name) {
        return Ok(a.clone());
    }
    Err(format!(
        "the collations {name} and {other_name} meet: write COLLATE to say which one counts"
    ))
}

/// The common type of branches; the server would convert between others.
pub(super) fn one_type(types: &[Type]) -> Result<Type, String> {
    let mut whole = Type::Null;
    for ty in types {
        usable(ty)?;
        whole = match (&whole, ty) {
            (Type::Null, ty) => ty.clone(),
            (_, Type::Null) => whole,
            (Type::Int(a), Type::Int(b)) if a == b => whole,
            (a, b) if a.is_exact() && b.is_exact() => Type::Decimal,
            (a, b) if a.is_number() && b.is_number() => {
                return Err("branches mix exact numbers and doubles".to_owned());
            }
            (a, b) if a.is_text() && b.is_text() => stronger(a, b)?,
            (a, b) if a == b => whole,
            (a, b) => {
                return Err(format!("branches mix {} and {}", named(a), named(b)));
            }
        };
    }
    Ok(whole)
}

pub(super) fn named(ty: &Type) -> &'static str {
    match ty {
        Type::Null => "NULL",
        Type::Int(_) | Type::Decimal | Type::Double => "a number",
        Type::Text(..) => "a text",
        Type::Bytes => "binary data",
        Type::Date | Type::DateTime => "a date",
        Type::Time => "a time",
        Type::Unsupported(_) => "a value that can't be used",
    }
}
